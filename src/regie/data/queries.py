"""Reads of snapshots and of the newest labels."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from regie.data.tables import labels
from regie.data.tables import snapshots as table
from regie.data.types import Snapshot


def snapshots(db: Connection, workspace: str, dataset: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Snapshots of a workspace, newest first, with their contract's report."""
    query = select(table).where(table.c.workspace == workspace).order_by(table.c.id.desc()).limit(limit)
    if dataset is not None:
        query = query.where(table.c.dataset == dataset)
    return [vars(read_snapshot(row)) for row in db.execute(query)]


def snapshots_after(db: Connection, workspace: str, dataset: str, after: str, limit: int) -> list[dict[str, Any]]:
    """A dataset's snapshots that are older than one, newest first; with an empty id, from the newest on."""
    query = (
        select(table).where(table.c.workspace == workspace, table.c.dataset == dataset).order_by(table.c.id.desc()).limit(limit)
    )
    return [vars(read_snapshot(row)) for row in db.execute(query.where(table.c.id < after) if after else query)]


def counted(db: Connection, workspace: str, dataset: str) -> int:
    """How many snapshots of a dataset there are."""
    mine = (table.c.workspace == workspace, table.c.dataset == dataset)
    return int(db.execute(select(func.count()).select_from(table).where(*mine)).scalar_one())


def newest_label(db: Connection, workspace: str) -> Any | None:
    """The row of the last statement."""
    return db.execute(select(labels).where(labels.c.workspace == workspace).order_by(labels.c.seq.desc()).limit(1)).first()


def lateness_ms(db: Connection, workspace: str, limit: int) -> list[int]:
    """How long after the time that it speaks of each of the last statements by key and time was made."""
    query = select(labels.c.stated_ms, labels.c.target_ms).where(labels.c.workspace == workspace)
    rows = db.execute(query.order_by(labels.c.seq.desc()).limit(limit))
    return [row.stated_ms - row.target_ms for row in rows if row.target_ms is not None]


def of_digest(db: Connection, workspace: str, dataset: str, digest: str) -> Snapshot | None:
    """The snapshot with that content, whether its contract holds or not."""
    mine = (table.c.workspace == workspace, table.c.dataset == dataset, table.c.digest == digest)
    row = db.execute(select(table).where(*mine)).first()
    return None if row is None else read_snapshot(row)


def pinned(db: Connection, workspace: str, dataset: str, digest: str) -> Snapshot | None:
    """The snapshot with that content, if its contract still holds."""
    mine = (table.c.workspace == workspace, table.c.dataset == dataset, table.c.digest == digest, table.c.state == "ok")
    row = db.execute(select(table).where(*mine)).first()
    return None if row is None else read_snapshot(row)


def read_snapshot(row: Any) -> Snapshot:
    """A row of the table as a Snapshot."""
    names = ("id", "workspace", "dataset", "digest", "rows", "as_of_ms", "from_ms", "to_ms", "state", "created_ms")
    kept = {"contract": json.loads(row.contract), "columns": json.loads(row.columns)}
    return Snapshot(**{name: getattr(row, name) for name in names}, **kept)


def newest(db: Connection, workspaces: Sequence[str]) -> list[Any]:
    """Of each dataset of some workspaces, what its newest reading said: rows without the contract's report."""
    last = select(func.max(table.c.id)).where(table.c.workspace.in_(workspaces)).group_by(table.c.workspace, table.c.dataset)
    names = ("workspace", "dataset", "digest", "rows", "state", "as_of_ms", "created_ms")
    return list(db.execute(select(*(table.c[name] for name in names)).where(table.c.id.in_(last))))
