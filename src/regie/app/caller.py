"""Who calls, and in which workspace: every route takes a `Caller` and asks it.

A bearer token names its actor. Without one, on a laptop (bound to loopback), the caller is the one local user with every role.
The workspace comes from the path `/w/NAME/...`; without it, it is the personal workspace.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy import Connection
from starlette.datastructures import Headers
from starlette.types import Scope

from regie.base.clock import wall_ms
from regie.store import actors
from regie.store.access import ever
from regie.store.actors import Known
from regie.store.change import Change, Store
from regie.store.tokens import BadToken
from regie.store.types import LOCAL, NOBODY_CAUSE, Actor, Cause

PERSONAL = "personal"
DEFAULT = "default"  # what MLflow calls the workspace of an address without a name
HERE = "regie.caller"  # where a door leaves the caller that it has let in


@dataclass(frozen=True)
class CallerOf:
    """An actor at the door of one store."""

    store: Store
    known: Known
    workspace: str

    @property
    def actor(self) -> Actor:
        """With the roles that hold in the workspace."""
        return self.known.here

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
        if self.known.elsewhere:
            do = f"use .../w/{self.known.elsewhere}, or a token for {self.workspace}"
            self.refuse(action, where, f"the token is for workspace {self.known.elsewhere}, this is {self.workspace}", do)
        decision = ever(self.actor, action, wall_ms())
        if not decision.allowed:
            self.refuse(action, where, decision.rule)


def known(store: Store, scope: Scope) -> CallerOf:
    """The caller of a request, before it is asked what it may. Raises BadToken for what is no token."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    workspace = scope.get("regie.workspace", PERSONAL)
    if not scheme:
        return CallerOf(store, actors.everybody(LOCAL), workspace)
    if scheme.lower() != "bearer":
        raise BadToken(f"{scheme} is no way to authenticate here", "header Authorization", "send Bearer and a token, or none")
    with store.read() as db:
        return CallerOf(store, actors.of_token(db, token.strip(), workspace), workspace)


def caller(request: Request) -> CallerOf:
    """Whom the door has let in. Raises RuntimeError where there was none: a route that nobody guards answers nobody."""
    found = request.scope.get(HERE)
    if not isinstance(found, CallerOf):
        raise RuntimeError(f"{request.method} {request.url.path} was reached by no door of app/policy.py")
    return found


Caller = Annotated[CallerOf, Depends(caller)]
# Numbers in queries: what a database's integer holds; more is an error of the caller's, not of the server's.
Count = Annotated[int, Query(ge=0, lt=1 << 53)]
