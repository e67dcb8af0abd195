"""`regie gc` over HTTP: what it would remove, one that is begun, and its steps, which the caller asks for until it is done."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from regie.app import collect
from regie.app.caller import Caller, Count
from regie.app.collect_steps import Step
from regie.app.home import alone
from regie.base.clock import DAY_MS

router = APIRouter(tags=["store"])


class Begin(BaseModel):
    """Deleted longer ago than this; of some experiments or runs only, where they are named."""

    older_than_ms: int = Field(30 * DAY_MS, ge=0, lt=1 << 53)
    experiments: list[str] = Field(default_factory=list, max_length=collect.SHOWN)
    runs: list[str] = Field(default_factory=list, max_length=collect.SHOWN)
    reason: str = Field("", max_length=2000)


@router.get("/api/v1/collections/plan")
def plan(
    caller: Caller, older_than_ms: Count = 30 * DAY_MS, experiment: Annotated[list[str] | None, Query()] = None,
    run: Annotated[list[str] | None, Query()] = None,
) -> dict[str, Any]:  # fmt: skip
    """What would be removed now."""
    caller.may("store.read", caller.workspace)
    alone(caller.store)
    return collect.dry_run(
        caller.store, caller.workspace, collect.Options(older_than_ms, tuple(experiment or ()), tuple(run or ()))
    )


@router.post("/api/v1/collections", status_code=201)
def begin(body: Begin, caller: Caller) -> dict[str, Any]:
    """Begin to remove; `POST .../step` goes on with it."""
    alone(caller.store)
    options = collect.Options(body.older_than_ms, tuple(body.experiments), tuple(body.runs))
    with caller.change("store.collect", caller.workspace, body.reason) as tx:
        identity = collect.begin(tx, options, body.reason)
    with caller.store.read() as db:
        return collect.shown(db, caller.workspace, identity)


@router.post("/api/v1/collections/{identity}/step")
def step(identity: str, caller: Caller) -> dict[str, Any]:
    """Some seconds of the work. `state` is `done` once nothing is left; called again it changes nothing."""
    caller.may("store.collect", identity)
    alone(caller.store)
    return Step(caller.store, lambda: caller.change("store.collect", identity), caller.workspace, identity).go()
