"""Events: CloudEvents 1.0 in the order of their sequence; consumers keep an offset and are idempotent by event id."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from regie.base.clock import iso
from regie.store.change import Batch, upsert
from regie.store.tables import events, offsets
from regie.store.types import Cause


@dataclass(frozen=True)
class Event:
    """One fact that happened. `time_ms` is business time."""

    seq: int
    id: str
    type: str
    workspace: str
    subject: str
    time_ms: int
    wall_ms: int
    correlationid: str
    causationid: str
    data: dict[str, Any]

    @property
    def cause(self) -> Cause:
        """What a change says that this event led to it."""
        return Cause(self.id, self.correlationid)

    def cloud(self) -> dict[str, Any]:
        """As CloudEvents JSON."""
        return {
            "specversion": "1.0", "id": self.id, "type": self.type, "source": f"/workspaces/{self.workspace}",
            "subject": self.subject, "time": iso(self.time_ms), "datacontenttype": "application/json", "data": self.data,
            "correlationid": self.correlationid, "causationid": self.causationid, "sequence": str(self.seq),
        }  # fmt: skip


def after(
    db: Connection, seq: int, limit: int = 1000, workspace: str | None = None, types: Sequence[str] | None = None
) -> list[Event]:
    """The events behind a sequence number, in order."""
    query = select(events).where(events.c.seq > seq).order_by(events.c.seq).limit(limit)
    if workspace is not None:
        query = query.where(events.c.workspace == workspace)
    if types is not None:
        query = query.where(events.c.type.in_(types))
    return [event_of(row) for row in db.execute(query)]


def latest(db: Connection, workspace: str, types: Sequence[str], subject: str | None = None, limit: int = 1) -> list[Event]:
    """The newest events of some types first."""
    query = (
        select(events).where(events.c.workspace == workspace, events.c.type.in_(types)).order_by(events.c.seq.desc()).limit(limit)
    )
    if subject is not None:
        query = query.where(events.c.subject == subject)
    return [event_of(row) for row in db.execute(query)]


def by_id(db: Connection, identity: str) -> Event | None:
    row = db.execute(select(events).where(events.c.id == identity)).first()
    return event_of(row) if row else None


def by_ids(db: Connection, identities: Sequence[str]) -> dict[str, Event]:
    """Some events by their id; one that is not there is left out."""
    wanted = {one for one in identities if one}
    rows = db.execute(select(events).where(events.c.id.in_(wanted))) if wanted else ()
    return {row.id: event_of(row) for row in rows}


def newest_of_each(db: Connection, workspace: str, type: str, subjects: Sequence[str]) -> dict[str, Event]:
    """The newest event of a type of each of some subjects."""
    own = (events.c.workspace == workspace, events.c.type == type, events.c.subject.in_(subjects))
    rows = db.execute(select(events).where(*own).order_by(events.c.seq)) if subjects else ()
    return {row.subject: event_of(row) for row in rows}


def newest_times(db: Connection, type: str, subjects: Sequence[str]) -> dict[str, int]:
    """When an event of a type last happened to each of some subjects; one that it never happened to is left out."""
    if not subjects:
        return {}
    query = select(events.c.subject, func.max(events.c.time_ms).label("time_ms"))
    rows = db.execute(query.where(events.c.type == type, events.c.subject.in_(subjects)).group_by(events.c.subject))
    return {row.subject: row.time_ms for row in rows}


def effects(db: Connection, identity: str, limit: int = 1000) -> list[Event]:
    """The events that an event led to directly."""
    query = select(events).where(events.c.causationid == identity).order_by(events.c.seq).limit(limit)
    return [event_of(row) for row in db.execute(query)]


def offset(db: Connection, consumer: str) -> int:
    """How far a consumer has read."""
    return int(db.execute(select(offsets.c.seq).where(offsets.c.consumer == consumer)).scalar() or 0)


def advance(batch: Batch, consumer: str, seq: int) -> None:
    """Remember how far a consumer has read."""
    batch.execute(upsert(batch.connection, offsets, {"consumer": consumer, "seq": seq}, ["consumer"]))


def event_of(row: Any) -> Event:
    """A row of the table."""
    return Event(**{**row._mapping, "data": json.loads(row.data)})
