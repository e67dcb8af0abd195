"""Blobs over HTTP, for a task that has a token and no database. Streams both ways; every content is checked against its digest.

A server that is restarted meanwhile is waited for, `PATIENCE_S` long: whoever computed for an hour must not lose that to two seconds.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import httpx2

from regie.base.blobs import PIECE_BYTES
from regie.base.canonical import file_digest, sha256
from regie.base.clock import monotonic
from regie.base.errors import RegieError, Unreachable

PATIENCE_S, PAUSE_S, LONGEST_S = 30.0, 0.1, 2.0  # the pause between two tries doubles
TIMEOUT_S = 60.0
T = TypeVar("T")


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

        def once() -> Path:
            with self._http.stream("GET", f"/api/v1/blobs/{digest}") as answer:
                if answer.status_code != 200:
                    answer.read()
                    raise _refused(answer, f"fetching {digest}")
                return _written(answer.iter_bytes(PIECE_BYTES), path, digest)

        return self._patiently(once, f"fetching {digest}")

    def store(self, content: bytes | Path) -> str:
        """Send a blob; returns its digest. Sending it again is harmless, so it is tried again when the line breaks."""
        digest = file_digest(content) if isinstance(content, Path) else sha256(content)

        def once() -> str:
            answer = self._http.put(f"/api/v1/blobs/{digest}", content=_pieces(content) if isinstance(content, Path) else content)
            if answer.status_code not in (200, 201):
                raise _refused(answer, f"sending {digest}")
            return digest

        return self._patiently(once, f"sending {digest}")

    def _patiently(self, once: Callable[[], T], doing: str) -> T:
        """Again while the line breaks, or nobody answers. Raises Unreachable."""
        until, pause_s = monotonic() + PATIENCE_S, PAUSE_S
        while True:
            try:
                return once()
            except httpx2.TransportError as error:
                if monotonic() + pause_s > until:
                    raise Unreachable(f"{doing}: {error}", str(self._http.base_url), "is the server up?") from error
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_S)

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
