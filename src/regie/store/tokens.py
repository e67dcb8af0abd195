"""Local tokens: shown once, stored as a hash, valid for one actor, one scope and a time."""

from typing import Any

from sqlalchemy import Connection, insert, select, update

from regie.base.canonical import sha256
from regie.base.clock import wall_ms
from regie.base.errors import NotAllowed
from regie.base.ids import new_token
from regie.store.jobs import Writes
from regie.store.tables import tokens
from regie.store.types import Actor


class BadToken(NotAllowed):
    """The token is unknown, expired or revoked."""

    code, status = "access.bad_token", 401


def issue(batch: Writes, actor: str, kind: str, scope: str, until_wall_ms: int | None = None) -> str:
    """Make a token; it is never shown again."""
    token = new_token()
    batch.execute(insert(tokens).values(hash=_hash(token), actor=actor, kind=kind, scope=scope, until_wall_ms=until_wall_ms))
    return token


def revoke(batch: Writes, token: str) -> None:
    batch.execute(update(tokens).where(tokens.c.hash == _hash(token)).values(revoked_wall_ms=wall_ms()))


def actor_of(db: Connection, token: str) -> Actor:
    """Whose token it is. Raises BadToken."""
    row: Any = db.execute(select(tokens).where(tokens.c.hash == _hash(token))).first()
    if row is None or row.revoked_wall_ms is not None or (row.until_wall_ms is not None and row.until_wall_ms < wall_ms()):
        why = "unknown" if row is None else "revoked" if row.revoked_wall_ms is not None else "expired"
        raise BadToken(f"the token is {why}", "header Authorization", "use a valid one, or none on a laptop")
    return Actor(row.actor, frozenset(), row.kind, row.scope)


def _hash(token: str) -> str:
    return sha256(token.encode()).removeprefix("sha256:")
