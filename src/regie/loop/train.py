"""Train: one run of a pipeline, a candidate for each window of data, and one challenger chosen among them.

The platform cuts the data, not the training code: candidates learn from rows older than the inner window, compete on the inner
window, and the winner becomes the challenger, which the gates judge on the holdout. Nothing here, and nothing that it imports,
can change a route or a champion (import contract).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from regie.base.canonical import canonical
from regie.base.clock import iso
from regie.base.errors import NotFound, RegieError
from regie.data import holdout, snapshots
from regie.data import queries as data
from regie.data.types import Snapshot
from regie.loop import packages
from regie.loop.scene import Scene
from regie.loop.watch import PROFILE_TAG
from regie.loop.work import Work
from regie.pipelines import changes, queries
from regie.pipelines.graph import Graph
from regie.pipelines.types import RunCancelled, RunRequest
from regie.registry import changes as registry
from regie.registry.types import CANDIDATE, CHALLENGER
from regie.spec.document import DatasetSpec, PipelineSpec
from regie.spec.phrases import Window
from regie.store import jobs
from regie.store.change import Change
from regie.store.tables import jobs as jobs_table
from regie.store.types import NOBODY_CAUSE, Cause, system
from regie.tracking import changes as tracking

ACTOR = system("train")
# What candidates compete on where no gate compares with the champion.
DEFAULT_METRIC = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}


class NotEnoughRows(RegieError):
    """The data does not reach back far enough to train and to hold rows out."""

    code, status, exit_code = "train.not_enough_rows", 422, 1


def turn(scene: Scene) -> bool:
    """A run whose job failed or vanished has failed; True if something changed."""
    with scene.store.read() as db:
        ended = [(run, db.execute(select(jobs_table).where(jobs_table.c.id == run["job_id"])).first()) for run in live(db, scene)]
    moved = False
    for run, job in ended:
        if job is not None and job.state in jobs.LIVE:
            continue
        state = "cancelled" if job is not None and job.state == "cancelled" else "failed"
        error = (job.error if job is not None else None) or ("cancelled by hand" if state == "cancelled" else "its job is gone")
        with scene.store.change(
            ACTOR, "run.finish", run["run_id"], error[:200], workspace=scene.workspace, cause=_cause(run)
        ) as tx:
            _end(tx, run, state, error=error)
            moved |= tx.rows > 0
    return moved


def live(db: Connection, scene: Scene) -> list[dict[str, Any]]:
    """The runs that are queued or running."""
    return [run for state in jobs.LIVE for run in queries.runs(db, scene.workspace, state=state)]


def work(work: Work) -> None:
    """The job: run the pipeline for each window, choose, register, name the challenger."""
    scene = work.scene()
    with scene.store.read() as db:
        run = queries.run(db, work.job.args["run_id"])
    try:
        _run(work, scene, run)
    except RunCancelled:
        raise  # the worker stops: the job goes to the next one, and finished tasks are answered by the cache
    except RegieError as error:
        # A broken contract or a failing step is the run's own end, not a reason to try the job again.
        with scene.store.change(
            ACTOR, "run.finish", run["run_id"], error.code, workspace=scene.workspace, cause=_cause(run)
        ) as tx:
            _end(tx, run, "failed", error=str(error))
            jobs.fail(tx, work.job, str(error))


def _run(work: Work, scene: Scene, run: dict[str, Any]) -> None:
    pipeline = _pipeline(scene, run)
    request = _request(scene, run)
    graph = work.runner.plan(request, work.ours)
    # A run that a dead worker had begun goes on with the rows that it began with, however late it is by now.
    started_ms = scene.now_ms() if run["started_ms"] is None else run["started_ms"]
    # One that repeats another sees the data as that one did: also where it is cut.
    now_ms = started_ms if run["as_of_ms"] is None else run["as_of_ms"]
    taken = _snapshots(scene, run, graph.datasets, now_ms)
    kept = scene.store.blobs.put(canonical(graph.to_json()).encode())
    digests = {name: snapshot.digest for name, snapshot in taken.items()}
    with scene.store.change(ACTOR, "run.finish", run["run_id"], "start", workspace=scene.workspace, cause=_cause(run)) as tx:
        changes.start_run(tx, run["run_id"], work.runner.environment(request).lock, digests, started_ms, kept)
    labelled = scene.spec.labelled
    if labelled is None or labelled.name not in taken or graph.returns != "Model":
        outputs = work.runner.execute(request, graph, {name: _whole(scene, one) for name, one in taken.items()}, "", work.ours)
        _finish(work, scene, run, {"output": outputs})
        return
    cut = _cut(labelled, now_ms, len(pipeline.windows) > 1)
    candidates = [_candidate(work, scene, request, graph, taken, cut, window) for window in pipeline.windows]
    chosen = _choose(work, scene, taken[labelled.name], cut, candidates)
    profile = _profile(work, scene, candidates[chosen.at])
    _register(work, scene, run, candidates, chosen, cut, profile)


def _request(scene: Scene, run: dict[str, Any]) -> RunRequest:
    """`-p key=value` comes as text, and is read by its type hint where the user's code is imported."""
    texts = {name: value for name, value in run["params"].items() if isinstance(value, str)}
    params = {name: value for name, value in run["params"].items() if name not in texts}
    task = scene.spec.model.task if scene.spec.model else None
    settings = {"kind": task.kind, "positive": task.positive} if task else {}
    return RunRequest(
        run["run_id"], scene.workspace, run["function"], run["code_digest"], params, texts, settings, _cause(run),
        frozenset(run["fresh"]),
    )  # fmt: skip


def _pipeline(scene: Scene, run: dict[str, Any]) -> PipelineSpec:
    if run["pipeline"] not in scene.spec.pipelines:
        raise NotFound(f"pipeline {run['pipeline']} is no longer in regie.yaml", scene.workspace, "regie apply")
    return scene.spec.pipelines[run["pipeline"]]


def _snapshots(scene: Scene, run: dict[str, Any], names: Sequence[str], now_ms: int) -> dict[str, Snapshot]:
    """Every dataset that the pipeline reads, as of then: as the run has it already, or read now.

    Raises ContractBroken before anything is trained.
    """
    with scene.store.read() as db:
        known = {name: data.pinned(db, scene.workspace, name, digest) for name, digest in run["snapshots"].items()}
    return {
        name: known.get(name)
        or snapshots.take(scene.store, ACTOR, scene.workspace, name, scene.spec.data[name], scene.root, now_ms, _cause(run))
        for name in names
    }


@dataclass(frozen=True)
class Cut:
    """Where the platform cuts, in business time: `train_until_ms <= inner .. holdout_from_ms <= holdout .. holdout_to_ms`."""

    train_until_ms: int
    holdout_from_ms: int
    holdout_to_ms: int


def _cut(labelled: DatasetSpec, now_ms: int, competes: bool) -> Cut:
    assert labelled.label is not None
    length = labelled.holdout_ms or 0
    found = holdout.bounds(now_ms, labelled.label.known_after_ms, length)
    # With one window nobody competes, and the inner window need not be spared.
    train_until_ms = found.holdout_from_ms - length if competes else found.holdout_from_ms
    return Cut(train_until_ms, found.holdout_from_ms, found.holdout_to_ms)


@dataclass(frozen=True)
class Candidate:
    """One trained package before it is registered, with the window that it learnt from and the digest of its rows."""

    window: Window
    package: str
    rows: int
    training: str


def _candidate(
    work: Work, scene: Scene, request: RunRequest, graph: Graph, taken: dict[str, Snapshot], cut: Cut,
    window: Window,
) -> Candidate:  # fmt: skip
    labelled = scene.spec.labelled
    assert labelled is not None
    from_ms = 0 if window.last_ms is None else cut.train_until_ms - window.last_ms
    inputs, training, rows = {}, "", 0
    for name, snapshot in taken.items():
        timed = scene.spec.data[name].time is not None
        # Other datasets with a time are cut at the same moment, so that nothing of the holdout's days is seen; those without are whole.
        start = from_ms if name == labelled.name else 0
        digest, count = (
            snapshots.slice_of(scene.store, snapshot, start, cut.train_until_ms) if timed else (snapshot.digest, snapshot.rows)
        )
        inputs[name] = {"kind": "dataset", "name": name, "digest": digest}
        if name == labelled.name:
            training, rows = digest, count
    if rows == 0:
        raise NotEnoughRows(
            f"no row of {labelled.name} is older than {iso(cut.train_until_ms)}",
            request.workspace,
            "train when more data is there",
        )
    output = work.runner.execute(request, graph, inputs, window.text, work.ours)
    return Candidate(window, output["digest"], rows, training)


@dataclass(frozen=True)
class Choice:
    """Which candidate becomes the challenger, by which rule, with the paired comparisons."""

    at: int
    because: str
    compared: list[dict[str, Any]]


def _choose(work: Work, scene: Scene, snapshot: Snapshot, cut: Cut, candidates: list[Candidate]) -> Choice:
    if len(candidates) == 1:
        return Choice(0, "only.one", [])
    labelled, model = scene.spec.labelled, scene.spec.model
    assert labelled is not None
    assert labelled.label is not None
    assert model is not None
    digest, _ = snapshots.slice_of(scene.store, snapshot, cut.train_until_ms, cut.holdout_from_ms)
    gate = next((gate for gate in model.gates if gate.relative), None)
    payload = {
        "candidates": [str(packages.fetch(work, one.package)) for one in candidates],
        "inner": str(work.store.blobs.path(digest)), "label": labelled.label.column, "time": labelled.time,
        "task": model.task.to_json(), "metric": gate.metric if gate else DEFAULT_METRIC[model.task.kind],
    }  # fmt: skip
    found = work.runner.call("regie.gates.evaluate:choose_json", payload, work.ours)
    return Choice(found["chosen"], found["because"], found["compared"])


def _profile(work: Work, scene: Scene, candidate: Candidate) -> str:
    """What drift is measured against: the days that the challenger learnt from. The digest of a blob; empty without monitors."""
    labelled = scene.spec.labelled
    if not scene.spec.monitor.drift or labelled is None:
        return ""
    payload = {
        "package": str(packages.fetch(work, candidate.package)), "rows": str(work.store.blobs.path(candidate.training)),
        "time": labelled.time,
        "monitors": [
            {"key": one.key, "top": one.top, "features": list(one.features), "over_ms": one.over_ms} for one in scene.spec.monitor.drift
        ],
    }  # fmt: skip
    profiles = work.runner.call("regie.loop.reference:profiles", payload, work.ours)
    return scene.store.blobs.put(canonical(profiles).encode())


def _register(
    work: Work, scene: Scene, run: dict[str, Any], candidates: list[Candidate], chosen: Choice, cut: Cut, profile: str
) -> None:
    """Versions, roles, the run's end and the job's, in one change. A stale fence leaves nothing of it."""
    registered: list[int] = []
    with scene.store.change(
        ACTOR, "model.register", scene.model, chosen.because, workspace=scene.workspace, cause=_cause(run)
    ) as tx:
        registry.ensure_model(tx, scene.model)
        finished = _end(tx, run, "finished", result={"because": chosen.because, "compared": chosen.compared})
        for at, one in enumerate(candidates):
            tags = {PROFILE_TAG: profile} if profile and at == chosen.at else {}
            facts = {"regie.window": one.window.text, "regie.rows": str(one.rows), "regie.training": one.training}
            number = registry.register(
                tx, scene.model, source=f"runs:/{run['run_id']}/{one.window.text.replace(' ', '-')}", run_id=run["run_id"],
                package=one.package, role=CHALLENGER if at == chosen.at else CANDIDATE, window=one.window.text,
                seen_until_ms=cut.holdout_from_ms, cause=finished, tags=tags | facts,
            )  # fmt: skip
            registered.append(number)
        jobs.complete(tx, work.job, {"versions": registered, "challenger": registered[chosen.at]})


def _finish(work: Work, scene: Scene, run: dict[str, Any], result: dict[str, Any]) -> None:
    with scene.store.change(ACTOR, "run.finish", run["run_id"], "finished", workspace=scene.workspace, cause=_cause(run)) as tx:
        _end(tx, run, "finished", result=result)
        jobs.complete(tx, work.job, {})


def _end(tx: Change, run: dict[str, Any], state: str, *, result: dict[str, Any] | None = None, error: str = "") -> Cause:
    """End the run and its MLflow run; returns the cause of what follows."""
    ended = changes.end_run(tx, run["run_id"], state, result=result, error=error)
    caused_by = tx.last_cause if ended else _cause(run)
    # A worker that died in its last attempt left a task behind, with a token that still works.
    for mlflow_run in changes.abandon_tasks(
        tx, run["run_id"], why=f"its run was {state}" if state != "failed" else "its worker died"
    ):
        tracking.end_run(tx, mlflow_run, "KILLED")
    tracking.end_run(tx, run["run_id"], {"finished": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}[state])
    return caused_by


def _cause(run: dict[str, Any]) -> Cause:
    return Cause(**run["cause"]) if run["cause"] else NOBODY_CAUSE


def _whole(scene: Scene, snapshot: Snapshot) -> dict[str, Any]:
    return {"kind": "dataset", "name": snapshot.dataset, "digest": snapshot.digest}
