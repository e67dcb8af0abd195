"""What a look at the database finds to tell: the events since the last one, and the runs that were judged; once a second those that grew."""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from regie.base.clock import monotonic
from regie.base.errors import NotFound
from regie.loop import judged
from regie.registry import queries as registry
from regie.store import events
from regie.store.change import Store
from regie.store.events import Event
from regie.store.tables import head
from regie.tracking import growing, queries

GROWN_S = 1.0
PAGE = 500
MOST_MISSED = 1_000  # events that a listener who comes back is told one by one
_HEAD = select(head.c.event_seq)


@dataclass(frozen=True)
class News:
    """One message. `seq`: of the event, 0 where it is none."""

    workspace: str
    seq: int
    data: bytes


class Look:
    """The looks of one server, one after the other, in whatever thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seq: int | None = None
        self._live: growing.Live | None = None
        self._grown_at = -GROWN_S

    def news(self) -> list[News]:
        """What has happened since the last look; nothing at the first one."""
        with self.store.read() as db:
            return self._events(db) + self._growth(db)

    def _events(self, db: Connection) -> list[News]:
        last, found = newest(db), list[Event]()
        self._seq = last if self._seq is None else self._seq
        while self._seq < last and (page := events.after(db, self._seq, PAGE)):
            found += page
            self._seq = page[-1].seq
        return [of_event(one) for one in found] + _judged(db, found)

    def _growth(self, db: Connection) -> list[News]:
        if monotonic() - self._grown_at < GROWN_S:
            return []
        self._grown_at, last = monotonic(), self._live
        self._live = growing.look(db, last)
        grown = growing.grown(db, last, self._live) if last is not None else {}
        return [_measured(workspace, ids) for workspace, ids in grown.items()]


def _judged(db: Connection, found: list[Event]) -> list[News]:
    """The gates measure for a run that ended before, so its growth is not seen among those that run."""
    news = []
    for one in found:
        if one.type.startswith("gates."):
            name, _, number = one.subject.rpartition("@")
            with suppress(NotFound):  # a version that was deleted since
                run_id = judged.run_of(db, registry.version(db, one.workspace, name, int(number)))
                news += [_measured(one.workspace, queries.with_ancestors(db, run_id))] if run_id else []
    return news


def _measured(workspace: str, run_ids: list[str]) -> News:
    return News(workspace, 0, message({"kind": "measured", "workspace": workspace, "runs": run_ids}))


def newest(db: Connection) -> int:
    """The sequence number of the last event."""
    return int(db.execute(_HEAD).scalar() or 0)


def missed(db: Connection, after: str, last: int) -> list[News] | None:
    """The events behind one that a listener has heard; None where they are too many, or it is none of this database."""
    seq = int(after) if after.isascii() and after.isdigit() and len(after) < 16 else -1
    if not max(0, last - MOST_MISSED) <= seq <= last:
        return None
    return [of_event(one) for one in events.after(db, seq, MOST_MISSED) if one.seq <= last]


def of_event(one: Event) -> News:
    """Without its data, which a page asks for where it shows any."""
    said = {
        "kind": "event", "type": one.type, "workspace": one.workspace, "subject": one.subject, "id": one.id, "time_ms": one.time_ms,
        "wall_ms": one.wall_ms,
    }  # fmt: skip
    return News(one.workspace, one.seq, b"id: %d\n" % one.seq + message(said))


def message(said: dict[str, Any]) -> bytes:
    """As a server-sent event (HTML standard, 9.2.6); JSON has no line feed of its own."""
    return b"data: " + json.dumps(said, separators=(",", ":")).encode() + b"\n\n"
