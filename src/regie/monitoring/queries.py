"""Reads of signals and breaches."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, or_, select

from regie.monitoring.tables import breaches, signals

BATCH = 100  # workspaces in one statement: each has its own time


def signals_of(
    db: Connection, workspace: str, monitor: str | None = None, version: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Signals of a workspace, newest window first."""
    query = (
        select(signals).where(signals.c.workspace == workspace).order_by(signals.c.to_ms.desc(), signals.c.id.desc()).limit(limit)
    )
    if monitor is not None:
        query = query.where(signals.c.monitor == monitor)
    if version is not None:
        query = query.where(signals.c.version == version)
    return [{**row._mapping, "detail": json.loads(row.detail)} for row in db.execute(query)]


def open_breach(db: Connection, workspace: str, monitor: str) -> Any | None:
    """The one open breach of a monitor, as a row."""
    same = (breaches.c.workspace == workspace, breaches.c.monitor == monitor, breaches.c.state == "open")
    return db.execute(select(breaches).where(*same)).first()


def breaches_of(db: Connection, workspace: str, kind: str | None = None, state: str | None = None, limit: int = 100) -> list[Any]:
    """Breaches of a workspace, newest first, as rows."""
    query = select(breaches).where(breaches.c.workspace == workspace).order_by(breaches.c.id.desc()).limit(limit)
    if kind is not None:
        query = query.where(breaches.c.kind == kind)
    if state is not None:
        query = query.where(breaches.c.state == state)
    return list(db.execute(query))


def open_in(db: Connection, workspaces: Sequence[str]) -> list[Any]:
    """Every open breach of some workspaces, as rows, oldest first."""
    query = select(breaches).where(breaches.c.state == "open", breaches.c.workspace.in_(workspaces))
    return list(db.execute(query.order_by(breaches.c.id)))


def windows_in(db: Connection, since_ms: Mapping[str, int]) -> list[Any]:
    """The quality windows of some workspaces that end after a time of each, as rows without their detail, in order."""
    names = ("workspace", "monitor", "version", "to_ms", "value", "low", "high", "bound", "verdict")
    after = [(signals.c.workspace == name) & (signals.c.to_ms > ms) for name, ms in since_ms.items()]
    found: list[Any] = []
    for at in range(0, len(after), BATCH):
        query = select(*(signals.c[name] for name in names)).where(signals.c.kind == "quality", or_(*after[at : at + BATCH]))
        found += db.execute(query.order_by(signals.c.workspace, signals.c.to_ms, signals.c.id)).all()
    return found


def signal(db: Connection, identity: str) -> dict[str, Any] | None:
    """One signal by its id."""
    row = db.execute(select(signals).where(signals.c.id == identity)).first()
    return {**row._mapping, "detail": json.loads(row.detail)} if row is not None else None


def breach(db: Connection, workspace: str, identity: str) -> Any | None:
    """One breach by its id, as a row."""
    same = (breaches.c.workspace == workspace, breaches.c.id == identity)
    return db.execute(select(breaches).where(*same)).first()


def windows_of(db: Connection, workspace: str, monitor: str, from_ms: int, to_ms: int, limit: int) -> list[dict[str, Any]]:
    """The windows of a monitor that end in a stretch of time, its end included, the oldest first; of more than `limit` the newest."""
    same = (signals.c.workspace == workspace, signals.c.monitor == monitor, signals.c.to_ms > from_ms, signals.c.to_ms <= to_ms)
    query = select(signals).where(*same).order_by(signals.c.to_ms.desc(), signals.c.id.desc()).limit(limit)
    return [{**row._mapping, "detail": json.loads(row.detail)} for row in reversed(db.execute(query).all())]


def first_window(db: Connection, workspace: str, monitor: str) -> int | None:
    """Where the oldest window of a monitor ends."""
    query = select(func.min(signals.c.to_ms)).where(signals.c.workspace == workspace, signals.c.monitor == monitor)
    found: int | None = db.execute(query).scalar()
    return found


def breaches_within(db: Connection, workspace: str, from_ms: int, to_ms: int, limit: int) -> list[Any]:
    """Breaches that were open at some time of a stretch, newest first, as rows."""
    stays = or_(breaches.c.closed_ms.is_(None), breaches.c.closed_ms >= from_ms)
    query = select(breaches).where(breaches.c.workspace == workspace, breaches.c.opened_ms < to_ms, stays)
    return list(db.execute(query.order_by(breaches.c.opened_ms.desc(), breaches.c.id.desc()).limit(limit)))


def signals_by_id(db: Connection, identities: Sequence[str]) -> dict[str, Any]:
    """Signals by their id, as rows."""
    query = select(signals).where(signals.c.id.in_(set(identities)))
    return {row.id: row for row in db.execute(query)} if identities else {}


def last_closed(db: Connection, workspace: str) -> int | None:
    """When the last breach was closed."""
    found: int | None = db.execute(select(func.max(breaches.c.closed_ms)).where(breaches.c.workspace == workspace)).scalar()
    return found
