"""The pipelines of a workspace with their newest runs."""

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from regie.app.caller import Caller
from regie.app.pages.acts import Act, Shown, act
from regie.app.pages.pipeline_words import RunState
from regie.loop.scene import scene
from regie.pipelines import queries
from regie.spec.document import PipelineSpec
from regie.tracking import queries as tracked
from regie.tracking.types import Run

router = APIRouter()
NEWEST, LONG = 12, 500


class RunLine(Shown):
    """A run in a list. `*_ms` is business time, `*_wall_ms` the machine's; `tasks` counts its attempts by their state."""

    run_id: str
    state: RunState
    reason: str
    by: str
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    queued_wall_ms: int
    ended_wall_ms: int | None
    error: str
    again_of: str
    tasks: dict[str, int]


class PipelineShown(Shown):
    """One pipeline of `regie.yaml`, its newest runs first."""

    name: str
    function: str
    windows: list[str]
    runs: list[RunLine]
    run: Act


class PipelinesPage(Shown):
    """`applied`: whether the workspace has a `regie.yaml`."""

    applied: bool
    pipelines: list[PipelineShown]


@router.get("/api/v1/pages/pipelines", response_model=PipelinesPage)
def page(caller: Caller, request: Request) -> PipelinesPage:
    here = scene(caller.store, request.app.state.predictions, caller.workspace)
    with caller.read("pipeline.read", caller.workspace) as db:
        shown = [_pipeline(caller, db, name, one) for name, one in (here.spec.pipelines if here else {}).items()]
    return PipelinesPage(applied=here is not None, pipelines=shown)


def _pipeline(caller: Caller, db: Connection, name: str, spec: PipelineSpec) -> PipelineShown:
    runs = queries.runs(db, caller.workspace, name, limit=NEWEST)
    ids = [one["run_id"] for one in runs]
    counted, mlflow = queries.counts(db, ids), {one.id: one for one in tracked.runs_named(db, caller.workspace, ids)}
    return PipelineShown(
        name=name, function=f"{spec.module}:{spec.function}", windows=[one.text for one in spec.windows],
        runs=[_line(one, counted.get(one["run_id"], {}), mlflow.get(one["run_id"])) for one in runs],
        run=act(caller, "pipeline.run", name, f"/api/v1/pipelines/{name}/runs", f"regie pipeline run {name}"),
    )  # fmt: skip


def _line(run: dict[str, Any], tasks: dict[str, int], mlflow: Run | None) -> RunLine:
    names = ("run_id", "state", "by", "created_ms", "started_ms", "ended_ms", "again_of")
    return RunLine(
        **{name: run[name] for name in names}, reason=run["reason"][:LONG], error=run["error"][:LONG], tasks=tasks,
        queued_wall_ms=mlflow.start_wall_ms if mlflow else 0, ended_wall_ms=mlflow.end_wall_ms if mlflow else None,
    )  # fmt: skip
