"""`/w/NAME/...` selects a workspace: the prefix is taken off the path, the name goes into `scope["regie.workspace"]`."""

import re

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from regie.app.doors import note_foreign
from regie.store.change import Store

_PREFIX = re.compile(r"/w/([^/]*)(/.*)?", re.DOTALL)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class WorkspacePath:
    """ASGI middleware. A name that cannot be a workspace's answers 404; that is audited."""

    def __init__(self, app: ASGIApp, store: Store | None = None) -> None:
        self.app, self.store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _PREFIX.fullmatch(scope["path"]) if scope["type"] in ("http", "websocket") else None
        if found is None:
            await self.app(scope, receive, send)
            return
        name, rest = found.group(1), found.group(2) or "/"
        if not _NAME.fullmatch(name):
            body = {"code": "not_found", "what": f"{name!r} cannot be a workspace", "where": "path /w/NAME",
                    "do": "lower-case letters, digits, - and _"}  # fmt: skip
            if self.store is not None:
                await run_in_threadpool(note_foreign, self.store, scope, body["what"])
            await JSONResponse(body, status_code=404)(scope, receive, send)
            return
        raw = scope.get("raw_path") or scope["path"].encode()
        taken = raw.removeprefix(f"/w/{name}".encode()) or b"/"
        await self.app({**scope, "path": rest, "raw_path": taken, "regie.workspace": name}, receive, send)
