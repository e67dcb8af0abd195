"""Where a workspace stands in its loop: what serves, what is wanted, who is needed, and why nothing happens."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf
from regie.base.errors import NotFound
from regie.gates import queries as gates
from regie.loop import dossier
from regie.loop.scene import Scene, scene
from regie.monitoring import queries as monitoring
from regie.pipelines import queries as pipelines
from regie.rollout import queries as rollout
from regie.rollout.decide import decide
from regie.store import jobs, nodes

router = APIRouter()


def scene_of(caller: CallerOf, request: Request) -> Scene:
    """The caller's workspace under its `regie.yaml`. Raises NotFound."""
    found = scene(caller.store, request.app.state.predictions, caller.workspace)
    if found is None:
        raise NotFound(f"no regie.yaml is applied to workspace {caller.workspace}", "path /w/NAME", "regie apply")
    return found


@router.get("/api/v1/status")
def status(caller: Caller, request: Request) -> dict[str, Any]:
    from regie.loop import react  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    here = scene_of(caller, request)
    with caller.read("status.read", caller.workspace) as db:
        champion = here.champion(db)
        return {
            "workspace": caller.workspace, "clock": here.clock, "now_ms": here.now_ms(),
            "endpoint": here.serves.endpoint if here.serves else None, "environment": here.environment, "model": here.model,
            "champion": {"version": champion.version, "former": champion.former_version, "since_ms": champion.since_ms} if champion else None,
            "route": _route(here, db), "rollout": _rollout(here, db),
            "qualifications": [vars(one) for one in gates.in_state(db, caller.workspace, "waiting", "judging")],
            "approvals": [dossier.brief(db, one) for one in gates.approvals_of(db, caller.workspace, state="pending")],
            "breaches": [dict(one._mapping) for one in monitoring.breaches_of(db, caller.workspace, state="open")],
            "signals": _newest(monitoring.signals_of(db, caller.workspace, limit=200)),
            "runs": [dict(one) for one in pipelines.runs(db, caller.workspace, limit=3)],
            "jobs": jobs.live(db, caller.workspace), "quiet": react.quiet(here, db),
        }  # fmt: skip


@router.get("/api/v1/why")
def explain(thing: str, caller: Caller, request: Request) -> dict[str, Any]:
    """The causation chain of a thing: `MODEL@champion`, `MODEL@3`, a run, `RUN/TASK`, a rollout, the workspace's name."""
    from regie.loop import why  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    here = scene_of(caller, request)
    with caller.read("why.read", thing) as db:
        return why.explain(here, db, thing)


def _route(here: Scene, db: Connection) -> dict[str, Any] | None:
    """What is wanted, and what each live node has acknowledged."""
    if here.serves is None:
        return None
    wanted = rollout.route(db, here.workspace, here.serves.endpoint)
    serving = {node.id: node.generations.get(here.serves.endpoint, 0) for node in nodes.live(db)}
    failed = {node.id: node.failed[here.serves.endpoint] for node in nodes.live(db) if here.serves.endpoint in node.failed}
    if wanted is None:
        return {"wanted": 0, "variants": [], "serving": serving, "failed": failed}
    return {"wanted": wanted.generation, "variants": [v.to_json() for v in wanted.variants], "serving": serving, "failed": failed}


def _rollout(here: Scene, db: Connection) -> dict[str, Any] | None:
    from regie.loop import release  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    if here.serves is None:
        return None
    endpoint = here.serves.endpoint
    found = rollout.running(db, here.workspace, endpoint) or rollout.waiting(db, here.workspace, endpoint)
    if found is None:
        return None
    names = ("id", "version", "incumbent", "state", "paused", "entered_ms")
    # Why it is where it is, now: also what no row tells, such as a stage that never sees its minimum sample.
    because = (
        decide(found.spec, release.observe(here, db, found), here.now_ms()).because if found.state == "running" else "waiting"
    )
    return {**{name: getattr(found, name) for name in names}, "stage": found.current.kind, "because": because}


def _newest(signals: list[dict[str, Any]]) -> list[dict[str, Any]]:
    seen: dict[str, dict[str, Any]] = {}
    for one in signals:
        seen.setdefault(one["monitor"], one)
    return list(seen.values())
