"""Tasks that the cache answers: noted all together, in one change and a few statements, however many they are."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from regie.base.ids import new_id
from regie.pipelines import changes, measurements, queries
from regie.pipelines.graph import Node
from regie.pipelines.types import Parent, RunRequest, Value
from regie.store.change import Change, Store
from regie.tracking import changes as tracking
from regie.tracking import queries as tracked
from regie.tracking.types import KIND


@dataclass(frozen=True)
class Hit:
    """One task, and the entry that answers it. `source`: the task that computed the output."""

    node: Node
    key: str
    parts: dict[str, str]
    given: dict[str, Value]
    output: Value
    source: str


def confirm(
    store: Store, run: RunRequest, parent: Parent, window: str, hits: Sequence[Hit],
    change: Callable[[RunRequest], AbstractContextManager[Change]],
) -> None:  # fmt: skip
    """Note the tasks and give each an MLflow run with what its source measured."""
    with change(run) as tx:
        made = queries.attempts_of_all(tx.connection, run.run_id, window)
        rows = [_row(run, hit, window, made.get(hit.node.name, 0) + 1) for hit in hits]
        names = {row["mlflow_run_id"]: run_name(row["name"], window) for row in rows}
        tracking.create_runs(
            tx, parent.experiment_id, names, parent=run.run_id, tags={KIND: "task"}, user=parent.user, status="FINISHED"
        )
        changes.cached_tasks(tx, rows)
        sources = queries.mlflow_runs(tx.connection, [hit.source for hit in hits])
        measured = tracked.measured(tx.connection, list(sources.values()), besides=measurements.LOGS)
    for row in rows:
        source = sources.get(row["cached_from"])
        if source in measured:
            measurements.replay(store, run.workspace, source, row["mlflow_run_id"])
            measurements.show_in(store, run.run_id, row)


def run_name(task: str, window: str) -> str:
    """What a task's MLflow run is called."""
    return f"{task} ({window})" if window else task


def _row(run: RunRequest, hit: Hit, window: str, attempt: int) -> dict[str, Any]:
    return {
        "id": new_id(), "run_id": run.run_id, "name": hit.node.name, "window": window, "step": hit.node.step, "attempt": attempt,
        "cache_key": hit.key, "parts": hit.parts, "inputs": hit.given, "mlflow_run_id": new_id(), "output": hit.output,
        "cached_from": hit.source,
    }  # fmt: skip
