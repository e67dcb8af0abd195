"""Jobs: one table, claimed in one statement; a result with a stale fence is refused.

A job is `queued`, `running` (leased), `done`, `failed` or `cancelled`. Its owner extends the lease by heartbeats; a dead
owner's job is taken over after its lease. Lease times are the database's clock, so two machines' clocks are never compared.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Update, and_, bindparam, exists, func, insert, or_, select, update
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

# The statements of a job's way through the queue are built once: building the claim costs ten times what running it does.
_queue = jobs.c.queue.in_(bindparam("queues", expanding=True))
_due = and_(jobs.c.state == "queued", jobs.c.run_at_ms <= now_ms())
_dead = and_(jobs.c.state == "running", jobs.c.lease_until_ms < now_ms())
_tries_left = jobs.c.attempts < jobs.c.max_attempts
_other = jobs.alias("other")
_key_is_busy = exists().where(
    _other.c.concurrency_key == jobs.c.concurrency_key, _other.c.state == "running", _other.c.id != jobs.c.id
)
_claimable = and_(_queue, or_(_due, and_(_dead, _tries_left)), ~_key_is_busy)

ENQUEUE = insert(jobs).values(
    state="queued", run_at_ms=now_ms() + bindparam("delay_ms"), attempts=0, fence=0, created_ms=now_ms()
)  # fmt: skip
SAME = select(jobs.c.id).where(jobs.c.dedup_key == bindparam("dedup_key"), jobs.c.state.in_(LIVE))
WAITING = select(exists().where(jobs.c.state.in_(LIVE), or_(_claimable, and_(_dead, ~_tries_left))))
# A job whose owners died as often as it may be tried has failed.
GIVE_UP = (
    update(jobs)
    .where(_dead, ~_tries_left)
    .values(
        state="failed", error=func.coalesce(jobs.c.error, "its worker died"), ended_ms=now_ms(), fence=jobs.c.fence + 1
    )
)  # fmt: skip
CLAIM = (
    update(jobs)
    .where(
        jobs.c.id
        == select(jobs.c.id)
        .where(jobs.c.state.in_(LIVE), _claimable)
        .order_by(jobs.c.priority.desc(), jobs.c.run_at_ms, jobs.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)  # SQLite, which has one writer, leaves it out
        .scalar_subquery()
    )
    .values(
        state="running", lease_owner=bindparam("owner"), lease_until_ms=now_ms() + bindparam("lease_ms"),
        attempts=jobs.c.attempts + 1, fence=jobs.c.fence + 1,
    )
    .returning(
        jobs.c.id, jobs.c.workspace, jobs.c.kind, jobs.c.args, jobs.c.attempts, jobs.c.max_attempts, jobs.c.fence
    )
)  # fmt: skip
_ours = and_(jobs.c.id == bindparam("job"), jobs.c.fence == bindparam("held"), jobs.c.state == "running")
BEAT = update(jobs).where(_ours, jobs.c.lease_owner == bindparam("owner")).values(lease_until_ms=now_ms() + bindparam("lease_ms"))
DONE = update(jobs).where(_ours).values(state="done", result=bindparam("said"), ended_ms=now_ms())
FAILED = update(jobs).where(_ours).values(state="failed", error=bindparam("said"), ended_ms=now_ms())
AGAIN = update(jobs).where(_ours).values(state="queued", error=bindparam("said"), run_at_ms=now_ms() + bindparam("delay_ms"))
GIVEN_BACK = update(jobs).where(_ours).values(state="queued", run_at_ms=now_ms(), attempts=jobs.c.attempts - 1)


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
    if dedup_key is not None and (found := tx.execute(SAME, [{"dedup_key": dedup_key}]).scalar()):
        return str(found)
    row = {
        "id": identity, "workspace": workspace, "kind": kind, "args": canonical(args), "queue": queue, "priority": priority,
        "dedup_key": dedup_key, "concurrency_key": concurrency_key, "max_attempts": max_attempts, "delay_ms": delay_ms,
    }  # fmt: skip
    if dedup_key is None:
        tx.execute(ENQUEUE, [row])
        return identity
    try:
        with tx.connection.begin_nested():
            tx.execute(ENQUEUE, [row])
    except IntegrityError:
        # Another transaction won between our look and our write (PostgreSQL): its job is the one.
        return str(tx.execute(SAME, [{"dedup_key": dedup_key}]).scalar_one())
    return identity


def waiting(store: Store, queues: Sequence[str] = ("default",)) -> bool:
    """Whether a claim would find something to do: an idle worker looks so, often, and takes no lock that writers wait for."""
    with store.read() as db:
        return bool(db.execute(WAITING, {"queues": list(queues)}).scalar_one())


def claim(store: Store, owner: str, queues: Sequence[str] = ("default",), lease_ms: int = LEASE_MS) -> Job | None:
    """Take the most urgent job that is due, or one whose owner died. None if there is none."""
    for _ in range(RACE_TRIES):
        try:
            with store.machinery() as batch:
                batch.execute(GIVE_UP)
                row = batch.execute(CLAIM, [{"owner": owner, "queues": list(queues), "lease_ms": lease_ms}]).first()
                return None if row is None else _job(row)
        except IntegrityError:
            continue  # two claims of one concurrency key met; the other one has it
    return None


def heartbeat(store: Store, job: Job, owner: str, lease_ms: int = LEASE_MS) -> bool:
    """Extend the lease. False if the job is no longer ours: stop working on it."""
    with store.machinery() as batch:
        beat = {"job": job.id, "held": job.fence, "owner": owner, "lease_ms": lease_ms}
        return bool(batch.execute(BEAT, [beat]).rowcount)


def complete(tx: Writes, job: Job, result: dict[str, Any] | None = None) -> None:
    """Accept the result, in the same transaction as what it changes. Raises StaleFence."""
    _end(tx, job, DONE, said=canonical(result or {}))


def fail(tx: Writes, job: Job, error: str, retry_in_ms: int | None = None) -> None:
    """End the job as failed, or queue it again where attempts are left and a delay is given. Raises StaleFence."""
    if retry_in_ms is not None and job.attempts < job.max_attempts:
        _end(tx, job, AGAIN, said=error, delay_ms=retry_in_ms)
    else:
        _end(tx, job, FAILED, said=error)


def give_back(tx: Writes, job: Job) -> None:
    """Queue the job again as if it had not been claimed. Raises StaleFence."""
    _end(tx, job, GIVEN_BACK)


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


def _end(tx: Writes, job: Job, statement: Update, **values: Any) -> None:
    if not tx.execute(statement, [{"job": job.id, "held": job.fence, **values}]).rowcount:
        raise StaleFence(
            f"job {job.id} is no longer held with fence {job.fence}",
            f"{job.kind} of {job.workspace}",
            "nothing: its new owner goes on",
        )


def _job(row: Any) -> Job:
    return Job(row.id, row.workspace, row.kind, json.loads(row.args), row.attempts, row.max_attempts, row.fence)
