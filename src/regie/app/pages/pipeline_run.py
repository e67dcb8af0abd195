"""A pipeline's run: its graph with the state of each task, what ran when, and what may be done with it."""

from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf
from regie.app.pages.acts import Act, Shown, Why, act
from regie.app.pages.pipeline_words import RunState, TaskState, cut
from regie.base.canonical import canonical
from regie.base.clock import wall_ms
from regie.data import queries as data
from regie.loop.scene import scene
from regie.loop.start import graph_of, hindered
from regie.pipelines import progress, queries
from regie.pipelines.graph import Graph, Node
from regie.registry import queries as registry
from regie.spec.document import PipelineSpec
from regie.store import jobs
from regie.tracking import queries as tracked

router = APIRouter()
ATTEMPTS, THINGS, LINE = 6_000, 50, 300


class AttemptShown(Shown):
    """One attempt. `computed_run`: the run whose task the cache answered with; `saved_ms`: how long that one took."""

    task_id: str
    attempt: int
    state: TaskState
    started_wall_ms: int
    ended_wall_ms: int | None
    error_type: str
    error: str
    computed_run: str
    saved_ms: int | None


class SpotShown(Shown):
    """A task in one window of data."""

    window: str
    state: TaskState
    waited_ms: int | None
    attempts: list[AttemptShown]


class NodeShown(Shown):
    """A task of the graph. `takes`: tasks, `datasets`: datasets whose rows it is given; `fresh`: the cache was not asked."""

    name: str
    step: str
    takes: list[str]
    datasets: list[str]
    returns: str
    deterministic: bool
    retries: int
    timeout_s: float | None
    fresh: bool
    spots: list[SpotShown]


class ParamShown(Shown):
    name: str
    value: str


class SnapshotUsed(Shown):
    dataset: str
    digest: str
    rows: int | None
    state: str


class VersionOf(Shown):
    """A version that came of the run."""

    model: str
    version: int
    role: str
    window: str


class RunHead(Shown):
    """`*_ms` is business time, `*_wall_ms` the machine's: queued, first task, end."""

    run_id: str
    pipeline: str
    function: str
    state: RunState
    reason: str
    by: str
    params: list[ParamShown]
    code_digest: str
    lock_digest: str
    commit: str
    snapshots: list[SnapshotUsed]
    created_ms: int
    started_ms: int | None
    ended_ms: int | None
    as_of_ms: int | None
    queued_wall_ms: int
    first_wall_ms: int | None
    ended_wall_ms: int | None
    error: str
    again_of: str
    fresh: list[str]
    chosen: str


class PipelineRunPage(Shown):
    """`graph`: as it was planned, inferred of an older run, or none before it is planned. `window`: the one to show first."""

    run: RunHead
    graph: Literal["planned", "inferred", "none"]
    windows: list[str]
    window: str
    counts: dict[TaskState, int]
    saved_ms: int
    nodes: list[NodeShown]
    attempts_left_out: bool
    versions: list[VersionOf]
    again: Act
    cancel: Act
    wall_ms: int


@router.get("/api/v1/pages/pipeline-run/{run_id}", response_model=PipelineRunPage)
def page(run_id: str, caller: Caller, request: Request) -> PipelineRunPage:
    here = scene(caller.store, request.app.state.predictions, caller.workspace)
    pipelines = here.spec.pipelines if here else {}
    with caller.read("run.read", run_id) as db:
        run = queries.run(db, run_id, caller.workspace)
        graph, kind = graph_shown(db, caller, run)
        attempts = queries.brief_of(db, run_id, ATTEMPTS)
        computed = queries.computed_by(db, run_id)
        head = _head(db, caller, run, attempts)
        versions = registry.come_from(db, caller.workspace, [run_id])[:THINGS]
    windows = progress.windows_of(_promised(pipelines, run), attempts)
    spots = progress.spots(graph, windows, attempts, run["state"])
    return PipelineRunPage(
        run=head, graph=kind, windows=windows, window=progress.looked_at(spots, windows) if spots else windows[0],
        counts=_counts(spots), saved_ms=sum(_saved(one) or 0 for one in computed.values()), nodes=_nodes(graph, spots, computed, run),
        attempts_left_out=len(attempts) == ATTEMPTS,
        versions=[VersionOf(model=one.name, version=one.version, role=one.role, window=one.window) for one in versions],
        again=again_act(caller, run, pipelines), cancel=_cancel(caller, run), wall_ms=wall_ms(),
    )  # fmt: skip


def graph_shown(db: Connection, caller: CallerOf, run: Mapping[str, Any]) -> tuple[Graph, Literal["planned", "inferred", "none"]]:
    """The graph of a run, and where it is from."""
    graph = graph_of(caller.store.blobs, run)
    if graph is not None:
        return graph, "planned"
    found = progress.inferred(run["function"], queries.tasks_of(db, run["run_id"]))
    return found, "inferred" if found.nodes else "none"


def again_act(
    caller: CallerOf, run: Mapping[str, Any], pipelines: Mapping[str, PipelineSpec], task: str = "", graph: str = ""
) -> Act:
    """To run the same again; from a task on where one is named, which asks for the graph that was planned."""
    code = hindered(caller.store.blobs, run, pipelines) or ("graph.not_kept" if task and graph != "planned" else "")
    why = Why(code=code, values={"state": run["state"], "pipeline": run["pipeline"]}) if code else None
    command = f"regie run again {run['run_id']}" + (f" --from {task}" if task else "")
    return act(caller, "pipeline.run", run["pipeline"], f"/api/v1/runs/{run['run_id']}/again", command, unless=why)


def _cancel(caller: CallerOf, run: Mapping[str, Any]) -> Act:
    why = None if run["state"] in jobs.LIVE else Why(code="run.ended", values={"state": run["state"]})
    command = f"regie run cancel {run['run_id']} --reason TEXT"
    return act(caller, "run.cancel", run["run_id"], f"/api/v1/runs/{run['run_id']}/cancel", command, unless=why)


def _head(db: Connection, caller: CallerOf, run: Mapping[str, Any], attempts: list[dict[str, Any]]) -> RunHead:
    mlflow_run = tracked.run(db, run["run_id"], caller.workspace)
    names = (
        "run_id", "pipeline", "function", "state", "by", "code_digest", "lock_digest", "created_ms", "started_ms", "ended_ms", "as_of_ms",
        "again_of", "fresh",
    )  # fmt: skip
    return RunHead(
        **{name: run[name] for name in names}, reason=cut(run["reason"]), error=cut(run["error"], 2 * LINE * LINE),
        params=[ParamShown(name=name, value=cut(canonical(value))) for name, value in run["params"].items()],
        commit=str((run["git"] or {}).get("commit") or ""),
        snapshots=[_snapshot(db, caller, name, digest) for name, digest in run["snapshots"].items()],
        queued_wall_ms=mlflow_run.start_wall_ms, ended_wall_ms=mlflow_run.end_wall_ms,
        first_wall_ms=attempts[0]["started_wall_ms"] if attempts else None, chosen=str((run["result"] or {}).get("because") or ""),
    )  # fmt: skip


def _snapshot(db: Connection, caller: CallerOf, dataset: str, digest: str) -> SnapshotUsed:
    found = data.of_digest(db, caller.workspace, dataset, digest)
    rows, state = (found.rows, found.state) if found else (None, "")
    return SnapshotUsed(dataset=dataset, digest=digest, rows=rows, state=state)


def _promised(pipelines: Mapping[str, PipelineSpec], run: Mapping[str, Any]) -> list[str]:
    """The windows that may still come; of a run that has ended, none."""
    pipeline = pipelines.get(run["pipeline"])
    return [one.text for one in pipeline.windows] if pipeline and run["state"] in jobs.LIVE else []


def _nodes(
    graph: Graph, spots: list[progress.Spot], computed: Mapping[str, Mapping[str, Any]], run: Mapping[str, Any]
) -> list[NodeShown]:
    shown: dict[str, list[SpotShown]] = {}
    for one in spots:
        attempts = [_attempt(made, computed.get(made["id"])) for made in one.attempts]
        shown.setdefault(one.task, []).append(
            SpotShown(window=one.window, state=one.state, waited_ms=one.waited_ms, attempts=attempts)
        )
    return [_node(node, shown.get(node.name, []), node.name in run["fresh"]) for node in graph.nodes]


def _node(node: Node, spots: list[SpotShown], fresh: bool) -> NodeShown:
    return NodeShown(
        name=node.name, step=node.step, takes=list(dict.fromkeys(node.refs)), returns=node.returns, fresh=fresh,
        datasets=[one.value for one in node.arguments.values() if one.kind == "input"], deterministic=node.deterministic,
        retries=node.retries, timeout_s=node.timeout_s, spots=spots,
    )  # fmt: skip


def _attempt(made: Mapping[str, Any], computed: Mapping[str, Any] | None) -> AttemptShown:
    error = made["error"] or {}
    return AttemptShown(
        task_id=made["id"], attempt=made["attempt"], state=made["state"], started_wall_ms=made["started_wall_ms"],
        ended_wall_ms=made["ended_wall_ms"], error_type=str(error.get("type", "")), error=cut(str(error.get("message", "")), LINE),
        computed_run=computed["run_id"] if computed else "", saved_ms=_saved(computed) if computed else None,
    )  # fmt: skip


def _saved(computed: Mapping[str, Any]) -> int | None:
    return computed["ended_wall_ms"] - computed["started_wall_ms"] if computed["ended_wall_ms"] is not None else None


def _counts(spots: list[progress.Spot]) -> dict[TaskState, int]:
    found: dict[TaskState, int] = {}
    for one in spots:
        found[one.state] = found.get(one.state, 0) + 1
    return found
