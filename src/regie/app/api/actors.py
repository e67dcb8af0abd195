"""People and their tokens: add, list, revoke.

Who may act on an actor must own the workspace that it belongs to; for one that belongs to all of them, or is to have rights in
another one, every workspace.
"""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from regie.app.api.rollouts import Reason
from regie.app.caller import Caller, CallerOf
from regie.base.clock import wall_ms
from regie.base.errors import Conflict
from regie.store import actors
from regie.store.change import Change
from regie.store.types import Actor

router = APIRouter()
SECOND_MS = 1_000
MOST_S = 10 * 366 * 86_400


class Validity(BaseModel):
    """`everywhere`: for every workspace, instead of the one of the path. `expires_s`: seconds from now; null: until revoked."""

    everywhere: bool = False
    expires_s: int | None = Field(default=None, gt=0, le=MOST_S)
    reason: str = Field(default="", max_length=2000)

    @property
    def until_wall_ms(self) -> int | None:
        return None if self.expires_s is None else wall_ms() + self.expires_s * SECOND_MS


class Add(Validity):
    """`deny`: actions, or roles whose actions are taken away, whatever other roles say."""

    name: str = Field(max_length=64)
    roles: list[str] = Field(default=[], max_length=32)
    deny: list[str] = Field(default=[], max_length=64)


@router.get("/api/v1/actors")
def listed(caller: Caller) -> list[dict[str, Any]]:
    with caller.read("actor.read", caller.workspace) as db:
        return actors.listed(db, caller.known.sees)


@router.post("/api/v1/actors", status_code=201)
def add(body: Add, caller: Caller) -> dict[str, Any]:
    """A new actor, or further rights of a known one. The token is in this answer and nowhere else."""
    where = _where(caller, body)
    acting, home = _acting(caller, "actor.add", body.name, where)
    with caller.store.change(acting, "actor.add", body.name, body.reason, workspace=caller.workspace) as tx:
        _same(tx, body.name, home)
        token = actors.add(tx, body.name, body.roles, body.deny, workspace=where, until_wall_ms=body.until_wall_ms)
    return {**_answer(body.name, where, body.until_wall_ms), "roles": body.roles, "deny": body.deny, "token": token}


@router.post("/api/v1/actors/{name}/tokens", status_code=201)
def create_token(name: str, body: Validity, caller: Caller) -> dict[str, Any]:
    """Another token; the former ones stay good."""
    where = _where(caller, body)
    acting, home = _acting(caller, "token.create", name, where)
    with caller.store.change(acting, "token.create", name, body.reason, workspace=caller.workspace) as tx:
        _same(tx, name, home)
        token = actors.create_token(tx, name, where, body.until_wall_ms)
    return {**_answer(name, where, body.until_wall_ms), "token": token}


@router.post("/api/v1/actors/{name}/tokens/revoke")
def revoke_tokens(name: str, body: Reason, caller: Caller) -> dict[str, Any]:
    """Take back every token of an actor that stays."""
    acting, home = _acting(caller, "token.revoke", name, caller.workspace)
    with caller.store.change(acting, "token.revoke", name, body.reason, workspace=caller.workspace) as tx:
        _same(tx, name, home)
        return {"name": name, "revoked": actors.revoke_tokens(tx, name)}


@router.post("/api/v1/actors/{name}/revoke")
def revoke(name: str, body: Reason, caller: Caller) -> dict[str, Any]:
    """End an actor, with all its roles and tokens, for good."""
    acting, home = _acting(caller, "actor.revoke", name, caller.workspace)
    with caller.store.change(acting, "actor.revoke", name, body.reason, workspace=caller.workspace) as tx:
        _same(tx, name, home)
        actors.revoke(tx, name)
    return {"name": name, "state": "revoked"}


def _where(caller: CallerOf, body: Validity) -> str:
    return actors.EVERYWHERE if body.everywhere else caller.workspace


def _acting(caller: CallerOf, action: str, name: str, where: str) -> tuple[Actor, str | None]:
    """In whose name it is asked, and where the actor belongs. Raises NotAllowed, audited.

    With the rights of this workspace, where it is about nothing else; else with those that hold in all of them.
    """
    with caller.store.read() as db:
        found = actors.find(db, name)
    home = None if found is None else str(found.workspace)
    if where == caller.workspace and home in (None, where):
        return caller.actor, home
    wide = caller.known.everywhere
    if not caller.store.policy(wide, action, name, wall_ms()).allowed:
        caller.refuse(
            action, name, "it takes an owner of every workspace", "ask the local user, or one who was added --everywhere"
        )
    return wide, home


def _same(tx: Change, name: str, home: str | None) -> None:
    """What was asked about is what is changed. Raises Conflict."""
    found = actors.find(tx.connection, name)
    if (None if found is None else found.workspace) != home:
        raise Conflict(f"somebody else has just changed {name}", name, "`regie actor list`, then repeat")


def _answer(name: str, where: str, until_wall_ms: int | None) -> dict[str, Any]:
    return {"name": name, "workspace": where, "until_wall_ms": until_wall_ms}
