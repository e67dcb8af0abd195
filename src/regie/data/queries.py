"""Reads of snapshots."""

import json
from typing import Any

from sqlalchemy import Connection, select

from regie.data.tables import snapshots as table
from regie.data.types import Snapshot


def snapshots(db: Connection, workspace: str, dataset: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Snapshots of a workspace, newest first, with their contract's report."""
    query = select(table).where(table.c.workspace == workspace).order_by(table.c.id.desc()).limit(limit)
    if dataset is not None:
        query = query.where(table.c.dataset == dataset)
    return [vars(read_snapshot(row)) for row in db.execute(query)]


def pinned(db: Connection, workspace: str, dataset: str, digest: str) -> Snapshot | None:
    """The snapshot with that content, if its contract still holds."""
    mine = (table.c.workspace == workspace, table.c.dataset == dataset, table.c.digest == digest, table.c.state == "ok")
    row = db.execute(select(table).where(*mine)).first()
    return None if row is None else read_snapshot(row)


def read_snapshot(row: Any) -> Snapshot:
    """A row of the table as a Snapshot."""
    names = ("id", "workspace", "dataset", "digest", "rows", "as_of_ms", "from_ms", "to_ms", "state", "created_ms")
    return Snapshot(**{name: getattr(row, name) for name in names}, contract=json.loads(row.contract))
