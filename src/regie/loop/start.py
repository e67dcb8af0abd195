"""Queue a run of a pipeline, or one that repeats another: its row, its MLflow run and its job, in the caller's change."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from regie.base.blobs import BlobStore
from regie.base.errors import Conflict, NotFound
from regie.base.ids import new_id
from regie.pipelines import changes
from regie.pipelines.changes import Repeated
from regie.pipelines.graph import Graph, from_json
from regie.spec.document import PipelineSpec
from regie.store import jobs
from regie.store.change import Change
from regie.store.types import NOBODY_CAUSE, Cause
from regie.tracking import changes as tracking

KIND = "train"


def queue_run(
    tx: Change, pipeline: PipelineSpec, *, code_digest: str, reason: str, cause: Cause, by: str,
    params: Mapping[str, Any] | None = None, git: Mapping[str, Any] | None = None, again: Repeated | None = None,
) -> str:  # fmt: skip
    """Returns the run's id, which is its MLflow run's id too."""
    run_id = new_id()
    experiment = tracking.ensure_experiment(tx, pipeline.name)
    tags = {"regie.kind": "pipeline", "regie.pipeline": pipeline.name, "regie.code": code_digest, "regie.reason": reason}
    tags |= {"regie.again_of": again.run_id} if again else {}
    tracking.create_run(
        tx, experiment, f"{pipeline.name}-{run_id[-6:]}", run_id=run_id, tags=tags | _git_tags(git or {}), user=by
    )
    job_id = jobs.enqueue(tx, tx.workspace, KIND, {"run_id": run_id}, dedup_key=f"{KIND}:{run_id}")
    changes.queue_run(
        tx, run_id, pipeline.name, f"{pipeline.module}:{pipeline.function}", params=dict(params or {}), reason=reason,
        code_digest=code_digest, git=dict(git or {}), job_id=job_id, by=by, cause=cause, again=again,
    )  # fmt: skip
    return run_id


def run_again(
    tx: Change, blobs: BlobStore, run: Mapping[str, Any], pipelines: Mapping[str, PipelineSpec], *, from_tasks: Sequence[str],
    reason: str, by: str,
) -> str:  # fmt: skip
    """Queue a run with the code, the parameters and the snapshots of one that has ended.

    The tasks `from_tasks`, and all that take what they return, are computed anew; the others come from the cache where it has them.
    Raises Conflict, NotFound.
    """
    if code := hindered(blobs, run, pipelines):
        what, do = HINDRANCES[code]
        raise Conflict(what, f"run {run['run_id']}", do)
    fresh: tuple[str, ...] = ()
    if from_tasks:
        graph = graph_of(blobs, run)
        if graph is None:
            raise Conflict("the graph of this run is not kept", f"run {run['run_id']}", "run the whole of it again")
        fresh = graph.followed(from_tasks)
    as_of_ms = run["as_of_ms"] if run["as_of_ms"] is not None else run["started_ms"]
    again = Repeated(run["run_id"], run["snapshots"], as_of_ms, fresh)
    return queue_run(
        tx, pipelines[run["pipeline"]], code_digest=run["code_digest"], reason=reason, cause=NOBODY_CAUSE, by=by,
        params=run["params"], git=run["git"], again=again,
    )  # fmt: skip


# Why a run cannot be repeated: the code that a page has words for, and what an error says.
HINDRANCES = {
    "run.live": ("it has not ended", "wait for its end, or cancel it"),
    "pipeline.gone": ("its pipeline is no longer in regie.yaml", "regie apply"),
    "pipeline.moved": ("its pipeline is another function by now", "regie pipeline run NAME"),
    "code.gone": ("its code is no longer kept", "`regie pipeline run NAME`, with the code of today"),
}


def hindered(blobs: BlobStore, run: Mapping[str, Any], pipelines: Mapping[str, PipelineSpec]) -> str:
    """Why a run cannot be repeated now, a key of `HINDRANCES`; empty where it can."""
    if run["state"] in jobs.LIVE:
        return "run.live"
    pipeline = pipelines.get(run["pipeline"])
    if pipeline is None:
        return "pipeline.gone"
    if f"{pipeline.module}:{pipeline.function}" != run["function"]:
        return "pipeline.moved"
    return "" if blobs.keep(run["code_digest"]) else "code.gone"


def graph_of(blobs: BlobStore, run: Mapping[str, Any]) -> Graph | None:
    """The graph that a run was planned with; None before it is planned."""
    try:
        return from_json(json.loads(blobs.get(run["graph"]))) if run["graph"] else None
    except NotFound:
        return None


def _git_tags(git: Mapping[str, Any]) -> dict[str, str]:
    """The checkout's facts under our names, and under those that MLflow's tools know."""
    known = {
        "commit": "mlflow.source.git.commit",
        "branch": "mlflow.source.git.branch",
        "repository": "mlflow.source.git.repoURL",
    }
    ours = {f"regie.git.{name}": str(value) for name, value in git.items()}
    return ours | {name: str(git[fact]) for fact, name in known.items() if git.get(fact)}
