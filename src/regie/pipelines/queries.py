"""Reads of runs and tasks, as dicts with their JSON read."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from regie.base.errors import NotFound
from regie.pipelines.tables import cache_entries, pipeline_runs, tasks

# Built once: building a statement costs more than running it, and each task asks.
_ATTEMPTS = select(func.coalesce(func.max(tasks.c.attempt), 0)).where(
    tasks.c.run_id == bindparam("run"), tasks.c.name == bindparam("task"), tasks.c.window == bindparam("of")
)
_CACHED = select(cache_entries).where(cache_entries.c.workspace == bindparam("space"), cache_entries.c.key == bindparam("hash"))
_RUN_JSON = ("params", "snapshots", "git", "result", "cause")
_TASK_JSON = ("parts", "inputs", "output", "error")


def run(db: Connection, run_id: str, workspace: str | None = None) -> dict[str, Any]:
    """One execution of a pipeline. Raises NotFound."""
    query = select(pipeline_runs).where(pipeline_runs.c.run_id == run_id)
    row = db.execute(query if workspace is None else query.where(pipeline_runs.c.workspace == workspace)).first()
    if row is None:
        raise NotFound(f"there is no run {run_id} of a pipeline", workspace or "", "regie run list")
    return _read(row, _RUN_JSON)


def runs(
    db: Connection, workspace: str, pipeline: str | None = None, state: str | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Executions of a workspace, newest first."""
    query = (
        select(pipeline_runs).where(pipeline_runs.c.workspace == workspace).order_by(pipeline_runs.c.run_id.desc()).limit(limit)
    )
    if pipeline is not None:
        query = query.where(pipeline_runs.c.pipeline == pipeline)
    if state is not None:
        query = query.where(pipeline_runs.c.state == state)
    return [_read(row, _RUN_JSON) for row in db.execute(query)]


def tasks_of(db: Connection, run_id: str) -> list[dict[str, Any]]:
    """Every attempt of a run, in the order in which they started."""
    return [_read(row, _TASK_JSON) for row in db.execute(select(tasks).where(tasks.c.run_id == run_id).order_by(tasks.c.id))]


def task(db: Connection, run_id: str, name: str, window: str | None = None) -> dict[str, Any]:
    """The last attempt at a task of a run. Raises NotFound."""
    found = [one for one in tasks_of(db, run_id) if one["name"] == name and (window is None or one["window"] == window)]
    if not found:
        raise NotFound(f"run {run_id} has no task {name}", do=f"regie run show {run_id}")
    return found[-1]


def attempts(db: Connection, run_id: str, name: str, window: str) -> int:
    """How many attempts were made at a task, by any worker."""
    return int(db.execute(_ATTEMPTS, {"run": run_id, "task": name, "of": window}).scalar_one())


def attempts_of_all(db: Connection, run_id: str, window: str) -> dict[str, int]:
    """Of each task with an attempt, how many were made at it."""
    same = (tasks.c.run_id == run_id, tasks.c.window == window)
    made = select(tasks.c.name, func.max(tasks.c.attempt).label("made")).where(*same).group_by(tasks.c.name)
    return {row.name: row.made for row in db.execute(made)}


def mlflow_runs(db: Connection, task_ids: Sequence[str]) -> dict[str, str]:
    """Task to its MLflow run; one that is gone is left out. At most as many ids as a graph has nodes."""
    found = select(tasks.c.id, tasks.c.mlflow_run_id).where(tasks.c.id.in_(set(task_ids)))
    return {row.id: row.mlflow_run_id for row in db.execute(found)}


def task_before(db: Connection, workspace: str, step: str, window: str, task_id: str) -> dict[str, Any] | None:
    """The last execution of a step that ended well before this task, in any run."""
    query = (
        select(tasks)
        .where(tasks.c.workspace == workspace, tasks.c.step == step, tasks.c.window == window, tasks.c.id < task_id)
        .where(tasks.c.state.in_(("finished", "cached")))
        .order_by(tasks.c.id.desc())
        .limit(1)
    )
    row = db.execute(query).first()
    return None if row is None else _read(row, _TASK_JSON)


def cached(db: Connection, workspace: str, key: str) -> dict[str, Any] | None:
    """What the cache holds under a key."""
    row = db.execute(_CACHED, {"space": workspace, "hash": key}).first()
    return None if row is None else _read(row, ("parts", "output"))


def _read(row: Row[Any], names: tuple[str, ...]) -> dict[str, Any]:
    read: dict[str, Any] = dict(row._mapping)
    for name in names:
        read[name] = json.loads(read[name]) if read[name] else None
    return read
