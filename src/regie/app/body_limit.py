"""How much of a request's body this server reads into memory: at most `BODY_BYTES` (`REGIE_BODY_BYTES`), else 413.

Asked at the door, after the right and before the route. What says its length is refused before any of it is read; what comes in chunks
is counted while it is read. What is refused is never kept: the connection drops what still comes of it, and stays good for the next
request. Bodies that go to the disk piece by piece (blobs, artifacts, their parts) have no limit here; those of MLflow's wire have their own.
"""

import os
from collections.abc import Mapping

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regie.base.errors import BadInput

BODY_BYTES = int(os.environ.get("REGIE_BODY_BYTES") or 16 << 20)
STRETCH_BYTES = 16 << 20  # of a node's log: at least one whole record, which has at most half of that
SIGN_IN_BYTES = 64 << 10  # nobody has said yet who asks
WITHOUT = frozenset({"GET", "HEAD", "OPTIONS"})  # no route reads what such a request bears
OTHERS: Mapping[tuple[str, str], int | None] = {
    ("PUT", "/api/v1/blobs/{digest}"): None,
    ("POST", "/api/v1/nodes/{node}/segments/{segment}"): STRETCH_BYTES,
    ("POST", "/api/v1/session"): SIGN_IN_BYTES,
}


class TooLarge(BadInput):
    """A body with more bytes than its route takes."""

    code, status = "input.too_large", 413


def most_bytes(method: str, path: str) -> int | None:
    """What the body of a request to a route of ours may have; None where the route keeps none of it in memory."""
    return None if method in WITHOUT else OTHERS.get((method, path), BODY_BYTES)


async def bounded(app: ASGIApp, most: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Pass a request on whose body has at most so many bytes; answer the others."""
    length = _length(scope)
    if length is None:
        await _counted(app, most, scope, receive, send)
    elif length <= most:
        await app(scope, receive, send)
    else:
        await _refuse(most, scope, receive, send)


def _length(scope: Scope) -> int | None:
    """What the request says; None where it says nothing that counts: chunks end where they end."""
    said = None
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            said = int(value)  # HTTP's parser lets nothing but digits in
    return said


async def _counted(app: ASGIApp, most: int, scope: Scope, receive: Receive, send: Send) -> None:
    read = 0

    async def counting() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise _too_large(most, scope)
        return message

    async def answering(message: Message) -> None:
        if read <= most:  # else it is what the route makes of a body that breaks off
            await send(message)

    try:
        await app(scope, counting, answering)
    except Exception:
        if read <= most:
            raise
    if read > most:
        await _refuse(most, scope, receive, send)


async def _refuse(most: int, scope: Scope, receive: Receive, send: Send) -> None:
    error = _too_large(most, scope)
    await JSONResponse(error.body(), status_code=error.status)(scope, receive, send)


def _too_large(most: int, scope: Scope) -> TooLarge:
    return TooLarge(
        f"the body is larger than {most:,} bytes", f"{scope['method']} {scope['path'][:200]}",
        "send it in several requests; REGIE_BODY_BYTES of the server is the limit of most routes",
    )  # fmt: skip
