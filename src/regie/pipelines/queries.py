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
_RUN_JSON = ("params", "snapshots", "git", "result", "cause", "fresh")
LOOKED_AT = 5_000
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


def brief_of(db: Connection, run_id: str, limit: int) -> list[dict[str, Any]]:
    """Every attempt of a run without what it took and returned, in the order in which they started; at most `limit`."""
    names = ("id", "name", "window", "attempt", "state", "error", "cached_from", "started_wall_ms", "ended_wall_ms", "exit")
    query = select(*(tasks.c[name] for name in names)).where(tasks.c.run_id == run_id).order_by(tasks.c.id).limit(limit)
    return [_read(row, ("error",)) for row in db.execute(query)]


def attempts_at(db: Connection, run_id: str, name: str, window: str) -> list[dict[str, Any]]:
    """Every attempt at one task in one window, the first one first."""
    same = (tasks.c.run_id == run_id, tasks.c.name == name, tasks.c.window == window)
    return [_read(row, _TASK_JSON) for row in db.execute(select(tasks).where(*same).order_by(tasks.c.attempt))]


def computed_by(db: Connection, run_id: str) -> dict[str, dict[str, Any]]:
    """Of each task that the cache answered, which one computed it: its id to the other's run and times."""
    source = tasks.alias("source")
    query = (
        select(tasks.c.id, source.c.run_id, source.c.started_wall_ms, source.c.ended_wall_ms)
        .join(source, source.c.id == tasks.c.cached_from)
        .where(tasks.c.run_id == run_id, tasks.c.cached_from != "")
    )
    return {row.id: dict(row._mapping) for row in db.execute(query)}


def runs_on(db: Connection, workspace: str, digest: str, limit: int) -> list[dict[str, Any]]:
    """The runs that were made on a snapshot, newest first, among the last `LOOKED_AT` of the workspace."""
    names = ("run_id", "pipeline", "state", "created_ms", "snapshots")
    query = select(*(pipeline_runs.c[name] for name in names)).where(pipeline_runs.c.workspace == workspace)
    last = query.order_by(pipeline_runs.c.run_id.desc()).limit(LOOKED_AT).subquery()
    found = db.execute(select(last).where(last.c.snapshots.contains(digest)).order_by(last.c.run_id.desc()).limit(limit))
    return [{name: row._mapping[name] for name in names[:-1]} for row in found]


def counts(db: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Of each run, how many of its attempts are in which state."""
    found: dict[str, dict[str, int]] = {}
    query = select(tasks.c.run_id, tasks.c.state, func.count().label("many")).where(tasks.c.run_id.in_(run_ids))
    for row in db.execute(query.group_by(tasks.c.run_id, tasks.c.state)):
        found.setdefault(row.run_id, {})[row.state] = row.many
    return found


def task(db: Connection, run_id: str, name: str, window: str | None = None) -> dict[str, Any]:
    """The last attempt at a task of a run. Raises NotFound."""
    found = [one for one in tasks_of(db, run_id) if one["name"] == name and (window is None or one["window"] == window)]
    if not found:
        raise NotFound(f"run {run_id} has no task {name}", do=f"regie run show {run_id}")
    return found[-1]


def attempt(db: Connection, task_id: str, workspace: str) -> dict[str, Any]:
    """One attempt by its id. Raises NotFound."""
    row = db.execute(select(tasks).where(tasks.c.id == task_id, tasks.c.workspace == workspace)).first()
    if row is None:
        raise NotFound(f"there is no task {task_id}", workspace, "regie run show RUN")
    return _read(row, _TASK_JSON)


def is_of(db: Connection, run_id: str, task_id: str) -> bool:
    """Whether a task was an attempt of this run."""
    return db.execute(select(tasks.c.id).where(tasks.c.id == task_id, tasks.c.run_id == run_id)).first() is not None


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


def task_before(db: Connection, task: dict[str, Any]) -> dict[str, Any] | None:
    """The last execution in another run that ended well before this one: of the same task, else of its step."""
    same = (tasks.c.workspace == task["workspace"], tasks.c.step == task["step"], tasks.c.window == task["window"])
    # A pipeline may call a step many times: the calls of one run say nothing about what changed between two.
    ended = (tasks.c.id < task["id"], tasks.c.run_id != task["run_id"], tasks.c.state.in_(("finished", "cached")))
    query = select(tasks).where(*same, *ended).order_by(tasks.c.id.desc()).limit(1)
    row = db.execute(query.where(tasks.c.name == task["name"])).first() or db.execute(query).first()
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


def newest(db: Connection, workspaces: Sequence[str]) -> list[Any]:
    """Of each workspace, its newest execution of a pipeline: rows of what says how it stands."""
    table = pipeline_runs.c
    last = select(func.max(table.run_id)).where(table.workspace.in_(workspaces)).group_by(table.workspace)
    names = ("run_id", "workspace", "pipeline", "state", "reason", "by", "created_ms", "started_ms", "ended_ms")
    return list(db.execute(select(*(table[name] for name in names)).where(table.run_id.in_(last))))
