"""The invariants of the store: schema, audit chain, events, clock and jobs. Each check yields in words what breaks it."""

from collections.abc import Iterator

from alembic.runtime.migration import MigrationContext
from sqlalchemy import select

from regie.app import migrate
from regie.app.invariant_look import LIVE, Look, repeated
from regie.store import audit
from regie.store import tables as store


def schema(look: Look) -> Iterator[str]:
    """The database has this program's schema."""
    current = MigrationContext.configure(look.db).get_current_revision()
    if current != migrate.newest():
        yield f"the database has schema {current}, this program's is {migrate.newest()}"


def audit_chain(look: Look) -> Iterator[str]:
    """The audit chain is whole and gapless up to its head, and holds each event's digest."""
    try:
        audit.verify(look.db)
    except audit.ChainBroken as broken:
        yield broken.what


def events_gapless(look: Look) -> Iterator[str]:
    """Events are numbered from 1 without a gap, up to the head."""
    numbers = [one.seq for one in look.events]
    wanted = look.db.execute(select(store.head.c.event_seq)).scalar()
    if numbers != list(range(1, len(numbers) + 1)) or len(numbers) != wanted:
        gap = next((at for at, number in enumerate(numbers, 1) if at != number), len(numbers) + 1)
        yield f"event {gap} is missing; the head says {wanted}"


def events_caused(look: Look) -> Iterator[str]:
    """What led to an event came before it."""
    seen: set[str] = set()
    for one in look.events:
        if one.causationid and one.causationid not in seen:
            yield f"event {one.seq} ({one.type}) was caused by {one.causationid}, which did not happen before it"
        seen.add(one.id)


def offsets(look: Look) -> Iterator[str]:
    """No consumer has read further than what happened."""
    last = len(look.events)
    for row in look.rows(store.offsets):
        if row.seq > last:
            yield f"consumer {row.consumer} has read up to event {row.seq}, the last one is {last}"


def clock(look: Look) -> Iterator[str]:
    """A business clock only goes forward, is driven only in a home made for it, and nothing is settled ahead of it."""
    clocks = [row.clock for row in look.rows(store.home)]
    if len(clocks) != 1:
        yield f"the home has {len(clocks)} clocks"
    last: dict[str, int] = {}
    for one in look.told("clock.advanced"):
        now = int(one.data["now_ms"])
        if now <= last.get(one.workspace, -1):
            yield f"the clock of {one.workspace} went from {last[one.workspace]} to {now}"
        last[one.workspace] = now
    now_of = {row.name: row.now_ms for row in look.rows(store.workspaces)}
    for row in look.rows(store.workspaces):
        if row.clock == "driven" and ("driven" not in clocks or row.now_ms < last.get(row.name, 0)):
            yield f"the clock of {row.name} shows {row.now_ms}, it was advanced to {last.get(row.name)}"
    for row in look.rows(store.settling):
        if row.settled_ms > now_of.get(row.workspace, -1):
            yield f"{row.workspace} is settled up to {row.settled_ms}, ahead of its clock"


def jobs_one(look: Look) -> Iterator[str]:
    """One live job a dedup key, one running job a concurrency key."""
    found = look.rows(store.jobs)
    for key in repeated(row.dedup_key for row in found if row.dedup_key and row.state in LIVE):
        yield f"several live jobs have the dedup key {key}"
    for key in repeated(row.concurrency_key for row in found if row.concurrency_key and row.state == "running"):
        yield f"several running jobs have the concurrency key {key}"


def jobs_state(look: Look) -> Iterator[str]:
    """A running job is leased, an ended one says when; none was tried more often than it may be, or without a fence."""
    for row in look.rows(store.jobs):
        if row.state == "running" and not (row.lease_owner and row.lease_until_ms):
            yield f"job {row.id} runs without a lease"
        if (row.state in LIVE) != (row.ended_ms is None):
            yield f"job {row.id} is {row.state}, ended {row.ended_ms}"
        if row.attempts > min(row.max_attempts, row.fence):
            yield f"job {row.id} was tried {row.attempts} times with fence {row.fence}, at most {row.max_attempts} times"
