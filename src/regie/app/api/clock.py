"""The driven clock of a workspace made for replay."""

import time
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import func, select, update

from regie.app.caller import Caller, CallerOf
from regie.base.clock import iso, monotonic, wall_ms
from regie.base.errors import BadInput, Conflict, NotFound, RegieError
from regie.store.change import upsert
from regie.store.tables import settling, workspaces

router = APIRouter()
LOOK_S = 0.01


class NotSettled(RegieError):
    """Work up to the new time did not come to rest within the wait."""

    code, status, exit_code = "clock.not_settled", 504, 1


class Advance(BaseModel):
    """`to`: milliseconds since 1970 UTC."""

    to: int = Field(ge=0, lt=1 << 53)
    timeout_s: float = Field(default=300, gt=0, le=3600)


@router.get("/api/v1/clock")
def read(caller: Caller) -> dict[str, Any]:
    with caller.read("clock.read", caller.workspace) as db:
        row = db.execute(select(workspaces.c.clock).where(workspaces.c.name == caller.workspace)).first()
    now = caller.store.now_ms(caller.workspace)
    return {"mode": row.clock if row else "wall", "now_ms": now, "now": iso(now)}


@router.post("/api/v1/clock/advance")
def advance(body: Advance, caller: Caller) -> dict[str, Any]:
    """Move the clock and return when everything up to that time is settled."""
    with caller.change("clock.advance", caller.workspace, "replay") as tx:
        row = tx.execute(select(workspaces).where(workspaces.c.name == caller.workspace)).first()
        if row is None:
            raise NotFound(f"workspace {caller.workspace} does not exist", "path /w/NAME", "regie apply")
        if row.clock != "driven":
            raise Conflict(
                "this workspace runs on the wall clock", caller.workspace, "replays need a home made by `regie up --replay-from`"
            )
        if body.to < row.now_ms:
            raise BadInput(f"the clock shows {iso(row.now_ms)} and never goes back", "to", "send a later time")
        tx.execute(
            update(workspaces).where(workspaces.c.name == caller.workspace, workspaces.c.now_ms < body.to).values(now_ms=body.to)
        )
        # Numbers of flushes only grow: with one of a clock that was set back, an old delivery would pass for this one.
        last = tx.execute(select(func.max(settling.c.flush))).scalar() or 0
        wanted = {"workspace": caller.workspace, "flush": max(wall_ms(), last + 1), "settled_ms": -1}
        tx.execute(upsert(tx.connection, settling, wanted, ["workspace"]))
        if tx.rows:
            tx.now_ms = body.to
            tx.event("clock.advanced", caller.workspace, now_ms=body.to)
    _wait(caller, body)
    return {"now_ms": body.to, "now": iso(body.to)}


def _wait(caller: CallerOf, body: Advance) -> None:
    until = monotonic() + body.timeout_s
    while monotonic() < until:
        with caller.store.read() as db:
            settled = db.execute(select(settling.c.settled_ms).where(settling.c.workspace == caller.workspace)).scalar()
        if settled is not None and settled >= body.to:
            return
        time.sleep(LOOK_S)
    raise NotSettled(
        f"work up to {iso(body.to)} did not come to rest in {body.timeout_s:g} s", caller.workspace, "regie job list"
    )
