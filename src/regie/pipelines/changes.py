"""Writes of runs and tasks: each takes `tx`, compares before it sets, and may be repeated."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, select, update

from regie.base.canonical import canonical
from regie.pipelines.tables import pipeline_runs, tasks
from regie.store.change import Change, remembered
from regie.store.tables import tokens
from regie.store.types import Cause

ENDED = {"finished": "run.finished", "failed": "run.failed", "cancelled": "run.failed"}
TASK_ENDED = {"finished": "task.finished", "failed": "task.failed"}


@dataclass(frozen=True)
class Repeated:
    """What a run takes again of another one: its snapshots, the time of its data; and the tasks that the cache must not answer."""

    run_id: str
    snapshots: dict[str, str] = field(default_factory=dict)
    as_of_ms: int | None = None
    fresh: tuple[str, ...] = ()


def queue_run(
    tx: Change, run_id: str, pipeline: str, function: str, *, params: dict[str, Any], reason: str, code_digest: str,
    git: dict[str, Any] | None = None, job_id: str = "", by: str = "", cause: Cause | None = None, again: Repeated | None = None,
) -> bool:  # fmt: skip
    """Note a run that is to be executed. False if it is there already. `cause`: what led to it, the change's own by default."""
    again = again or Repeated("")
    if tx.execute(select(pipeline_runs.c.run_id).where(pipeline_runs.c.run_id == run_id)).first():
        return False
    tx.execute(
        insert(pipeline_runs).values(
            run_id=run_id, workspace=tx.workspace, pipeline=pipeline, function=function, params=canonical(params), state="queued",
            reason=reason, code_digest=code_digest, lock_digest="", snapshots=canonical(again.snapshots), git=canonical(git or {}),
            result="", error="", cause=remembered(cause or tx.cause), job_id=job_id, by=by or tx.actor.name, created_ms=tx.now_ms,
            again_of=again.run_id, fresh=canonical(list(again.fresh)), as_of_ms=again.as_of_ms,
        )
    )  # fmt: skip
    return True


def start_run(tx: Change, run_id: str, lock_digest: str, snapshots: dict[str, str], now_ms: int, graph: str = "") -> bool:
    """The run's work begins at `now_ms`; or again after its worker died. Announced the first time only. `graph`: its blob."""
    mine = pipeline_runs.c.run_id == run_id
    values = {"state": "running", "lock_digest": lock_digest, "snapshots": canonical(snapshots), "graph": graph}
    began = tx.execute(update(pipeline_runs).where(mine, pipeline_runs.c.state == "queued").values(**values, started_ms=now_ms))
    if began.rowcount:
        tx.event("run.started", run_id, snapshots=snapshots, lock=lock_digest)
        return True
    tx.execute(update(pipeline_runs).where(mine, pipeline_runs.c.state == "running").values(**values))
    return False


def end_run(tx: Change, run_id: str, state: str, *, result: dict[str, Any] | None = None, error: str = "") -> bool:
    """A run ends once: finished, failed or cancelled. False if it had ended."""
    live = pipeline_runs.c.state.in_(("queued", "running"))
    ended = tx.execute(
        update(pipeline_runs)
        .where(pipeline_runs.c.run_id == run_id, live)
        .values(state=state, result=canonical(result or {}), error=error, ended_ms=tx.now_ms)
    ).rowcount
    if ended:
        tx.event(ENDED[state], run_id, state=state, error=error)
    return bool(ended)


def start_task(tx: Change, task: dict[str, Any]) -> None:
    """One attempt begins."""
    tx.execute(insert(tasks), [_stored(tx, task) | {"state": "running"}])
    tx.event("task.started", _subject(task), step=task["step"], attempt=task["attempt"], task=task["id"])


def abandon_tasks(tx: Change, run_id: str, window: str | None = None, why: str = "its worker died") -> list[str]:
    """Attempts that nobody goes on with have failed, and their tokens with them; returns the ids of their MLflow runs."""
    query = select(tasks).where(tasks.c.run_id == run_id, tasks.c.state == "running")
    left = tx.execute(query if window is None else query.where(tasks.c.window == window)).all()
    for row in left:
        end_task(tx, dict(row._mapping), "failed", error={"type": "WorkerDied", "message": why, "traceback": ""})
        valid = tokens.c.revoked_wall_ms.is_(None)
        tx.execute(update(tokens).where(tokens.c.actor == f"task:{row.id}", valid).values(revoked_wall_ms=tx.wall_ms))
    return [row.mlflow_run_id for row in left]


def end_task(tx: Change, task: dict[str, Any], state: str, **values: Any) -> bool:
    """One attempt ends. False if it had ended."""
    stored = {name: canonical(value) if name in ("output", "error") else value for name, value in values.items()}
    ended = tx.execute(
        update(tasks)
        .where(tasks.c.id == task["id"], tasks.c.state == "running")
        .values(state=state, ended_wall_ms=tx.wall_ms, **stored)
    ).rowcount
    if ended:
        said = {"error": str(values["error"].get("message", ""))[:500]} if "error" in values else {}
        data: dict[str, Any] = {"step": task["step"], "attempt": task["attempt"], "task": task["id"], "state": state, **said}
        tx.event(TASK_ENDED[state], _subject(task), **data)
    return bool(ended)


def cached_tasks(tx: Change, answered: Sequence[dict[str, Any]]) -> None:
    """Tasks that the cache answered: no attempt was made."""
    rows = []
    for task in answered:
        source = task["cached_from"]
        known = {"output": canonical(task["output"]), "cached_from": source, "ended_wall_ms": tx.wall_ms, "state": "cached"}
        rows.append(_stored(tx, task) | known)
        tx.event("task.finished", _subject(task), step=task["step"], task=task["id"], state="cached", cached_from=source)
    tx.execute(insert(tasks), rows)


def _subject(task: dict[str, Any]) -> str:
    return f"{task['run_id']}/{task['name']}"


def _stored(tx: Change, task: dict[str, Any]) -> dict[str, Any]:
    given = {name: task[name] for name in ("id", "run_id", "name", "window", "step", "attempt", "cache_key", "mlflow_run_id")}
    jsons = {name: canonical(task[name]) for name in ("parts", "inputs")}
    rest = {"workspace": tx.workspace, "output": "", "error": "", "cached_from": "", "started_wall_ms": tx.wall_ms}
    return given | jsons | rest
