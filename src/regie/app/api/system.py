"""Health, audit, events, jobs."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from sqlalchemy import select

from regie.app.caller import Caller, Count, Moment
from regie.base.errors import NotFound
from regie.base.version import VERSION
from regie.store import audit, jobs, nodes, search
from regie.store.search import SoughtEvents, SoughtRecords, Stretch
from regie.store.tables import jobs as jobs_table

router = APIRouter()
Types = Annotated[tuple[str, ...], Query(max_length=50)]


class Anchor(BaseModel):
    """What `regie audit anchor` wrote."""

    seq: int
    hash: str


class Verify(BaseModel):
    """Verify the chain, and against an anchor if one is given."""

    anchor: Anchor | None = None


@router.get("/health")
def health(request: Request) -> PlainTextResponse:
    """200 when the database answers; in MLflow's words."""
    with request.app.state.store.read() as db:
        db.execute(select(1))
    return PlainTextResponse("OK")


@router.get("/api/v1/info")
def info(request: Request, caller: Caller) -> dict[str, Any]:
    with caller.read("home.read", "home") as db:
        alive = [{"id": node.id, "address": node.address} for node in nodes.live(db)]
    home = request.app.state.home
    kind = "sqlite" if caller.store.database.is_sqlite else "postgresql"
    return {"version": VERSION, "home": str(home.folder), "clock": home.clock, "database": kind, "nodes": alive}


@router.post("/api/v1/audit/verify")
def verify(body: Verify, caller: Caller, request: Request) -> dict[str, Any]:
    """Recompute the whole chain; 409 `audit.broken` names the first wrong record, and `conflict` says that somebody does it already."""
    caller.may("audit.read", "audit")
    found = request.app.state.verifier.verify(caller.actor.name, body.anchor.model_dump() if body.anchor else None)
    return {"verified": True, "records": found.records, "events": found.events, "hash": found.hash}


@router.get("/api/v1/audit/anchor")
def anchor(caller: Caller) -> dict[str, Any]:
    with caller.read("audit.anchor", "audit") as db:
        return audit.anchor(db)


@router.get("/api/v1/audit/records")
def records(
    caller: Caller, after: Count = 0, limit: Count = 1000, actor: str = "", action: str = "", target: str = "", result: str = "",
    from_ms: Moment | None = None, to_ms: Moment | None = None, everywhere: bool = True,
) -> list[dict[str, Any]]:  # fmt: skip
    """Of every workspace, for those who may read them in all of them and do not ask for this one only; else of this one."""
    only = None if everywhere and caller.could_everywhere("audit.read", "audit") else caller.workspace
    within = Stretch(after=after, from_ms=from_ms, to_ms=to_ms, forwards=True)
    with caller.read("audit.read", "audit") as db:
        return search.find_records(db, only, SoughtRecords(actor, action, target, result, within), limit)


@router.get("/api/v1/events")
def listed(
    caller: Caller, after: Count = 0, limit: Count = 1000, type: Types = (), without: Types = (), subject: str = "",
    correlation: str = "", from_ms: Moment | None = None, to_ms: Moment | None = None, newest: bool = False,
) -> list[dict[str, Any]]:  # fmt: skip
    """In order. `newest`: of more than `limit` the last ones, else the first ones."""
    within = Stretch(after=after, from_ms=from_ms, to_ms=to_ms, forwards=not newest)
    with caller.read("event.read", caller.workspace) as db:
        found = search.find_events(db, caller.workspace, SoughtEvents(type, without, subject, correlation, within), limit)
    return [event.cloud() for event in (reversed(found) if newest else found)]


@router.get("/api/v1/jobs")
def job_list(caller: Caller, state: str | None = None, limit: Count = 100) -> list[dict[str, Any]]:
    query = select(jobs_table).where(jobs_table.c.workspace == caller.workspace).order_by(jobs_table.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(jobs_table.c.state == state)
    with caller.read("job.read", caller.workspace) as db:
        return [{**row._mapping, "args": json.loads(row.args)} for row in db.execute(query)]


@router.get("/api/v1/jobs/{job_id}")
def job(job_id: str, caller: Caller) -> dict[str, Any]:
    with caller.read("job.read", caller.workspace) as db:
        found = jobs.find(db, job_id)
    if found["workspace"] != caller.workspace:
        raise NotFound(f"job {job_id} does not exist", caller.workspace, "regie job list")
    return found
