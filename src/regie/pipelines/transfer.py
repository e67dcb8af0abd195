"""Blobs over HTTP, for a task that has a token and no database. Streams both ways; every content is checked against its digest."""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import httpx2

from regie.base.blobs import PIECE_BYTES
from regie.base.canonical import file_digest, sha256
from regie.base.errors import RegieError, Unreachable

TRIES = 4
TIMEOUT_S = 60.0


class TransferFailed(RegieError):
    """The server refused a blob, or sent another one than was asked for."""

    code, status, exit_code = "task.transfer", 502, 1


class Transfer:
    """The blobs of one server, by one token."""

    def __init__(self, server: str, token: str) -> None:
        self._server, self._token = server, token

    @cached_property
    def _http(self) -> httpx2.Client:
        """Made when it is needed: a step of numbers moves no blob."""
        headers = {"authorization": f"Bearer {self._token}"}
        # Reading the certificates costs 45 ms a task, and plain HTTP needs none.
        secure = not self._server.startswith("http://")
        return httpx2.Client(base_url=self._server, headers=headers, timeout=TIMEOUT_S, trust_env=False, verify=secure)

    def fetch(self, digest: str, path: Path) -> Path:
        """Write a blob to a file. Raises TransferFailed, Unreachable."""
        for attempt in range(TRIES):
            try:
                with self._http.stream("GET", f"/api/v1/blobs/{digest}") as answer:
                    if answer.status_code != 200:
                        answer.read()
                        raise _refused(answer, f"fetching {digest}")
                    return _written(answer.iter_bytes(PIECE_BYTES), path, digest)
            except httpx2.TransportError as error:
                if attempt == TRIES - 1:
                    raise Unreachable(f"fetching {digest}: {error}", str(self._http.base_url), "is the server up?") from error
        raise AssertionError

    def store(self, content: bytes | Path) -> str:
        """Send a blob; returns its digest. Sending it again is harmless, so it is tried again when the line breaks."""
        digest = file_digest(content) if isinstance(content, Path) else sha256(content)
        for attempt in range(TRIES):
            try:
                body = _pieces(content) if isinstance(content, Path) else content
                answer = self._http.put(f"/api/v1/blobs/{digest}", content=body)
            except httpx2.TransportError as error:
                if attempt == TRIES - 1:
                    raise Unreachable(f"sending {digest}: {error}", str(self._http.base_url), "is the server up?") from error
                continue
            if answer.status_code not in (200, 201):
                raise _refused(answer, f"sending {digest}")
            return digest
        raise AssertionError

    def close(self) -> None:
        if "_http" in vars(self):
            self._http.close()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


def _written(stream: Iterator[bytes], path: Path, digest: str) -> Path:
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        for piece in stream:
            hasher.update(piece)
            file.write(piece)
    if "sha256:" + hasher.hexdigest() != digest:
        raise TransferFailed(f"the server sent another content than {digest}", do="regie doctor")
    return path


def _refused(answer: httpx2.Response, doing: str) -> TransferFailed:
    return TransferFailed(f"{doing}: {answer.status_code} {answer.text[:300]}", str(answer.url), "see the server's log")
