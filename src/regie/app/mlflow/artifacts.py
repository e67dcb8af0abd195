"""The artifact proxy: files stream to and from the blobs, with flat memory, whatever their size.

A small file is taken and named in one go of one thread; a large one in pieces of a mebibyte, so that the server holds a few of them.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Protocol

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, Response
from starlette.requests import ClientDisconnect

from regie.app.caller import Caller, CallerOf
from regie.app.mlflow import places, policy, rights
from regie.app.mlflow.call import Call, Wire, WireRoute, present
from regie.app.mlflow.places import Place
from regie.base.blobs import PIECE_BYTES, Writing
from regie.base.errors import BadInput
from regie.registry import queries as registry
from regie.tracking import artifacts
from regie.tracking.search import ARTIFACTS

proxy = APIRouter(route_class=WireRoute)
router = APIRouter(route_class=WireRoute)
pages = APIRouter(route_class=WireRoute)


@proxy.get("/mlflow-artifacts/artifacts")
def find(call: Wire) -> dict[str, Any]:
    where = places.place(call.optional("path") or "")
    return present(files=_listed(call.caller, where))


def _listed(caller: CallerOf, where: Place, prefix: str = "") -> list[dict[str, Any]]:
    places.may_see(caller, where)
    with caller.store.read() as db:
        return places.listing(db, caller.store.blobs, caller.workspace, where, prefix)


@proxy.get("/mlflow-artifacts/artifacts/{path:path}")
def download(path: str, caller: Caller) -> FileResponse:
    return sent(caller, places.place(path))


class Sent(FileResponse):
    """A file in large pieces: each one is a turn of a thread. `Range` and `HEAD` are its base's."""

    chunk_size = PIECE_BYTES


def sent(caller: CallerOf, where: Place) -> FileResponse:
    """A file as a download. Raises NotFound, NotAllowed."""
    places.may_see(caller, where)
    with caller.store.read() as db:
        digest, _ = places.file(db, caller.store.blobs, caller.workspace, where)
    # Never shown inline: an artifact is somebody's file, and must not run as a page of this server.
    headers = {"X-Content-Type-Options": "nosniff"}
    name = where.path.rsplit("/", 1)[-1]
    return Sent(caller.store.blobs.path(digest), media_type="application/octet-stream", filename=name, headers=headers)


@proxy.put("/mlflow-artifacts/artifacts/{path:path}")
async def upload(path: str, request: Request, caller: Caller) -> Response:
    await received(request, Incoming(caller, places.file_place(path)))
    return Response(b"{}", media_type="application/json")


class Incoming:
    """A file that is being sent: its right is asked for at its first piece, its name is given at its end."""

    def __init__(self, caller: CallerOf, where: Place) -> None:
        self.caller, self.where = caller, where
        self.writing: Writing | None = None

    def write(self, piece: bytes) -> None:
        """Raises NotAllowed, NotFound, StorageFull."""
        if self.writing is None:
            places.may_write(self.caller, self.where)
            self.writing = self.caller.store.blobs.begin()
        self.writing.write(piece)

    def finish(self) -> None:
        """Keep the content, and name it. Raises NotAllowed, NotFound, BadInput; then nothing is named."""
        assert self.writing is not None
        digest = self.writing.done(durable=False)
        caller, where = self.caller, self.where
        # One transaction looks and writes: each one more would cost a quarter of a small upload.
        with caller.store.measure() as batch:
            kept = policy.kept_file(batch.connection, caller.workspace, where, "written")
            if not kept:
                artifacts.put(batch, caller.workspace, where.root, where.path, digest, self.writing.size)
        if kept:
            policy.refuse_file(caller, where, kept)

    def drop(self) -> None:
        """In any case, at the end."""
        if self.writing is not None:
            self.writing.drop()


class Sink(Protocol):
    """What takes a body: each method in a thread, one after the other."""

    def write(self, piece: bytes) -> None: ...
    def finish(self) -> None: ...
    def drop(self) -> None: ...


async def received(request: Request, sink: Sink) -> None:
    """Give a body to a sink, while more of it comes: no thread waits for a slow client. Raises BadInput where it breaks off."""
    stream = request.stream()
    writing: asyncio.Future[None] | None = None

    def write(parts: list[bytes]) -> None:
        for part in parts:
            sink.write(part)

    def end(parts: list[bytes]) -> None:
        write(parts)
        sink.finish()

    try:
        while sum(map(len, parts := await _parts(stream))) >= PIECE_BYTES:
            if writing is not None:
                await writing
            writing = asyncio.ensure_future(run_in_threadpool(write, parts))
        if writing is not None:
            await writing
        await run_in_threadpool(end, parts)  # of a small file the only turn of a thread
    except ClientDisconnect:
        raise BadInput("the upload ended before its end; nothing was stored", request.url.path, "send it again") from None
    finally:
        if writing is not None:
            await asyncio.gather(writing, return_exceptions=True)
        sink.drop()


async def _parts(stream: AsyncIterator[bytes]) -> list[bytes]:
    """At least a mebibyte as it came, until the end. Joined, it would be moved once more: a third of the time of a large upload."""
    found: list[bytes] = []
    size = 0
    async for part in stream:
        found.append(part)
        size += len(part)
        if size >= PIECE_BYTES:
            break
    return found or [b""]


@proxy.delete("/mlflow-artifacts/artifacts/{path:path}")
def delete(path: str, caller: Caller) -> dict[str, Any]:
    where = places.place(path)
    places.may_write(caller, where)
    if where.sort == "runs":
        rights.run_measured(caller, where.name)
    policy.files(caller, where, "deleted")
    with caller.store.measure() as batch:
        artifacts.remove(batch, caller.workspace, where.root, where.path)
    return {}


@router.get("/artifacts/list")
def of_run(call: Wire) -> dict[str, Any]:
    run = rights.run_seen(call.caller, call.run_id())
    return _folder(call, run.root, "path")


@router.get("/logged-models/{model_id}/artifacts/directories")
def of_logged_model(model_id: str, call: Wire) -> dict[str, Any]:
    model = rights.logged_model(call.caller, model_id)
    return _folder(call, model.root, "artifact_directory_path")


def _folder(call: Call, root: str, parameter: str) -> dict[str, Any]:
    where = Place(root, places.safe(call.optional(parameter) or ""))
    prefix = f"{where.path}/" if where.path else ""
    return present(root_uri=ARTIFACTS + root, files=_listed(call.caller, where, prefix))


@router.get("/logged-models/{model_id}/artifacts/files")
def file_of_logged_model(model_id: str, call: Wire) -> FileResponse:
    return sent(call.caller, Place(f"models/{model_id}", places.safe(call.text("artifact_file_path"))))


@pages.get("/get-artifact")
def get_artifact(call: Wire) -> FileResponse:
    return sent(call.caller, Place(f"runs/{call.run_id()}", places.safe(call.text("path"))))


@pages.get("/model-versions/get-artifact")
def get_version_artifact(call: Wire) -> FileResponse:
    with call.caller.read("model.read", call.text("name")) as db:
        found = registry.version(db, call.workspace, call.text("name"), call.integer("version"))
    root = "packages/" + found.package.removeprefix("sha256:")
    return sent(call.caller, Place(root, places.safe(call.text("path"))))
