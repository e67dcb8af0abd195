"""Local tokens: shown once, stored as a hash, valid for one actor, one scope, one workspace or all, and a time.

A person's rights are not in the token: they are the actor's grants, asked at each request (`store/actors.py`).
"""

from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from regie.base.canonical import sha256
from regie.base.clock import wall_ms
from regie.base.errors import NotAllowed
from regie.base.ids import new_token
from regie.store.jobs import Writes
from regie.store.tables import tokens

_FOUND = select(tokens).where(tokens.c.hash == bindparam("hash"))  # built once: every request with a token asks it


class BadToken(NotAllowed):
    """The token is unknown, expired or revoked."""

    code, status = "access.bad_token", 401


def issue(
    batch: Writes, actor: str, kind: str, scope: str, until_wall_ms: int | None = None, workspace: str | None = None
) -> str:
    """Make a token; it is never shown again. `workspace`: the only one that it opens."""
    token = new_token()
    row = {"actor": actor, "kind": kind, "scope": scope, "until_wall_ms": until_wall_ms, "workspace": workspace}
    batch.execute(insert(tokens).values(hash=_hash(token), created_wall_ms=wall_ms(), **row))
    return token


def revoke(batch: Writes, token: str) -> None:
    batch.execute(update(tokens).where(tokens.c.hash == _hash(token)).values(revoked_wall_ms=wall_ms()))


def found(db: Connection, token: str) -> Any | None:
    """The token's row, whatever its state; None where nobody made it."""
    return by_hash(db, _hash(token))


def by_hash(db: Connection, key: str) -> Any | None:
    """As `found`, of a token's hash."""
    return db.execute(_FOUND, {"hash": key}).first()


def wrong(row: Any, now_wall_ms: int) -> str:
    """Why a token is not accepted any more; empty where it is."""
    if row.revoked_wall_ms is not None:
        return "revoked"
    return "expired" if row.until_wall_ms is not None and row.until_wall_ms <= now_wall_ms else ""


def _hash(token: str) -> str:
    return sha256(token.encode()).removeprefix("sha256:")
