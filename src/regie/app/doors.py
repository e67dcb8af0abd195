"""The doors: every request is asked who it is, and whether it may ever do what its route does, before anything of it is read.

So whoever has no right hears 401 or 403, and learns neither what is there (404) nor what would be wrong with the request (422).
A write on a version's way to its users that is refused for any other reason is audited too: an attempt is an attempt.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import OperationalError
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regie.app.caller import HERE, PERSONAL, CallerOf, known
from regie.app.mlflow.call import WireRoute, refused
from regie.app.policy import PUBLIC, ROUTES, WATCHED, Routes
from regie.base.errors import RegieError
from regie.store.actors import UNKNOWN, everybody
from regie.store.change import Store

TARGET_CHARS = 500
AUDITED = (401, 403)  # by whoever refused
LOOKS = ("GET", "HEAD", "OPTIONS")
OPEN = "door.open"  # what somebody tries who never came to a door
Note = Callable[[int, bytes], None]
UNREACHABLE = JSONResponse(
    {"code": "store.unreachable", "what": "the database does not answer", "where": "", "do": "try again"}, status_code=503
)


class Unguarded(Exception):
    """The routes of an application and the table of what they ask are not the same. A mistake in the program."""


@dataclass(frozen=True)
class Door:
    """One route: what it asks, and whether it speaks MLflow's JSON."""

    method: str
    path: str
    pattern: re.Pattern[str]
    action: str
    wire: bool


def doors(app: FastAPI, routes: Routes = ROUTES) -> tuple[Door, ...]:
    """A door for every route, in the order in which the application looks at them. Raises Unguarded."""
    there = [
        (method, one.path or "", isinstance(one.original_route, WireRoute))
        for one in iter_route_contexts(app.routes)
        for method in sorted(one.methods or {"every method"})
        if method != "HEAD"
    ]
    found = {(method, path) for method, path, _ in there}
    if found != routes.keys():
        raise Unguarded(
            f"app/policy.py says nothing of {sorted(found - routes.keys())}, and speaks of what is not there: "
            f"{sorted(routes.keys() - found)}"
        )
    return tuple(Door(method, path, compile_path(path)[0], routes[method, path], wire) for method, path, wire in there)


def guard(app: FastAPI, store: Store, routes: Routes = ROUTES) -> None:
    """Put the doors before the routes, once all of them are there. Raises Unguarded."""
    app.add_middleware(Doors, store=store, doors=doors(app, routes))


class Doors:
    """ASGI middleware: nearest to the routes of all, since it asks by the path that they see."""

    def __init__(self, app: ASGIApp, store: Store, doors: Sequence[Door]) -> None:
        self.app, self.store = app, store
        self.by_method = {method: [one for one in doors if one.method == method] for method in {one.method for one in doors}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self._door(scope) if scope["type"] == "http" else None
        if scope["type"] != "http" or (door is not None and door.action == PUBLIC):
            await self.app(scope, receive, send)
            return
        if door is None:
            await self._watched(scope, receive, send, partial(_note_stranger, self.store, scope))
            return
        try:
            await self._enter(scope, door)
        except RegieError as error:
            answer = refused(error) if door.wire else JSONResponse(error.body(), status_code=error.status)
            await answer(scope, receive, send)
            return
        except OperationalError:
            await UNREACHABLE(scope, receive, send)
            return
        if door.action in WATCHED:
            await self._watched(scope, receive, send, partial(_note, scope[HERE], door.action, scope))
        else:
            await self.app(scope, receive, send)

    async def _watched(self, scope: Scope, receive: Receive, send: Send, note: Note) -> None:
        """Pass it on; where it is refused, audit that before the answer leaves."""
        start: Message | None = None

        async def audited(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and 400 <= message["status"] < 500:
                start = message
                return
            if start is not None:
                await run_in_threadpool(note, start["status"], message.get("body", b""))
                await send(start)
                start = None
            await send(message)

        try:
            await self.app(scope, receive, audited)
        except OperationalError:
            if start is None:  # else it is the audit record that could not be written
                raise
            await UNREACHABLE(scope, receive, send)

    def _door(self, scope: Scope) -> Door | None:
        return next((one for one in self.by_method.get(scope["method"], ()) if one.pattern.match(scope["path"])), None)

    async def _enter(self, scope: Scope, door: Door) -> None:
        """Leave the caller in the scope, for the route. Raises BadToken, NotAllowed."""

        def ask() -> None:
            caller = known(self.store, scope)
            caller.enter(door.action, f"{scope['method']} {scope['path']}"[:TARGET_CHARS])
            scope[HERE] = caller

        if any(name == b"authorization" for name, _ in scope["headers"]):
            await run_in_threadpool(ask)  # a look at the database
        else:
            ask()


def _note(caller: CallerOf, action: str, scope: Scope, status: int, body: bytes) -> None:
    """Audit a refusal. Equal ones within a minute are counted, so what was wrong stands in the target."""
    if status in AUDITED:
        return
    try:
        said = json.loads(body)
        code, what = said.get("code") or said["error_code"], said.get("what") or said["message"]
    except (ValueError, KeyError, AttributeError):
        code, what = "refused", ""
    if code == "RESOURCE_ALREADY_EXISTS":
        return  # MLflow's client makes the registered model before each version of it, and goes on where it is there
    target = f"{scope['method']} {scope['path']}" + (f": {what}" if what else "")
    caller.store.note_refusal(caller.actor, action, target[:TARGET_CHARS], f"{status} {code}", workspace=caller.workspace)


def _note_stranger(store: Store, scope: Scope, status: int, body: bytes) -> None:
    """Audit that somebody tried a door that is not there, or another way of opening one. Looking for a page is no attempt."""
    if status != 405 and scope["method"] in LOOKS:
        return
    try:
        caller = known(store, scope)
    except RegieError:
        caller = CallerOf(store, everybody(UNKNOWN), scope.get("regie.workspace", PERSONAL))
    _note(caller, OPEN, scope, status, body)


def note_foreign(store: Store, scope: Scope, rule: str) -> None:
    """Audit a request that no door may see."""
    with suppress(OperationalError):  # it is refused in any case
        store.note_refusal(UNKNOWN, OPEN, f"{scope['method']} {scope['path']}"[:TARGET_CHARS], rule)
