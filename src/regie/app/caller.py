"""Who calls, and in which workspace: every route takes a `Caller` and asks it.

A bearer token names its actor. A web page's request is the actor's of its session (`store/sessions.py`), and nobody's without one. Any
other request without a token is, on a laptop (bound to loopback), the one local user's with every role.
The workspace comes from the path `/w/NAME/...`; without it, it is the personal workspace.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from starlette.datastructures import Headers
from starlette.types import Scope

from regie.app import browser
from regie.app.places import DEFAULT, PERSONAL, began
from regie.base.clock import wall_ms
from regie.base.errors import NotAllowed
from regie.store import actors, sessions
from regie.store.access import ANYWHERE, ever
from regie.store.actors import Known
from regie.store.change import Change, Store
from regie.store.sessions import Holder, Session
from regie.store.tokens import BadToken
from regie.store.types import LOCAL, NOBODY_CAUSE, Actor, Cause

__all__ = ["DEFAULT", "PERSONAL", "Caller", "CallerOf", "Count", "caller", "known"]
HERE = "regie.caller"  # where a door leaves the caller that it has let in


class NoSession(BadToken):
    """A web page asks, and nobody is signed in there (any more)."""

    code = "session.none"


class ForeignPage(NotAllowed):
    """A page of another origin asks in the name of the person who is signed in."""

    code = "access.foreign"


@dataclass(frozen=True)
class CallerOf:
    """An actor at the door of one store. `session`: that of the browser which asks, where one does."""

    store: Store
    known: Known
    workspace: str
    session: Session | None = None

    @property
    def actor(self) -> Actor:
        """With the roles that hold in the workspace."""
        return self.known.here

    @property
    def holder(self) -> Holder:
        """For whom a session of the caller's would stand."""
        return Holder(self.known.here.name, self.known.key or None)

    def at(self, workspace: str, db: Connection | None = None) -> "CallerOf":
        """The same caller in another workspace, with its rights there."""
        if not self.known.key:
            return replace(self, workspace=workspace)
        if db is not None:
            return replace(self, workspace=workspace, known=actors.of_key(db, self.known.key, workspace))
        with self.store.read() as connection:
            return self.at(workspace, connection)

    def places(self, db: Connection | None = None) -> list["CallerOf"]:
        """The caller in each workspace in which it may read at all, by name."""
        if db is None:
            with self.store.read() as connection:
                return self.places(connection)
        names = began(db) if self.known.sees is None else sorted(self.known.sees)
        here = [self.at(name, db) for name in names]
        return [one for one in here if one.could("workspace.read", one.workspace)]

    def change(
        self, action: str, target: str, reason: str = "", *, workspace: str | None = None, cause: Cause = NOBODY_CAUSE
    ) -> AbstractContextManager[Change]:
        """A change by this caller, in its workspace."""
        where = self.workspace if workspace is None else workspace
        return self.store.change(self.actor, action, target, reason, workspace=where, cause=cause)

    @contextmanager
    def read(self, action: str, target: str) -> Iterator[Connection]:
        """A look at the database, where the policy allows the read."""
        self.may(action, target)
        with self.store.read() as connection:
            yield connection

    def may(self, action: str, target: str, do: str = "") -> None:
        """Raises NotAllowed, audited. For reads and measurements, which are no changes."""
        decision = self.store.policy(self.actor, action, target, wall_ms())
        if not decision.allowed:
            self.refuse(action, target, decision.rule, do)

    def could(self, action: str, target: str) -> bool:
        """What `may` would say. Nothing is audited: it is no attempt."""
        return self.store.policy(self.actor, action, target, wall_ms()).allowed

    def could_everywhere(self, action: str, target: str) -> bool:
        """Whether its roles in all workspaces allow it, and none denies it."""
        wide = self.store.policy(self.known.everywhere, action, target, wall_ms())
        return self.known.sees is None and wide.allowed

    def refuse(self, action: str, target: str, rule: str, do: str = "") -> None:
        """Audit and raise NotAllowed for a rule that stands above the roles."""
        self.store.refuse(self.actor, action, target, rule, workspace=self.workspace, do=do)

    def tried(self, where: str) -> str:
        """What the audit log says was tried. Whoever has no valid token must not write as much into it as there are paths."""
        return where if self.actor != actors.UNKNOWN else "a token"

    def enter(self, action: str, where: str) -> None:
        """What a door asks, before anything of the request is read. Raises BadToken, NotAllowed, both audited."""
        if self.known.wrong:
            rule = f"the token is {self.known.wrong}"
            self.store.note_refusal(self.actor, action, self.tried(where), rule, workspace=self.workspace)
            raise BadToken(rule, "header Authorization", "use a valid one, or none on a laptop")
        if action in ANYWHERE:
            self._enter_anywhere(action, where)
            return
        if self.known.elsewhere:
            do = f"use .../w/{self.known.elsewhere}, or a token for {self.workspace}"
            self.refuse(action, where, f"the token is for workspace {self.known.elsewhere}, this is {self.workspace}", do)
        decision = ever(self.actor, action, wall_ms())
        if not decision.allowed:
            self.refuse(action, where, decision.rule)

    def _enter_anywhere(self, action: str, where: str) -> None:
        """As `enter`, where the workspace of the path says nothing."""
        decision = ever(self.known.anywhere, action, wall_ms())
        if not decision.allowed:
            self.store.refuse(self.known.anywhere, action, where, decision.rule, workspace=self.workspace)


def known(store: Store, scope: Scope) -> CallerOf:
    """The caller of a request, before it is asked what it may. Raises BadToken for what is no token, NoSession, ForeignPage."""
    headers = Headers(scope=scope)
    scheme, _, token = headers.get("authorization", "").partition(" ")
    workspace = scope.get("regie.workspace", PERSONAL)
    if not scheme:
        if browser.is_pages(headers, scope["scheme"]):
            return _of_page(store, scope["method"], headers, scope["scheme"], workspace)
        return CallerOf(store, actors.everybody(LOCAL), workspace)
    if scheme.lower() != "bearer":
        raise BadToken(f"{scheme} is no way to authenticate here", "header Authorization", "send Bearer and a token, or none")
    with store.read() as db:
        return CallerOf(store, actors.of_token(db, token.strip(), workspace), workspace)


def _of_page(store: Store, method: str, headers: Headers, scheme: str, workspace: str) -> CallerOf:
    secret = browser.secret(headers, scheme)
    with store.read() as db:
        session = sessions.found(db, secret) if secret else None
        who = of_holder(db, session.holder, workspace) if session is not None else None
    if session is None or who is None or who.wrong:
        raise NoSession("nobody is signed in here", "the browser", "`regie open` prints a link to sign in")
    if not browser.own(method, headers, scheme):
        raise ForeignPage("a page of another origin asks", "header Origin", "use the control room of this server")
    if wall_ms() - session.used_ms >= sessions.USE_MS:
        with suppress(OperationalError), store.machinery() as batch:  # a full disk keeps nobody from looking
            sessions.note_use(batch, session)
    return CallerOf(store, who, workspace, session)


def of_holder(db: Connection, holder: Holder, workspace: str) -> Known:
    """Who stands behind a session or a code, in a workspace."""
    return actors.everybody(LOCAL) if holder.token is None else actors.of_key(db, holder.token, workspace)


def caller(request: Request) -> CallerOf:
    """Whom the door has let in. Raises RuntimeError where there was none: a route that nobody guards answers nobody."""
    found = request.scope.get(HERE)
    if not isinstance(found, CallerOf):
        raise RuntimeError(f"{request.method} {request.url.path} was reached by no door of app/policy.py")
    return found


Caller = Annotated[CallerOf, Depends(caller)]
# Numbers in queries: what a database's integer holds; more is an error of the caller's, not of the server's.
Count = Annotated[int, Query(ge=0, lt=1 << 53)]
Moment = Annotated[int, Query(ge=0, lt=253_402_300_800_000)]  # milliseconds; the year 9999 is the last that is written as a date
