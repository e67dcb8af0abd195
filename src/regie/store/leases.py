"""Leases: who leads until when. One leader runs the turns; when it dies, another takes over after the lease."""

from sqlalchemy import and_, insert, or_, update
from sqlalchemy.exc import IntegrityError

from regie.store.change import Store
from regie.store.database import now_ms
from regie.store.tables import leases


def hold(store: Store, name: str, owner: str, lease_ms: int) -> bool:
    """Take or extend the lease. False while somebody else holds it."""
    try:
        with store.machinery() as batch:
            free = or_(leases.c.owner == owner, leases.c.until_ms < now_ms())
            held = batch.execute(
                update(leases)
                .where(and_(leases.c.name == name, free))
                .values(owner=owner, until_ms=now_ms() + lease_ms, fence=leases.c.fence + 1)
            )
            if held.rowcount:
                return True
            with batch.connection.begin_nested():
                batch.execute(insert(leases).values(name=name, owner=owner, until_ms=now_ms() + lease_ms, fence=1))
            return True
    except IntegrityError:
        return False


def release(store: Store, name: str, owner: str) -> None:
    """Give the lease back, so that the next leader need not wait."""
    with store.machinery() as batch:
        batch.execute(update(leases).where(leases.c.name == name, leases.c.owner == owner).values(until_ms=0))
