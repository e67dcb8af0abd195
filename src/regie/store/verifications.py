"""Verify the whole audit chain for those who ask a server: one at a time, in small steps, remembering what was found.

A million records take half a minute of one core. Each step has a short transaction of its own, and gives way to the requests that
wait, so that nobody else waits for the chain; whoever asks while one is under way is told how far it is.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from regie.base.clock import monotonic, wall_ms
from regie.base.errors import Conflict
from regie.base.ids import new_id
from regie.store.audit import ChainBroken, Verified, Walk
from regie.store.change import Store
from regie.store.tables import audit_records, head, verifications

STEP = 200  # records: 6 ms
REST_S = 0.001
KEPT = 100


@dataclass(frozen=True)
class Progress:
    """A verification that is under way: how many of the records that there were at its start it has checked."""

    by: str
    since_wall_ms: int
    records: int
    of: int


@dataclass(frozen=True)
class Found:
    """What a verification found. `broken`: the first wrong record, `reason` and `what` then say why. `anchored`: the record of the
    anchor that it was compared with.
    """

    by: str
    wall_ms: int
    took_ms: int
    records: int
    events: int
    hash: str
    anchored: int | None
    broken: int | None
    reason: str
    what: str


class Verifier:
    """The verifications of one server."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.progress: Progress | None = None
        self._one = threading.Lock()

    def verify(self, by: str, anchor: Mapping[str, Any] | None = None) -> Verified:
        """Recompute the whole chain. Raises ChainBroken, and Conflict while another one is under way."""
        if not self._one.acquire(blocking=False):
            seen = self.progress
            far = f": {seen.records} of {seen.of} records" if seen else ""
            raise Conflict(f"the audit chain is being verified{far}", "audit", "wait for what it finds")
        try:
            return self._verify(Walk(anchor), by, wall_ms(), anchor)
        finally:
            self.progress = None
            self._one.release()

    def _verify(self, walk: Walk, by: str, started_ms: int, anchor: Mapping[str, Any] | None) -> Verified:
        began, broken = monotonic(), None
        with self.store.read() as db:
            of = int(db.execute(select(head.c.audit_seq)).scalar() or 0)
        try:
            self._walk(walk, by, started_ms, of)
        except ChainBroken as error:
            broken = error
        found = Found(
            by, started_ms, round((monotonic() - began) * 1000), walk.seen.records, walk.seen.events, walk.seen.hash,
            anchor["seq"] if anchor else None, broken.seq if broken else None, broken.reason if broken else "",
            broken.what if broken else "",
        )  # fmt: skip
        with self.store.machinery() as batch:
            batch.execute(insert(verifications).values(id=new_id(), **vars(found)))
            kept = select(verifications.c.id).order_by(verifications.c.id.desc()).limit(KEPT)
            batch.execute(delete(verifications).where(verifications.c.id.not_in(kept)))
        if broken is not None:
            raise broken
        return walk.seen

    def _walk(self, walk: Walk, by: str, started_ms: int, of: int) -> None:
        ended = False
        while not ended:
            with self.store.read() as db:
                ended = walk.step(db, STEP)
            self.progress = Progress(by, started_ms, walk.seen.records, max(of, walk.seen.records))
            time.sleep(REST_S)


def latest(db: Connection, limit: int = 10) -> list[Found]:
    """What the newest verifications found, the newest first."""
    query = select(verifications).order_by(verifications.c.id.desc()).limit(limit)
    return [Found(**{name: value for name, value in row._mapping.items() if name != "id"}) for row in db.execute(query)]


def still(db: Connection, found: Found) -> bool:
    """Whether the last record that a verification saw still has the same hash: one that was cut off or written anew has not."""
    if not found.records:
        return True
    query = select(audit_records.c.hash).where(audit_records.c.seq == found.records)
    return db.execute(query).scalar() == found.hash


def length(db: Connection) -> int:
    """How many records the chain has by its head."""
    return int(db.execute(select(head.c.audit_seq).where(head.c.id == 1)).scalar() or 0)
