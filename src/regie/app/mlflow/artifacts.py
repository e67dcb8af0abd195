"""The artifact proxy: files stream to and from the blobs, with flat memory, whatever their size."""

from collections.abc import Iterator
from typing import Any

import anyio.from_thread
import anyio.to_thread
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from regie.app.caller import Caller, CallerOf
from regie.app.mlflow import places, rights
from regie.app.mlflow.call import Wire, WireRoute, present
from regie.app.mlflow.places import Place
from regie.base.errors import BadInput, NotFound
from regie.registry import queries as registry
from regie.tracking import measure
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
        found = places.files(db, caller.store.blobs, caller.workspace, where)
    return places.listing(found, where.path, prefix)


@proxy.get("/mlflow-artifacts/artifacts/{path:path}")
def download(path: str, caller: Caller) -> FileResponse:
    return _sent(caller, places.place(path))


def _sent(caller: CallerOf, where: Place) -> FileResponse:
    places.may_see(caller, where)
    with caller.store.read() as db:
        found = places.files(db, caller.store.blobs, caller.workspace, where)
    file = next((one for one in found if one[0] == where.path), None)
    if file is None:
        raise NotFound(f"there is no artifact {where.path!r}", where.root, "list_artifacts shows what is there")
    # Never shown inline: an artifact is somebody's file, and must not run as a page of this server.
    headers = {"X-Content-Type-Options": "nosniff"}
    name = where.path.rsplit("/", 1)[-1]
    return FileResponse(caller.store.blobs.path(file[1]), media_type="application/octet-stream", filename=name, headers=headers)


@proxy.put("/mlflow-artifacts/artifacts/{path:path}")
async def upload(path: str, request: Request, caller: Caller) -> dict[str, Any]:
    where = places.place(path)
    if not where.path:
        raise BadInput("Invalid path", where.root, "name a file")
    await anyio.to_thread.run_sync(places.may_write, caller, where)
    stream = request.stream()
    size = 0

    def pieces() -> Iterator[bytes]:
        nonlocal size
        while True:
            try:
                piece = anyio.from_thread.run(stream.__anext__)
            except StopAsyncIteration:
                return
            size += len(piece)
            yield piece

    def store() -> None:
        digest = caller.store.blobs.put_stream(pieces())
        measure.put_artifact(caller.store, caller.workspace, where.root, where.path, digest, size)

    try:
        await anyio.to_thread.run_sync(store)
    except ClientDisconnect:
        raise BadInput("the upload ended before its end; nothing was stored", where.root, "send it again") from None
    return {}


@proxy.delete("/mlflow-artifacts/artifacts/{path:path}")
def delete(path: str, caller: Caller) -> dict[str, Any]:
    where = places.place(path)
    places.may_write(caller, where)
    measure.delete_artifacts(caller.store, caller.workspace, where.root, where.path)
    return {}


@router.get("/artifacts/list")
def of_run(call: Wire) -> dict[str, Any]:
    run = rights.run_seen(call.caller, call.run_id())
    where = Place(run.root, places.safe(call.optional("path") or ""))
    prefix = f"{where.path}/" if where.path else ""
    return present(root_uri=ARTIFACTS + run.root, files=_listed(call.caller, where, prefix))


@router.get("/logged-models/{model_id}/artifacts/directories")
def of_logged_model(model_id: str, call: Wire) -> dict[str, Any]:
    model = rights.logged_model(call.caller, model_id)
    where = Place(model.root, places.safe(call.optional("artifact_directory_path") or ""))
    prefix = f"{where.path}/" if where.path else ""
    return present(root_uri=ARTIFACTS + model.root, files=_listed(call.caller, where, prefix))


@pages.get("/get-artifact")
def get_artifact(call: Wire) -> FileResponse:
    return _sent(call.caller, Place(f"runs/{call.run_id()}", places.safe(call.text("path"))))


@pages.get("/model-versions/get-artifact")
def get_version_artifact(call: Wire) -> FileResponse:
    with call.caller.read("model.read", call.text("name")) as db:
        found = registry.version(db, call.workspace, call.text("name"), call.integer("version"))
    root = "packages/" + found.package.removeprefix("sha256:")
    return _sent(call.caller, Place(root, places.safe(call.text("path"))))
