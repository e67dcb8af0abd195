"""The audit chain: verify it, write its head somewhere else, read it.

`hash = SHA-256(prev_hash || canonical JSON)`; each record holds the digests of its events, so a changed event breaks it too.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from regie.base.clock import iso, wall_ms
from regie.base.errors import BadInput, RegieError
from regie.store.chain import GENESIS, chain, event_digest
from regie.store.tables import audit_records, events, head


class ChainBroken(RegieError):
    """The audit log was altered: a record was changed, removed or put in."""

    code, status, exit_code = "audit.broken", 409, 1


@dataclass(frozen=True)
class Verified:
    """What was checked: that many records and events, up to this hash."""

    records: int
    events: int
    hash: str


def verify(db: Connection, anchor: Mapping[str, Any] | None = None) -> Verified:
    """Recompute the whole chain. Raises ChainBroken, naming the first broken or missing record."""
    previous, expected, seen_events = GENESIS, 1, 0
    anchored = _anchor_of(anchor)
    for row in db.execute(select(audit_records).order_by(audit_records.c.seq).execution_options(yield_per=1000)):
        if row.seq != expected:
            raise _broken(expected, "it is missing")
        if row.prev_hash != previous or chain(previous, row.record) != row.hash:
            raise _broken(row.seq, "its content does not match its hash")
        _check_columns(row)
        seen_events += _check_events(db, row, seen_events)
        if anchored and anchored[0] == row.seq and anchored[1] != row.hash:
            raise _broken(row.seq, "its hash is not the anchored one: the chain was rewritten")
        previous, expected = row.hash, expected + 1
    if anchored and anchored[0] >= expected:
        raise _broken(expected, f"the anchor knows {anchored[0]} records, the log has {expected - 1}: its tail was cut")
    _check_head(db, previous, expected - 1, seen_events)
    return Verified(expected - 1, seen_events, previous)


def anchor(db: Connection) -> dict[str, Any]:
    """The head of the chain, to be kept outside the database."""
    found = db.execute(select(head).where(head.c.id == 1)).one()
    return {"seq": found.audit_seq, "hash": found.hash, "time": iso(wall_ms())}


def records(db: Connection, after: int = 0, limit: int = 1000, workspace: str | None = None) -> Iterator[dict[str, Any]]:
    """Audit records in order, as written."""
    query = select(audit_records).where(audit_records.c.seq > after).order_by(audit_records.c.seq).limit(limit)
    if workspace is not None:
        query = query.where(audit_records.c.workspace == workspace)
    for row in db.execute(query):
        yield json.loads(row.record) | {"hash": row.hash}


def _anchor_of(value: Mapping[str, Any] | None) -> tuple[int, str] | None:
    if value is None:
        return None
    if not isinstance(value.get("seq"), int) or not isinstance(value.get("hash"), str):
        raise BadInput("this is not an anchor", do="give a file that `regie audit anchor` wrote")
    return value["seq"], value["hash"]


def _check_columns(row: Any) -> None:
    """The columns beside the record serve searches only; they must say the same."""
    said = json.loads(row.record)
    names = ("seq", "workspace", "actor", "action", "target", "result", "wall_ms")
    for name in names:
        if said.get(name) != getattr(row, name):
            raise _broken(row.seq, f"its column {name} says {getattr(row, name)!r}, the record {said.get(name)!r}")


def _check_events(db: Connection, row: Any, before: int) -> int:
    promised = json.loads(row.record)["events"]
    if not promised:
        return 0
    first, last = promised[0]["seq"], promised[-1]["seq"]
    if first != before + 1:
        raise _broken(row.seq, f"its first event is {first}, not {before + 1}")
    found = {e.seq: event_digest(e) for e in db.execute(select(events).where(events.c.seq.between(first, last)))}
    for event in promised:
        if found.get(event["seq"]) != event["digest"]:
            raise _broken(row.seq, f"its event {event['seq']} ({event['id']}) is missing or was changed")
    return len(promised)


def _check_head(db: Connection, last_hash: str, last_seq: int, last_event: int) -> None:
    found = db.execute(select(head).where(head.c.id == 1)).one_or_none()
    if found is None or (found.hash, found.audit_seq) != (last_hash, last_seq):
        raise _broken(last_seq + 1, "the head of the chain points to it, and it is missing")
    extra = db.execute(select(events.c.seq).where(events.c.seq > last_event).limit(1)).scalar()
    if extra is not None or found.event_seq != last_event:
        raise _broken(last_seq, f"event {extra or last_event + 1} belongs to no record")


def _broken(seq: int, why: str) -> ChainBroken:
    return ChainBroken(f"audit record {seq}: {why}", f"record {seq}", "compare with a backup; do not write to this database")
