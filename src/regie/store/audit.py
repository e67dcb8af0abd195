"""The audit chain: verify it, write its head somewhere else, read it.

`hash = SHA-256(prev_hash || canonical JSON)`; each record holds the digests of its events, so a changed event breaks it too.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from regie.base.clock import iso, wall_ms
from regie.base.errors import BadInput, RegieError
from regie.store.chain import GENESIS, chain, event_digest
from regie.store.tables import audit_records, events, head


class ChainBroken(RegieError):
    """The audit log was altered: a record was changed, removed or put in. `seq`: the first wrong record; `reason`: one of REASONS."""

    code, status, exit_code = "audit.broken", 409, 1

    def __init__(self, seq: int, reason: str, why: str) -> None:
        super().__init__(f"audit record {seq}: {why}", f"record {seq}", "compare with a backup; do not write to this database")
        self.seq, self.reason = seq, reason


REASONS = (
    "record.missing", "record.changed", "column.changed", "events.order", "event.changed", "anchor.differs", "tail.cut",
    "head.differs", "event.unrecorded",
)  # fmt: skip
STEP = 500


@dataclass(frozen=True)
class Verified:
    """What was checked: that many records and events, up to this hash."""

    records: int
    events: int
    hash: str


def verify(db: Connection, anchor: Mapping[str, Any] | None = None) -> Verified:
    """Recompute the whole chain. Raises ChainBroken, naming the first broken or missing record."""
    walk = Walk(anchor)
    while not walk.step(db):
        pass
    return walk.seen


class Walk:
    """The chain from its beginning, a few records at a time, each step with a connection of its own if need be: the log only
    grows, so what was checked stays checked, and nobody holds a transaction for as long as a million records take.
    """

    def __init__(self, anchor: Mapping[str, Any] | None = None) -> None:
        self.seen = Verified(0, 0, GENESIS)
        self._anchored = _anchor_of(anchor)

    def step(self, db: Connection, limit: int = STEP) -> bool:
        """Check so many more records; True at the end. Raises ChainBroken."""
        query = select(audit_records).order_by(audit_records.c.seq).limit(limit)
        if self.seen.records:  # at first without a bound: a record that was put in before the first one is one too many
            query = query.where(audit_records.c.seq > self.seen.records)
        rows = db.execute(query).all()
        texts = _texts(rows)
        digests = _digests(db, self.seen.events, sum(len(one["events"]) for one in texts))
        for at, row in enumerate(rows):
            self.seen = self._check(row, texts[at] if at < len(texts) else None, digests)
        if len(rows) == limit:
            return False
        if self._anchored and self._anchored[0] > self.seen.records:
            known = f"the anchor knows {self._anchored[0]} records, the log has {self.seen.records}: its tail was cut"
            raise ChainBroken(self.seen.records + 1, "tail.cut", known)
        _check_head(db, self.seen)
        return True

    def _check(self, row: Any, said: dict[str, Any] | None, digests: Mapping[int, str]) -> Verified:
        expected = self.seen.records + 1
        if row.seq != expected:
            raise ChainBroken(expected, "record.missing", "it is missing")
        if row.prev_hash != self.seen.hash or chain(self.seen.hash, row.record) != row.hash or said is None:
            raise ChainBroken(row.seq, "record.changed", "its content does not match its hash")
        _check_columns(row, said)
        _check_events(row, said["events"], self.seen.events, digests)
        if self._anchored and self._anchored[0] == row.seq and self._anchored[1] != row.hash:
            raise ChainBroken(row.seq, "anchor.differs", "its hash is not the anchored one: the chain was rewritten")
        return Verified(expected, self.seen.events + len(said["events"]), row.hash)


def anchor(db: Connection) -> dict[str, Any]:
    """The head of the chain, to be kept outside the database."""
    found = db.execute(select(head).where(head.c.id == 1)).one()
    return {"seq": found.audit_seq, "hash": found.hash, "time": iso(wall_ms())}


def records(db: Connection, after: int = 0, limit: int = 1000) -> Iterator[dict[str, Any]]:
    """Audit records of every workspace in order, as written; `store/search` finds some."""
    query = select(audit_records).where(audit_records.c.seq > after).order_by(audit_records.c.seq).limit(limit)
    for row in db.execute(query):
        yield json.loads(row.record) | {"hash": row.hash}


def _anchor_of(value: Mapping[str, Any] | None) -> tuple[int, str] | None:
    if value is None:
        return None
    if not isinstance(value.get("seq"), int) or not isinstance(value.get("hash"), str):
        raise BadInput("this is not an anchor", do="give a file that `regie audit anchor` wrote")
    return value["seq"], value["hash"]


def _texts(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """What the records say, up to the first that is no record."""
    found: list[dict[str, Any]] = []
    for row in rows:
        try:
            said = json.loads(row.record)
        except ValueError:
            break
        if not isinstance(said, dict) or not isinstance(said.get("events"), list):
            break
        found.append(said)
    return found


def _digests(db: Connection, after: int, count: int) -> dict[int, str]:
    """The digests of so many events behind a sequence number, as they are stored now."""
    found = db.execute(select(events).where(events.c.seq.between(after + 1, after + count))) if count else ()
    return {event.seq: event_digest(event) for event in found}


def _check_columns(row: Any, said: Mapping[str, Any]) -> None:
    """The columns beside the record serve searches only; they must say the same."""
    for name in ("seq", "workspace", "actor", "action", "target", "result", "wall_ms"):
        if said.get(name) != getattr(row, name):
            differs = f"its column {name} says {getattr(row, name)!r}, the record {said.get(name)!r}"
            raise ChainBroken(row.seq, "column.changed", differs)


def _check_events(row: Any, promised: Sequence[Mapping[str, Any]], before: int, digests: Mapping[int, str]) -> None:
    for expected, event in enumerate(promised, before + 1):
        if event["seq"] != expected:
            raise ChainBroken(row.seq, "events.order", f"one of its events is {event['seq']}, not {expected}")
        if digests.get(expected) != event["digest"]:
            raise ChainBroken(row.seq, "event.changed", f"its event {expected} ({event['id']}) is missing or was changed")


def _check_head(db: Connection, seen: Verified) -> None:
    found = db.execute(select(head).where(head.c.id == 1)).one_or_none()
    if found is None or (found.hash, found.audit_seq) != (seen.hash, seen.records):
        raise ChainBroken(seen.records + 1, "head.differs", "the head of the chain points to it, and it is missing")
    outside = or_(events.c.seq > seen.events, events.c.seq < 1)
    extra = db.execute(select(events.c.seq).where(outside).limit(1)).scalar()
    if extra is not None or found.event_seq != seen.events:
        raise ChainBroken(seen.records, "event.unrecorded", f"event {extra or seen.events + 1} belongs to no record")
