"""Runs of pipelines: start, look, cancel, read the logs."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from regie.app.api.rollouts import Reason
from regie.app.api.status import scene_of
from regie.app.caller import Caller, Count
from regie.base.errors import Conflict, NotFound
from regie.loop.start import queue_run, run_again
from regie.pipelines import logs as printed
from regie.pipelines import queries
from regie.store import jobs
from regie.store.types import NOBODY_CAUSE
from regie.tracking import artifacts

router = APIRouter()


class Start(BaseModel):
    """Without `code_digest` the run takes the applied code."""

    params: dict[str, Any] = {}
    code_digest: str = ""
    git: dict[str, Any] = {}
    reason: str = Field(default="by hand", max_length=2000)


@router.post("/api/v1/pipelines/{name}/runs")
def start(name: str, body: Start, caller: Caller, request: Request) -> dict[str, Any]:
    here = scene_of(caller, request)
    if name not in here.spec.pipelines:
        raise NotFound(f"there is no pipeline {name}", caller.workspace, f"one of {', '.join(here.spec.pipelines) or 'none'}")
    code = body.code_digest or here.code_digest
    if not caller.store.blobs.keep(code):
        raise NotFound(f"the code {code} is not here", "code_digest", f"PUT /api/v1/blobs/{code} first")
    with caller.change("pipeline.run", name, body.reason) as tx:
        run_id = queue_run(
            tx, here.spec.pipelines[name], code_digest=code, reason=body.reason, cause=NOBODY_CAUSE, by=caller.actor.name,
            params=body.params, git=body.git,
        )  # fmt: skip
        job_id = queries.run(tx.connection, run_id)["job_id"]
    return {"run_id": run_id, "job_id": job_id}


class Again(BaseModel):
    """`from_tasks`: these, and what follows them, are computed anew; the others come from the cache where it has them."""

    from_tasks: list[str] = Field(default=[], max_length=1000)
    reason: str = Field(default="by hand", max_length=2000)


@router.post("/api/v1/runs/{run_id}/again")
def again(run_id: str, body: Again, caller: Caller, request: Request) -> dict[str, Any]:
    """Run again with the code, the parameters and the snapshots of a run that has ended."""
    here = scene_of(caller, request)
    with caller.read("run.read", run_id) as db:
        found = queries.run(db, run_id, caller.workspace)
    with caller.change("pipeline.run", found["pipeline"], body.reason) as tx:
        identity = run_again(
            tx,
            caller.store.blobs,
            found,
            here.spec.pipelines,
            from_tasks=body.from_tasks,
            reason=body.reason,
            by=caller.actor.name,
        )
        job_id = queries.run(tx.connection, identity)["job_id"]
    return {"run_id": identity, "job_id": job_id}


@router.get("/api/v1/pipelines")
def listed(caller: Caller, request: Request) -> list[dict[str, Any]]:
    here = scene_of(caller, request)
    return [{"name": name, **one.to_json()} for name, one in here.spec.pipelines.items()]


@router.get("/api/v1/runs")
def runs(caller: Caller, pipeline: str | None = None, state: str | None = None, limit: Count = 100) -> list[dict[str, Any]]:
    with caller.read("run.read", caller.workspace) as db:
        return queries.runs(db, caller.workspace, pipeline, state, limit)


@router.get("/api/v1/runs/{run_id}")
def run(run_id: str, caller: Caller) -> dict[str, Any]:
    with caller.read("run.read", run_id) as db:
        return {**queries.run(db, run_id, caller.workspace), "tasks": queries.tasks_of(db, run_id)}


@router.post("/api/v1/runs/{run_id}/cancel")
def cancel(run_id: str, body: Reason, caller: Caller) -> dict[str, Any]:
    """Cancel a live run; its worker notices within a heartbeat, and the train turn ends it."""
    with caller.change("run.cancel", run_id, body.reason) as tx:
        found = queries.run(tx.connection, run_id, caller.workspace)
        if not jobs.cancel(tx, found["job_id"]):
            raise Conflict(f"run {run_id} is {found['state']}", run_id, "regie run list")
    return run(run_id, caller)


@router.get("/api/v1/runs/{run_id}/logs")
def logs(run_id: str, caller: Caller) -> dict[str, str]:
    """What each attempt printed, by task, window and attempt."""
    with caller.read("run.read", run_id) as db:
        attempts = queries.tasks_of(db, queries.run(db, run_id, caller.workspace)["run_id"])
        found: dict[str, str] = {}
        for one in attempts:
            for path, digest, _ in artifacts.whole(db, caller.workspace, f"runs/{one['mlflow_run_id']}", "logs"):
                name = f"{one['name']} {one['window']} {path}".replace("  ", " ")
                found[name] = caller.store.blobs.get(digest).decode("utf-8", "replace")
    return found


class Printed(BaseModel):
    """A stretch of a log: ask for what follows from `end_bytes` on, while `live` or before `size_bytes`."""

    at_bytes: int
    end_bytes: int
    size_bytes: int
    text: str
    live: bool


@router.get("/api/v1/tasks/{task_id}/log")
def log(task_id: str, caller: Caller, from_bytes: Count | None = None) -> Printed:
    """What an attempt has printed, also while it runs: from an offset on, at most 64 KiB; without one, the end of it."""
    with caller.read("run.read", task_id) as db:
        found = printed.piece(db, caller.store.blobs, queries.attempt(db, task_id, caller.workspace), from_bytes)
    return Printed(**vars(found))
