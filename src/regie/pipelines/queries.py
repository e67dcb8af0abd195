"""Reads of runs and tasks, as dicts with their JSON read."""

import json
from typing import Any

from sqlalchemy import Connection, Row, func, select

from regie.base.errors import NotFound
from regie.pipelines.tables import cache_entries, pipeline_runs, tasks

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
    same = (tasks.c.run_id == run_id, tasks.c.name == name, tasks.c.window == window)
    return int(db.execute(select(func.coalesce(func.max(tasks.c.attempt), 0)).where(*same)).scalar_one())


def task_by_id(db: Connection, task_id: str) -> dict[str, Any] | None:
    row = db.execute(select(tasks).where(tasks.c.id == task_id)).first()
    return None if row is None else _read(row, _TASK_JSON)


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
    row = db.execute(select(cache_entries).where(cache_entries.c.workspace == workspace, cache_entries.c.key == key)).first()
    return None if row is None else _read(row, ("parts", "output"))


def _read(row: Row[Any], names: tuple[str, ...]) -> dict[str, Any]:
    read: dict[str, Any] = dict(row._mapping)
    for name in names:
        read[name] = json.loads(read[name]) if read[name] else None
    return read
