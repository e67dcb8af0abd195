"""Leases: who leads until when. One leader runs the turns; when it dies, another takes over after the lease.

A leader asks at every look, many times a second: while a third of its lease has not passed, a read is the answer.
"""

from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from regie.store.change import Store
from regie.store.database import now_ms
from regie.store.tables import leases

_named = leases.c.name == bindparam("lease")
_until = now_ms() + bindparam("lease_ms")
LEFT = select(leases.c.owner, (leases.c.until_ms - now_ms()).label("ms")).where(_named)
TAKE = (
    update(leases)
    .where(and_(_named, or_(leases.c.owner == bindparam("me"), leases.c.until_ms < now_ms())))
    .values(owner=bindparam("me"), until_ms=_until, fence=leases.c.fence + 1)
)
FIRST = insert(leases).values(until_ms=_until, fence=1)
RELEASE = update(leases).where(_named, leases.c.owner == bindparam("me")).values(until_ms=0)


def hold(store: Store, name: str, owner: str, lease_ms: int) -> bool:
    """Take or extend the lease. False while somebody else holds it."""
    with store.read() as db:
        left = db.execute(LEFT, {"lease": name}).first()
    if left is not None and left.owner != owner and left.ms >= 0:
        return False
    # More left than a lease: the clock was set back; who dies before it is extended would keep it for so long.
    if left is not None and left.owner == owner and 2 * lease_ms // 3 < left.ms <= lease_ms:
        return True
    try:
        with store.machinery() as batch:
            if batch.execute(TAKE, [{"lease": name, "me": owner, "lease_ms": lease_ms}]).rowcount:
                return True
            with batch.connection.begin_nested():
                batch.execute(FIRST, [{"name": name, "owner": owner, "lease_ms": lease_ms}])
            return True
    except IntegrityError:
        return False


def release(store: Store, name: str, owner: str) -> None:
    """Give the lease back, so that the next leader need not wait."""
    with store.machinery() as batch:
        batch.execute(RELEASE, [{"lease": name, "me": owner}])
