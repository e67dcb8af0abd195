"""The doors: every request is asked who it is, and whether it may ever do what its route does, before anything of it is read.

So whoever has no right hears 401 or 403, and learns neither what is there (404) nor what would be wrong with the request (422).
Behind the doors of MLflow's wire stand its routes themselves: they are looked for once a request, not once more by the routers.
A write on a version's way to its users that is refused for any other reason is audited too: an attempt is an attempt.
"""

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import OperationalError
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from regie.app.body_limit import bounded, most_bytes
from regie.app.caller import HERE, PERSONAL, CallerOf, known
from regie.app.mlflow.answers import refused
from regie.app.mlflow.call import Answering, WireRoute
from regie.app.policy import PUBLIC, ROUTES, WATCHED, Routes
from regie.base.errors import RegieError
from regie.store.actors import UNKNOWN, everybody
from regie.store.change import Store
from regie.store.database import failure

TARGET_CHARS = 500
AUDITED = (401, 403)  # by whoever refused
LOOKS = ("GET", "HEAD", "OPTIONS")
OPEN = "door.open"  # what somebody tries who never came to a door
ASKING = frozenset({b"authorization", b"cookie", b"origin", b"sec-fetch-site"})  # by these a caller is looked up
NOWHERE = JSONResponse({"detail": "Not Found"}, status_code=404)
Note = Callable[[int, bytes], None]


class Unguarded(Exception):
    """The routes of an application and the table of what they ask are not the same. A mistake in the program."""


@dataclass(frozen=True)
class Door:
    """One route: what it asks, what it reads at most, and what answers behind it where it speaks MLflow's JSON, which bounds itself."""

    method: str
    path: str
    pattern: re.Pattern[str]
    action: str
    answers: Answering | None = None
    most_bytes: int | None = None

    def refused(self, error: RegieError) -> Response:
        return refused(error) if self.answers is not None else JSONResponse(error.body(), status_code=error.status)


def doors(app: FastAPI, routes: Routes = ROUTES) -> tuple[Door, ...]:
    """A door for every route, in the order in which the application looks at them. Raises Unguarded."""
    there = [
        (method, one.path or "", one.original_route)
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
    return tuple(_of_route(method, path, routes[method, path], route) for method, path, route in there)


def _of_route(method: str, path: str, action: str, route: BaseRoute) -> Door:
    pattern = compile_path(path)[0]
    if isinstance(route, WireRoute):
        return Door(method, path, pattern, action, answers=route.get_route_handler())
    return Door(method, path, pattern, action, most_bytes=most_bytes(method, path))


def guard(app: FastAPI, store: Store, routes: Routes = ROUTES) -> None:
    """Put the doors before the routes, once all of them are there. Raises Unguarded."""
    app.add_middleware(Doors, store=store, doors=doors(app, routes))


class Doors:
    """ASGI middleware: nearest to the routes of all, since it asks by the path that they see."""

    def __init__(self, app: ASGIApp, store: Store, doors: Sequence[Door]) -> None:
        self.app, self.store = app, store
        by_method = {method: [one for one in doors if one.method == method] for method in {one.method for one in doors}}
        # Most paths have no parameters, and are found at once: but for one that comes after a pattern that it fits.
        first = {
            (method, one.path): next(door for door in mine if door.pattern.match(one.path))
            for method, mine in by_method.items()
            for one in mine
            if "{" not in one.path
        }
        self.plain = {key: door for key, door in first.items() if "{" not in door.path}
        self.others = {method: [one for one in mine if "{" in one.path] for method, mine in by_method.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        door = self._door(scope)
        if door is None:
            # What ends in a line feed fits the pattern of a route all the same, and no route is reached by no door.
            behind = NOWHERE if scope["path"].endswith("\n") else self.app
            await self._watched(behind, scope, receive, send, partial(_note_stranger, self.store, scope))
            return
        behind = self.app if door.answers is None else partial(_answer, door.answers)
        if door.most_bytes is not None:
            behind = partial(bounded, behind, door.most_bytes)
        if door.action == PUBLIC:
            await behind(scope, receive, send)
            return
        try:
            await self._enter(scope, door)
        except (RegieError, OperationalError) as error:
            await door.refused(error if isinstance(error, RegieError) else failure(error))(scope, receive, send)
            return
        if door.action in WATCHED:
            await self._watched(behind, scope, receive, send, partial(_note, scope[HERE], door.action, scope))
        else:
            await behind(scope, receive, send)

    async def _watched(self, behind: ASGIApp, scope: Scope, receive: Receive, send: Send, note: Note) -> None:
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
            await behind(scope, receive, audited)
        except OperationalError as error:
            if start is None:  # else it is the audit record that could not be written
                raise
            means = failure(error)
            await JSONResponse(means.body(), status_code=means.status)(scope, receive, send)

    def _door(self, scope: Scope) -> Door | None:
        """The door of a request; what its path says goes into the scope."""
        # Who asks for the head of an answer only comes by the door of the whole.
        method, path = "GET" if scope["method"] == "HEAD" else scope["method"], scope["path"]
        if door := self.plain.get((method, path)):
            return door
        for door in self.others.get(method, ()):
            if said := door.pattern.match(path):
                scope["path_params"] = said.groupdict()
                return door
        return None

    async def _enter(self, scope: Scope, door: Door) -> None:
        """Leave the caller in the scope, for the route. Raises BadToken, NotAllowed."""

        def ask() -> None:
            caller = known(self.store, scope)
            caller.enter(door.action, f"{scope['method']} {scope['path']}"[:TARGET_CHARS])
            scope[HERE] = caller

        if any(name in ASKING for name, _ in scope["headers"]):
            await run_in_threadpool(ask)  # a look at the database
        else:
            ask()


async def _answer(answers: Answering, scope: Scope, receive: Receive, send: Send) -> None:
    answer = await answers(Request(scope, receive, send))
    await answer(scope, receive, send)


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
    caller.store.note_refusal(
        caller.actor, action, caller.tried(target)[:TARGET_CHARS], f"{status} {code}", workspace=caller.workspace
    )


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
    """Audit a request that no door may see: one record a minute, whatever it tries and under whatever name."""
    first = f"{rule}: {scope['method']} {scope['path']}"[:TARGET_CHARS]
    with suppress(OperationalError):  # it is refused in any case
        store.note_refusal(UNKNOWN, OPEN, "this server", "what asks is not this machine, or no page of ours", reason=first)
