"""`/w/NAME/...`, or MLflow's header `X-MLFLOW-WORKSPACE: NAME`, selects a workspace: its name goes into `scope["regie.workspace"]`.

The prefix is taken off the path. Path and header may both name one; they then name the same. MLflow's `default` is what an
address without a name means: the personal workspace. A workspace that a regie.yaml calls `default` is selected by its path only.
"""

import re

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from regie.app.caller import DEFAULT, PERSONAL
from regie.app.doors import note_foreign
from regie.app.mlflow.answers import refused
from regie.base.errors import BadInput
from regie.store.change import Store

HEADER = b"x-mlflow-workspace"
_PREFIX = re.compile(r"/w/([^/]*)(/.*)?", re.DOTALL)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class WorkspacePath:
    """ASGI middleware. A name that cannot be a workspace's answers 404, two names 400; the former is audited."""

    def __init__(self, app: ASGIApp, store: Store | None = None) -> None:
        self.app, self.store = app, store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        found = _PREFIX.fullmatch(scope["path"])
        said = [value for name, value in scope["headers"] if name == HEADER and value.strip()]
        if found is None and not said:
            await self.app(scope, receive, send)
            return
        name, rest = (found.group(1), found.group(2) or "/") if found is not None else (None, scope["path"])
        if name is not None and not _NAME.fullmatch(name):
            body = {"code": "not_found", "what": f"{name!r} cannot be a workspace", "where": "path /w/NAME",
                    "do": "lower-case letters, digits, - and _"}  # fmt: skip
            if self.store is not None:
                await run_in_threadpool(note_foreign, self.store, scope, body["what"])
            await JSONResponse(body, status_code=404)(scope, receive, send)
            return
        try:
            chosen = _chosen(name, said)
        except BadInput as error:
            await refused(error)(scope, receive, send)
            return
        raw = scope.get("raw_path") or scope["path"].encode()
        taken = raw.removeprefix(f"/w/{name}".encode()) or b"/" if name is not None else raw
        await self.app({**scope, "path": rest, "raw_path": taken, "regie.workspace": chosen}, receive, send)


def _chosen(path: str | None, said: list[bytes]) -> str:
    """The one workspace that path and headers name. Raises BadInput."""
    names = {_named(path, one.decode("latin-1").strip()) for one in said} | ({path} if path is not None else set())
    if len(names) > 1:
        raise BadInput(
            f"two workspaces are named: {' and '.join(sorted(names))}", "X-MLFLOW-WORKSPACE",
            "name one, by the header (mlflow.set_workspace) or by .../w/NAME in the address",
        )  # fmt: skip
    return names.pop()


def _named(path: str | None, said: str) -> str:
    if said == DEFAULT:
        return DEFAULT if path == DEFAULT else PERSONAL
    if not _NAME.fullmatch(said):
        raise BadInput(f"{said!r} cannot be a workspace", "X-MLFLOW-WORKSPACE", "lower-case letters, digits, - and _")
    return said
