"""Rollouts: what runs, and a person's pause, resume and abort."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from regie.app.api.status import scene_of
from regie.app.caller import Caller, CallerOf, Count
from regie.base.errors import Conflict
from regie.loop import release
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


@router.get("/api/v1/rollouts")
def listed(caller: Caller, state: str | None = None, limit: Count = 100) -> list[dict[str, Any]]:
    with caller.read("rollout.read", caller.workspace) as db:
        return [shown(one) for one in queries.listed(db, caller.workspace, state, limit)]


@router.get("/api/v1/rollouts/{rollout_id}")
def one(rollout_id: str, caller: Caller) -> dict[str, Any]:
    with caller.read("rollout.read", rollout_id) as db:
        return shown(queries.rollout(db, rollout_id, caller.workspace))


@router.post("/api/v1/rollouts/{rollout_id}/pause")
def pause(rollout_id: str, body: Reason, caller: Caller) -> dict[str, Any]:
    return _pause(caller, rollout_id, body, True)


@router.post("/api/v1/rollouts/{rollout_id}/resume")
def resume(rollout_id: str, body: Reason, caller: Caller) -> dict[str, Any]:
    return _pause(caller, rollout_id, body, False)


@router.post("/api/v1/rollouts/{rollout_id}/abort")
def abort(rollout_id: str, body: Reason, caller: Caller, request: Request) -> dict[str, Any]:
    """Send all traffic back to the champion."""
    if not release.abort_by_hand(scene_of(caller, request), caller.actor, rollout_id, body.reason):
        raise Conflict(f"rollout {rollout_id} has ended", rollout_id, "regie rollout list")
    return one(rollout_id, caller)


def _pause(caller: CallerOf, rollout_id: str, body: Reason, paused: bool) -> dict[str, Any]:
    word = "pause" if paused else "resume"
    with caller.change(f"rollout.{word}", rollout_id, body.reason) as tx:
        queries.rollout(tx.connection, rollout_id, caller.workspace)
        if not changes.pause(tx, rollout_id, paused):
            raise Conflict(
                f"rollout {rollout_id} cannot {word}: it is not running, or it was {word}d already", rollout_id, "regie status"
            )
    return one(rollout_id, caller)
