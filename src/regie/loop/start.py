"""Queue a run of a pipeline: its row, its MLflow run and its job, in the caller's change."""

from collections.abc import Mapping
from typing import Any

from regie.base.ids import new_id
from regie.pipelines import changes
from regie.spec.document import PipelineSpec
from regie.store import jobs
from regie.store.change import Change
from regie.store.types import Cause
from regie.tracking import changes as tracking

KIND = "train"


def queue_run(
    tx: Change, pipeline: PipelineSpec, *, code_digest: str, reason: str, cause: Cause, by: str,
    params: Mapping[str, Any] | None = None, git: Mapping[str, Any] | None = None,
) -> str:  # fmt: skip
    """Returns the run's id, which is its MLflow run's id too."""
    run_id = new_id()
    experiment = tracking.ensure_experiment(tx, pipeline.name)
    tags = {"regie.kind": "pipeline", "regie.pipeline": pipeline.name, "regie.code": code_digest, "regie.reason": reason}
    tracking.create_run(
        tx, experiment, f"{pipeline.name}-{run_id[-6:]}", run_id=run_id, tags=tags | _git_tags(git or {}), user=by
    )
    job_id = jobs.enqueue(tx, tx.workspace, KIND, {"run_id": run_id}, dedup_key=f"{KIND}:{run_id}")
    changes.queue_run(
        tx, run_id, pipeline.name, f"{pipeline.module}:{pipeline.function}", params=dict(params or {}), reason=reason,
        code_digest=code_digest, git=dict(git or {}), job_id=job_id, by=by, cause=cause,
    )  # fmt: skip
    return run_id


def _git_tags(git: Mapping[str, Any]) -> dict[str, str]:
    """The checkout's facts under our names, and under those that MLflow's tools know."""
    known = {
        "commit": "mlflow.source.git.commit",
        "branch": "mlflow.source.git.branch",
        "repository": "mlflow.source.git.repoURL",
    }
    ours = {f"regie.git.{name}": str(value) for name, value in git.items()}
    return ours | {name: str(git[fact]) for fact, name in known.items() if git.get(fact)}
