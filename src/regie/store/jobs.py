"""Jobs: one table, claimed in one statement; a result with a stale fence is refused.

A job is `queued`, `running` (leased), `done`, `failed` or `cancelled`. Its owner extends the lease by heartbeats; a dead
owner's job is taken over after its lease. Lease times are the database's clock, so two machines' clocks are never compared.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, and_, case, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.expression import Executable

from regie.base.canonical import canonical
from regie.base.errors import Conflict, NotFound
from regie.base.ids import new_id
from regie.store.change import Store
from regie.store.database import now_ms
from regie.store.tables import jobs

LIVE = ("queued", "running")
LEASE_MS = 15_000
RACE_TRIES = 5


class StaleFence(Conflict):
    """Somebody else has taken the job over; this result is not accepted."""

    code = "job.stale_fence"


class Writes(Protocol):
    """A change or a batch of machinery."""

    connection: Connection

    def execute(self, statement: Executable, rows: list[dict[str, Any]] | None = None) -> CursorResult[Any]: ...


@dataclass(frozen=True)
class Job:
    """One claimed job. `fence` grows with every claim."""

    id: str
    workspace: str
    kind: str
    args: dict[str, Any]
    attempts: int
    max_attempts: int
    fence: int


def enqueue(
    tx: Writes, workspace: str, kind: str, args: dict[str, Any], *, queue: str = "default", priority: int = 0,
    dedup_key: str | None = None, concurrency_key: str | None = None, max_attempts: int = 3, delay_ms: int = 0,
) -> str:  # fmt: skip
    """Add a job in the caller's transaction; returns its id, or the id of the live job with the same dedup key."""
    identity = new_id()
    if dedup_key is not None:
        found = tx.execute(select(jobs.c.id).where(jobs.c.dedup_key == dedup_key, jobs.c.state.in_(LIVE))).scalar()
        if found:
            return str(found)
    row = insert(jobs).values(
        id=identity, workspace=workspace, kind=kind, args=canonical(args), state="queued", queue=queue, priority=priority,
        dedup_key=dedup_key, concurrency_key=concurrency_key, run_at_ms=now_ms() + delay_ms, attempts=0,
        max_attempts=max_attempts, fence=0, created_ms=now_ms(),
    )  # fmt: skip
    if dedup_key is None:
        tx.execute(row)
        return identity
    try:
        with tx.connection.begin_nested():
            tx.execute(row)
    except IntegrityError:
        # Another transaction won between our look and our write (PostgreSQL): its job is the one.
        return str(tx.execute(select(jobs.c.id).where(jobs.c.dedup_key == dedup_key, jobs.c.state.in_(LIVE))).scalar_one())
    return identity


def claim(store: Store, owner: str, queues: Sequence[str] = ("default",), lease_ms: int = LEASE_MS) -> Job | None:
    """Take the most urgent job that is due, or one whose owner died. None if there is none."""
    for _ in range(RACE_TRIES):
        try:
            with store.machinery() as batch:
                _give_up(batch)
                row = batch.execute(_claim_statement(batch.connection, owner, queues, lease_ms)).first()
                return None if row is None else _job(row)
        except IntegrityError:
            continue  # two claims of one concurrency key met; the other one has it
    return None


def heartbeat(store: Store, job: Job, owner: str, lease_ms: int = LEASE_MS) -> bool:
    """Extend the lease. False if the job is no longer ours: stop working on it."""
    with store.machinery() as batch:
        return bool(
            batch.execute(
                update(jobs).where(_ours(job), jobs.c.lease_owner == owner).values(lease_until_ms=now_ms() + lease_ms)
            ).rowcount
        )


def complete(tx: Writes, job: Job, result: dict[str, Any] | None = None) -> None:
    """Accept the result, in the same transaction as what it changes. Raises StaleFence."""
    _end(tx, job, state="done", result=canonical(result or {}), ended_ms=now_ms())


def fail(tx: Writes, job: Job, error: str, retry_in_ms: int | None = None) -> None:
    """End the job as failed, or queue it again where attempts are left and a delay is given. Raises StaleFence."""
    if retry_in_ms is not None and job.attempts < job.max_attempts:
        _end(tx, job, state="queued", error=error, run_at_ms=now_ms() + retry_in_ms)
    else:
        _end(tx, job, state="failed", error=error, ended_ms=now_ms())


def give_back(tx: Writes, job: Job) -> None:
    """Queue the job again as if it had not been claimed. Raises StaleFence."""
    _end(tx, job, state="queued", run_at_ms=now_ms(), attempts=jobs.c.attempts - 1)


def cancel(tx: Writes, job_id: str) -> bool:
    """Cancel a live job; its owner notices at its next heartbeat."""
    return bool(
        tx.execute(
            update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(LIVE)).values(state="cancelled", ended_ms=now_ms())
        ).rowcount
    )


def find(db: Connection, job_id: str) -> dict[str, Any]:
    """One job as a row. Raises NotFound."""
    row = db.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"job {job_id} does not exist", do="regie job list")
    return {**row._mapping, "args": json.loads(row.args), "result": json.loads(row.result) if row.result else None}


def live(db: Connection, workspace: str) -> int:
    """How many jobs of a workspace are queued or running."""
    return int(
        db.execute(
            select(func.count()).select_from(jobs).where(jobs.c.workspace == workspace, jobs.c.state.in_(LIVE))
        ).scalar_one()
    )


def _claim_statement(connection: Connection, owner: str, queues: Sequence[str], lease_ms: int) -> Executable:
    other = jobs.alias("other")
    blocked = select(other.c.id).where(
        other.c.concurrency_key == jobs.c.concurrency_key, other.c.state == "running", other.c.id != jobs.c.id
    )
    due = or_(
        and_(jobs.c.state == "queued", jobs.c.run_at_ms <= now_ms()),
        and_(jobs.c.state == "running", jobs.c.lease_until_ms < now_ms(), jobs.c.attempts < jobs.c.max_attempts),
    )
    pick = (
        select(jobs.c.id)
        .where(jobs.c.state.in_(LIVE), jobs.c.queue.in_(queues), due, ~blocked.exists())
        .order_by(jobs.c.priority.desc(), jobs.c.run_at_ms, jobs.c.id)
        .limit(1)
    )
    if connection.dialect.name == "postgresql":
        pick = pick.with_for_update(skip_locked=True)
    return (
        update(jobs)
        .where(jobs.c.id == pick.scalar_subquery())
        .values(
            state="running",
            lease_owner=owner,
            lease_until_ms=now_ms() + lease_ms,
            attempts=jobs.c.attempts + 1,
            fence=jobs.c.fence + 1,
        )
        .returning(jobs)
    )


def _give_up(batch: Writes) -> None:
    """A job whose owners died as often as it may be tried has failed."""
    dead = and_(jobs.c.state == "running", jobs.c.lease_until_ms < now_ms(), jobs.c.attempts >= jobs.c.max_attempts)
    error = case((jobs.c.error.is_(None), "its worker died"), else_=jobs.c.error)
    batch.execute(update(jobs).where(dead).values(state="failed", error=error, ended_ms=now_ms(), fence=jobs.c.fence + 1))


def _ours(job: Job) -> Any:
    return and_(jobs.c.id == job.id, jobs.c.fence == job.fence, jobs.c.state == "running")


def _end(tx: Writes, job: Job, **values: Any) -> None:
    if not tx.execute(update(jobs).where(_ours(job)).values(**values)).rowcount:
        raise StaleFence(
            f"job {job.id} is no longer held with fence {job.fence}",
            f"{job.kind} of {job.workspace}",
            "nothing: its new owner goes on",
        )


def _job(row: Any) -> Job:
    return Job(row.id, row.workspace, row.kind, json.loads(row.args), row.attempts, row.max_attempts, row.fence)
