"""Which runs have measured something since the last look: one query over those that run, for whoever draws them live.

Of the newest `NEWEST` runs of a home: one that is older and still runs is looked at by whoever asks for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from regie.tracking import queries
from regie.tracking.tables import latest_metrics, runs

NEWEST, MOST = 2_000, 300
_SUMS = (func.count(latest_metrics.c.key), func.sum(latest_metrics.c.step), func.max(latest_metrics.c.timestamp_wall_ms))
_NEWEST = select(func.coalesce(func.max(runs.c.key), 0))
_LIVE = (
    select(runs.c.key, runs.c.workspace, runs.c.id, runs.c.status, *(one.label(f"sum{place}") for place, one in enumerate(_SUMS)))
    .join(latest_metrics, latest_metrics.c.run == runs.c.key, isouter=True)
    .where(runs.c.key > bindparam("oldest"), or_(runs.c.status == "RUNNING", runs.c.key > bindparam("seen")))
    .group_by(runs.c.key, runs.c.workspace, runs.c.id, runs.c.status)
    .order_by(runs.c.key.desc())
    .limit(MOST)
)


@dataclass(frozen=True)
class Live:
    """What was seen: of each run that runs, its workspace and id, and what tells whether it has grown. `newest`: the last run's key."""

    newest: int
    runs: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    marks: Mapping[int, tuple[Any, ...]] = field(default_factory=dict)


def look(db: Connection, last: Live | None = None) -> Live:
    newest = int(db.execute(_NEWEST).scalar_one())
    seen = newest if last is None else last.newest
    rows = db.execute(_LIVE, {"oldest": max(0, newest - NEWEST), "seen": seen}).all()
    return Live(newest, {row.key: (row.workspace, row.id) for row in rows}, {row.key: tuple(row)[3:] for row in rows})


def grown(db: Connection, last: Live, now: Live) -> dict[str, list[str]]:
    """By workspace: the runs that began, measured or ended in between, and those that they are nested in."""
    changed = [key for key in last.marks.keys() | now.marks.keys() if last.marks.get(key) != now.marks.get(key)]
    found: dict[str, list[str]] = {}
    for key in sorted(changed):
        workspace, run_id = now.runs.get(key) or last.runs[key]
        found.setdefault(workspace, []).extend(queries.with_ancestors(db, run_id))
    return {workspace: list(dict.fromkeys(ids)) for workspace, ids in found.items()}
