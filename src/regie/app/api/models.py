"""Models and versions, with their evidence; monitors and breaches."""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from sqlalchemy import select

from regie.app.caller import Caller, Count
from regie.gates import queries as gates
from regie.monitoring import queries as monitoring
from regie.registry import queries as registry
from regie.registry.tables import registered_models
from regie.rollout import queries as rollout

if TYPE_CHECKING:
    from regie.loop import rollback as back

router = APIRouter()


class Rollback(BaseModel):
    """`from_version`: the champion that the caller saw; another one by now is a conflict. The reason is kept."""

    reason: str = Field(min_length=1, max_length=2000)
    endpoint: str | None = None
    from_version: int | None = None


@router.get("/api/v1/models")
def models(caller: Caller) -> list[dict[str, Any]]:
    with caller.read("model.read", caller.workspace) as db:
        rows = db.execute(select(registered_models).where(registered_models.c.workspace == caller.workspace)).all()
        found = registry.complete(db, caller.workspace, rows)
    return [
        {"name": one.name, "aliases": one.aliases, "champion": one.aliases.get("champion"), "tags": one.tags} for one in found
    ]


@router.get("/api/v1/models/{name}")
def model(name: str, caller: Caller) -> dict[str, Any]:
    with caller.read("model.read", name) as db:
        champion = registry.champion(db, caller.workspace, model=name)
        versions = [_version(one, caller.workspace, name, db) for one in registry.versions(db, caller.workspace, name)]
    return {"name": name, "champion": champion.version if champion else None, "versions": versions}


@router.get("/api/v1/models/{name}/rollback")
def planned(name: str, caller: Caller, endpoint: str | None = None) -> dict[str, Any]:
    """What a rollback would do now."""
    from regie.loop import rollback as back  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    with caller.read("model.read", name) as db:
        return _step(back.plan(db, caller.workspace, name, endpoint))


@router.post("/api/v1/models/{name}/rollback")
def rollback(name: str, body: Rollback, caller: Caller) -> dict[str, Any]:
    """The former champion is champion again, and answers everything as soon as the nodes have taken its route up."""
    from regie.loop import rollback as back  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    done = back.rollback(
        caller.store, caller.actor, caller.workspace, name, body.reason, endpoint=body.endpoint, seen=body.from_version
    )
    return {**_step(done.step), "generation": done.generation, "event": done.event}


def _step(step: "back.Step") -> dict[str, Any]:
    one = step.champion
    return {
        "model": one.model, "endpoint": one.endpoint, "environment": one.environment, "from_version": one.version,
        "version": step.to, "former": step.former, "rollout": step.rollout.id if step.rollout else None,
    }  # fmt: skip


@router.get("/api/v1/monitors")
def signals(caller: Caller, monitor: str | None = None, limit: Count = 100) -> list[dict[str, Any]]:
    with caller.read("monitor.read", caller.workspace) as db:
        return monitoring.signals_of(db, caller.workspace, monitor, limit=min(limit, 10_000))


@router.get("/api/v1/breaches")
def breaches(caller: Caller, state: str | None = None, limit: Count = 100) -> list[dict[str, Any]]:
    with caller.read("monitor.read", caller.workspace) as db:
        return [dict(one._mapping) for one in monitoring.breaches_of(db, caller.workspace, state=state, limit=limit)]


def _version(one: Any, workspace: str, name: str, db: Any) -> dict[str, Any]:
    judged = gates.qualification(db, workspace, name, one.version)
    facts = {
        part: getattr(one, part)
        for part in ("version", "run_id", "source", "package", "role", "window", "seen_until_ms", "created_ms")
    }
    return {
        **facts, "qualification": vars(judged) if judged else None,
        "evidence": gates.evidence_of(db, workspace, name, one.version),
        "rollouts": [{"id": r.id, "state": r.state, "because": r.because} for r in rollout.of_version(db, workspace, name, one.version)],
    }  # fmt: skip
