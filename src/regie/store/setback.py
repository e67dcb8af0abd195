"""A clock that was set back: leases and waits that were written by the later clock are cut to what they can be now.

Without it a dead owner's lease, and a job that waits for its next try, would last longer by as much as the clock went back. A living
owner extends its lease as ever, and loses nothing. The clock is the database's; what goes back by less than `LONGEST_MS` is waited for.
"""

import os

from sqlalchemy import and_, select, update

from regie.base.clock import MINUTE_MS, SECOND_MS
from regie.store.change import Store
from regie.store.database import now_ms
from regie.store.tables import jobs, leases

LONGEST_MS = 15 * MINUTE_MS  # no lease is longer, and no job is put off for longer
CUT_MS = int(os.environ.get("REGIE_LEASE_MS") or 15 * SECOND_MS)


def mend(store: Store) -> int:
    """Cut what lasts impossibly long; returns how much that was."""
    ahead = now_ms() + LONGEST_MS
    leased = leases.c.until_ms > ahead
    working = and_(jobs.c.state == "running", jobs.c.lease_until_ms > ahead)
    waiting = and_(jobs.c.state == "queued", jobs.c.run_at_ms > ahead)
    with store.read() as db:
        found = [db.execute(select(column).where(one).limit(1)).first() for column, one in (
            (leases.c.name, leased), (jobs.c.id, working), (jobs.c.id, waiting),
        )]  # fmt: skip
    if not any(found):
        return 0
    with store.machinery() as batch:
        statements = (
            update(leases).where(leased).values(until_ms=now_ms() + CUT_MS),
            update(jobs).where(working).values(lease_until_ms=now_ms() + CUT_MS),
            update(jobs).where(waiting).values(run_at_ms=now_ms()),
        )
        return sum(batch.execute(one).rowcount for one in statements)
