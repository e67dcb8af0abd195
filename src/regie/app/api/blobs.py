"""Blobs over HTTP: what a task fetches and stores.

A task may fetch only the digests that its token names, and store what has the digest it says; people and nodes read by their role.
"""

import hashlib
import os
from collections.abc import Iterator

from anyio import from_thread
from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from regie.app.caller import Caller
from regie.base.blobs import pieces
from regie.base.errors import BadInput

router = APIRouter(tags=["blobs"])


@router.get("/api/v1/blobs/{digest}")
def fetch(digest: str, caller: Caller) -> StreamingResponse:
    """The content of a blob."""
    caller.may("blob.read", f"blob:{digest}", "a task reads its inputs only: declare it as an argument of the step")
    file = caller.store.blobs.open(digest)
    size = os.fstat(file.fileno()).st_size

    def content() -> Iterator[bytes]:
        with file:
            yield from pieces(file)

    return StreamingResponse(content(), media_type="application/octet-stream", headers={"content-length": str(size)})


@router.put("/api/v1/blobs/{digest}", status_code=201)
async def store(digest: str, request: Request, caller: Caller) -> Response:
    """Store content under its digest: 201, or 200 where it is there already, or 422 where it has another one."""
    await run_in_threadpool(caller.may, "blob.put", f"put:{digest}")
    stream = request.stream()
    said = request.headers.get("content-length", "")
    # By its size: what a power cut left half is written again, and so is what does not say how long it is.
    if said.isdecimal() and await run_in_threadpool(caller.store.blobs.keep, digest, int(said)):
        sent = hashlib.sha256()
        async for part in stream:
            sent.update(part)
        if f"sha256:{sent.hexdigest()}" != digest:
            raise BadInput(f"the content has digest sha256:{sent.hexdigest()}, not {digest}", do="nothing is ever overwritten")
        return Response(status_code=200)

    async def piece() -> bytes | None:
        return await anext(stream, None)

    def content() -> Iterator[bytes]:
        while (found := from_thread.run(piece)) is not None:
            yield found

    await run_in_threadpool(caller.store.blobs.put_stream, content(), digest)
    return Response(status_code=201)
