"""Rollouts: what runs, and a person's pause, resume and abort."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf, Count
from regie.loop.scene import scene
from regie.rollout import changes, queries
from regie.rollout.types import Rollout

router = APIRouter()


class Reason(BaseModel):
    """Kept in the audit record."""

    reason: str = Field(min_length=1, max_length=2000)


def shown(rollout: Rollout) -> dict[str, Any]:
    """One rollout, as the API answers it."""
    names = ("id", "endpoint", "environment", "model", "version", "incumbent", "state", "paused", "because", "generation")
    return {
        **{name: getattr(rollout, name) for name in names}, "stage": rollout.current.kind, "entered_ms": rollout.entered_ms,
        "stages": [stage.kind for stage in rollout.spec.stages], "guards": list(rollout.spec.guards),
        "created_ms": rollout.created_ms, "started_ms": rollout.started_ms, "ended_ms": rollout.ended_ms,
    }  # fmt: skip


def looked(caller: CallerOf, request: Request, db: Connection, rollout: Rollout) -> list[dict[str, Any]]:
    """Each guard with its figure, in the stage that the rollout is in, or was in when it ended."""
    from regie.loop import guards  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    here = scene(caller.store, request.app.state.predictions, caller.workspace)
    if here is None or here.serves is None or here.serves.endpoint != rollout.endpoint or rollout.started_ms is None:
        return []
    return [vars(one) for one in guards.look(here, db, rollout)[1]]


def cost(caller: CallerOf, request: Request, db: Connection, rollout: Rollout) -> dict[str, Any]:
    """What the version cost since its rollout started."""
    from regie.loop import guards  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    here = scene(caller.store, request.app.state.predictions, caller.workspace)
    if here is None or here.serves is None or here.serves.endpoint != rollout.endpoint:
        return vars(guards.Damage())
    return vars(guards.damage(here, db, rollout))


@router.get("/api/v1/rollouts")
def listed(caller: Caller, request: Request, state: str | None = None, limit: Count = 100) -> list[dict[str, Any]]:
    """Newest first; what runs comes with the figures of its guards."""
    with caller.read("rollout.read", caller.workspace) as db:
        found = queries.listed(db, caller.workspace, state, limit)
        return [{**shown(one), "figures": looked(caller, request, db, one) if one.state == "running" else []} for one in found]


@router.get("/api/v1/rollouts/{rollout_id}")
def one(rollout_id: str, caller: Caller, request: Request) -> dict[str, Any]:
    with caller.read("rollout.read", rollout_id) as db:
        found = queries.rollout(db, rollout_id, caller.workspace)
        return {
            **shown(found), "figures": looked(caller, request, db, found), "damage": cost(caller, request, db, found),
        }  # fmt: skip


@router.post("/api/v1/rollouts/{rollout_id}/pause")
def pause(rollout_id: str, body: Reason, caller: Caller, request: Request) -> dict[str, Any]:
    return _pause(caller, request, rollout_id, body, True)


@router.post("/api/v1/rollouts/{rollout_id}/resume")
def resume(rollout_id: str, body: Reason, caller: Caller, request: Request) -> dict[str, Any]:
    return _pause(caller, request, rollout_id, body, False)


@router.post("/api/v1/rollouts/{rollout_id}/abort")
def abort(rollout_id: str, body: Reason, caller: Caller, request: Request) -> dict[str, Any]:
    """Send all traffic back to the champion; withdraw one that waits."""
    from regie.loop import rollback  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    rollback.abort(caller.store, caller.actor, caller.workspace, rollout_id, body.reason)
    return one(rollout_id, caller, request)


def _pause(caller: CallerOf, request: Request, rollout_id: str, body: Reason, paused: bool) -> dict[str, Any]:
    from regie.loop import rollback  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    word = "pause" if paused else "resume"
    with caller.change(f"rollout.{word}", rollout_id, body.reason) as tx:
        queries.rollout(tx.connection, rollout_id, caller.workspace)
        if not changes.pause(tx, rollout_id, paused, body.reason):
            raise rollback.ended(queries.rollout(tx.connection, rollout_id, caller.workspace), word)
    return one(rollout_id, caller, request)
