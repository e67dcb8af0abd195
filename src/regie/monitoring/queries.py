"""Reads of signals and breaches."""

import json
from typing import Any

from sqlalchemy import Connection, select

from regie.monitoring.tables import breaches, signals


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
