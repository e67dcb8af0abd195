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

from regie.base.clock import wall_ms
from regie.store import tokens
from regie.store.change import Change, Store
from regie.store.types import LOCAL, NOBODY_CAUSE, Actor, Cause

PERSONAL = "personal"


@dataclass(frozen=True)
class CallerOf:
    """An actor at the door of one store."""

    store: Store
    actor: Actor
    workspace: str

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

    def refuse(self, action: str, target: str, rule: str, do: str = "") -> None:
        """Audit and raise NotAllowed for a rule that stands above the roles."""
        self.store.refuse(self.actor, action, target, rule, workspace=self.workspace, do=do)


def caller(request: Request) -> CallerOf:
    """Resolve the request's actor. Raises BadToken (401)."""
    store: Store = request.app.state.store
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    actor = LOCAL
    if scheme:
        if scheme.lower() != "bearer":
            raise tokens.BadToken(
                f"{scheme} is no way to authenticate here", "header Authorization", "send Bearer and a token, or none"
            )
        with store.read() as db:
            actor = tokens.actor_of(db, token)
    return CallerOf(store, actor, request.scope.get("regie.workspace", PERSONAL))


Caller = Annotated[CallerOf, Depends(caller)]
# Numbers in queries: what a database's integer holds; more is an error of the caller's, not of the server's.
Count = Annotated[int, Query(ge=0, lt=1 << 53)]
