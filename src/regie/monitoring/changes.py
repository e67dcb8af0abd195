"""Writes of signals and breaches: each takes `tx`, compares before it sets, and may be repeated."""

from typing import Any

from sqlalchemy import insert, update

from regie.base.canonical import canonical
from regie.base.ids import new_id
from regie.monitoring.tables import breaches, signals
from regie.store.change import Change, remembered, upsert
from regie.store.types import NOBODY_CAUSE, Cause

BREACHED = {"quality": "quality.breached", "drift": "drift.detected"}
ENDED = {"quality": "quality.restored", "drift": "drift.ended"}


def record(tx: Change, signal: dict[str, Any]) -> str | None:
    """Store what a monitor computed for a window; None if that window is stored already."""
    identity = new_id()
    row = {
        **signal,
        "id": identity,
        "workspace": tx.workspace,
        "computed_ms": tx.now_ms,
        "detail": canonical(signal.get("detail", {})),
    }
    row["because"] = row["because"][:200]
    statement = upsert(tx.connection, signals, row, ["workspace", "monitor", "version", "to_ms"], keep=True)
    return identity if tx.execute(statement).rowcount else None


def breach(tx: Change, monitor: str, kind: str, version: int, signal: str, because: str, **data: Any) -> Cause:
    """Open a breach: one at a time for each monitor."""
    identity = new_id()
    opened = tx.event(BREACHED[kind], monitor, cause=NOBODY_CAUSE, version=version, because=because, breach=identity, **data)
    tx.execute(
        insert(breaches).values(
            id=identity, workspace=tx.workspace, monitor=monitor, kind=kind, version=version, signal=signal, state="open",
            because=because[:200], cause=remembered(opened), opened_ms=tx.now_ms,
        )
    )  # fmt: skip
    return opened


def close(tx: Change, seen: Any, because: str) -> bool:
    """A later window kept the promise, or the version that broke it is gone."""
    closed = tx.execute(
        update(breaches).where(breaches.c.id == seen.id, breaches.c.state == "open").values(state="closed", closed_ms=tx.now_ms)
    ).rowcount
    if closed:
        tx.event(ENDED[seen.kind], seen.monitor, version=seen.version, because=because, breach=seen.id)
    return bool(closed)
