"""Artifacts of one server streamed to another, in pieces of 1 MiB, whatever their size.

A file that the target lists with the same path and size is not sent again. A source that keeps its artifacts in a bucket is read
through its server; a target must take them through its own.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from regie.base.errors import BadInput
from regie.client.http import RemoteError
from regie.client.mlflow import rewrite
from regie.client.mlflow.wire import AJAX, PROXY, Wire

Ids = Callable[[str], str | None]


@dataclass(frozen=True)
class Root:
    """Where the artifacts of a run or of a logged model lie, as its server says it."""

    uri: str
    run_id: str = ""
    model_id: str = ""

    @property
    def proxied(self) -> str | None:
        """The path below the server's artifact proxy; None where its artifacts lie elsewhere."""
        parts = urlsplit(self.uri)
        if parts.scheme == "mlflow-artifacts":
            return parts.path.strip("/")
        _, inside, path = parts.path.partition("/mlflow-artifacts/artifacts/")
        return path.strip("/") if parts.scheme in ("http", "https") and inside else None


def listed(wire: Wire, root: Root, folder: str = "") -> Iterator[tuple[str, int]]:
    """(path, bytes) of every file below a folder."""
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        for one in _entries(wire, root, here):
            name = one["path"].rstrip("/").rsplit("/", 1)[-1]
            path = f"{here}/{name}" if here else name
            if one.get("is_dir"):
                waiting.append(path)
            else:
                yield path, int(one.get("file_size") or 0)


def _entries(wire: Wire, root: Root, folder: str) -> Iterable[dict[str, Any]]:
    """What lies directly in a folder."""
    if (proxied := root.proxied) is not None:
        try:
            return wire.get(PROXY, path=f"{proxied}/{folder}".rstrip("/")).get("files") or []
        except RemoteError as error:
            if error.status == 404:
                return []
            raise
    if root.model_id:
        path = f"logged-models/{root.model_id}/artifacts/directories"
        return wire.pages(path, "files", {"artifact_directory_path": folder or None}, "GET")
    return wire.pages("artifacts/list", "files", {"run_id": root.run_id, "path": folder or None}, "GET")


def read(wire: Wire, root: Root, path: str) -> AbstractContextManager[Iterator[bytes]]:
    """One file in pieces."""
    if (proxied := root.proxied) is not None:
        return wire.stream(f"{PROXY}/{quote(unquote(proxied) + '/' + path)}")
    if root.model_id:
        return wire.stream(f"{AJAX}logged-models/{root.model_id}/artifacts/files", artifact_file_path=path)
    return wire.stream("/get-artifact", run_id=root.run_id, path=path)


def send(
    source: Wire, root: Root, path: str, size: int, target: Wire, to: Root, at: str, ids: Ids, sent: Callable[[int], None]
) -> None:
    """Copy one file; `sent` hears of each piece. Raises BadInput where the target takes no artifacts."""
    proxied = to.proxied
    if proxied is None:
        raise BadInput(
            f"the target keeps artifacts at {urlsplit(to.uri).scheme or 'a path'}:, and does not take them over HTTP", target.url,
            "start it with --serve-artifacts, or leave them out with --no-artifacts",
        )  # fmt: skip
    where = f"{PROXY}/{quote(unquote(proxied) + '/' + at)}"

    def once() -> bool:
        with read(source, root, path) as pieces:
            if path.rsplit("/", 1)[-1] == rewrite.MLMODEL and size <= rewrite.MLMODEL_BYTES:
                content = rewrite.mlmodel(b"".join(pieces), ids)
                pieces, length = iter([content]), len(content)
            else:
                length = size
            target.put(where, _counted(pieces, sent), length)
        return True

    target.patiently(once)


def _counted(pieces: Iterable[bytes], sent: Callable[[int], None]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        sent(len(piece))
