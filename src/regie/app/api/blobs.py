"""Blobs over HTTP: what a task fetches and stores.

A task may fetch only the digests that its token names, and store what has the digest it says; people and nodes read by their role.
"""

from collections.abc import Iterator

from anyio import from_thread
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from regie.app.caller import Caller
from regie.base.blobs import pieces

router = APIRouter(tags=["blobs"])


@router.get("/api/v1/blobs/{digest}")
def fetch(digest: str, caller: Caller) -> StreamingResponse:
    """The content of a blob."""
    if caller.actor.kind == "task":
        if f"blob:{digest}" not in caller.actor.scope.split():
            caller.refuse("blob.read", digest, "it is not an input of this task", "declare it as an argument of the step")
    else:
        caller.may("blob.read", digest)
    file = caller.store.blobs.open(digest)
    size = caller.store.blobs.path(digest).stat().st_size

    def content() -> Iterator[bytes]:
        with file:
            yield from pieces(file)

    return StreamingResponse(content(), media_type="application/octet-stream", headers={"content-length": str(size)})


@router.put("/api/v1/blobs/{digest}", status_code=201)
async def store(digest: str, request: Request, caller: Caller) -> Response:
    """Store content under its digest: 201, or 200 where it is there already, or 422 where it has another one."""
    await run_in_threadpool(caller.may, "blob.put", f"put:{digest}")
    stream = request.stream()
    if caller.store.blobs.has(digest):
        async for _ in stream:  # read to its end, so that the connection stays usable
            pass
        return Response(status_code=200)

    async def piece() -> bytes | None:
        return await anext(stream, None)

    def content() -> Iterator[bytes]:
        while (found := from_thread.run(piece)) is not None:
            yield found

    await run_in_threadpool(caller.store.blobs.put_stream, content(), digest)
    return Response(status_code=201)
