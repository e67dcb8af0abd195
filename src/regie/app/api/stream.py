"""One stream of what happens, for a browser's pages: server-sent events (HTML standard, 9.2) over all workspaces that the caller sees.

Each message is JSON with its `kind`: `hello` (first), `event` (with its number as id), `measured` (runs that have grown), `beat`,
`lost` (what was missed is too much: ask for everything anew). A browser that comes back says the last id that it has heard.
"""

import asyncio
from contextlib import aclosing, suppress
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Message, Send

from regie.app.caller import Caller
from regie.app.feed import Feed
from regie.base.errors import BadInput

router = APIRouter(tags=["stream"])
SEND_S = 20.0  # who takes nothing for so long is let go: what waits for it stays in the buffer of its connection
TYPE = "text/event-stream"


class EventStream(StreamingResponse):
    """A stream that ends with whoever reads it too slowly."""

    media_type = TYPE

    async def stream_response(self, send: Send) -> None:
        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_S):
                await send(message)

        with suppress(TimeoutError):
            async with aclosing(self.body_iterator):  # type: ignore[type-var]
                await super().stream_response(in_time)


@router.get("/api/v1/stream", response_class=EventStream)
async def stream(request: Request, caller: Caller, after: Annotated[str, Query(max_length=20)] = "") -> EventStream:
    """What happens from now on, or from behind an event that was heard."""
    if TYPE not in request.headers.get("accept", ""):
        raise BadInput("this is a stream", "header Accept", f"ask with Accept: {TYPE}, or GET /api/v1/events")
    feed: Feed = request.app.state.feed
    feed.room(caller)
    heard = request.headers.get("last-event-id", "") or after
    return EventStream(feed.listen(caller, heard), headers={"cache-control": "no-store", "x-accel-buffering": "no"})
