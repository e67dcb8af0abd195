"""What hangs on a run: the runs that are nested in it, its traces, its logged models."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, func, select

from regie.tracking import queries
from regie.tracking.tables import logged_models, run_tags, runs
from regie.tracking.traces.tables import trace_runs
from regie.tracking.types import PARENT, Run


def children(db: Connection, workspace: str, run_id: str, most: int) -> tuple[list[Run], bool]:
    """The runs that are nested in a run, in the order in which they came, and whether there are more."""
    first = select(runs.c.key).where(runs.c.id == run_id).scalar_subquery()
    # Who is nested in a run came after it: the range of keys spares a walk through all runs.
    nested = (run_tags.c.run == runs.c.key, run_tags.c.key == PARENT, run_tags.c.value == run_id)
    query = select(*queries.RUN_COLUMNS).join(run_tags, and_(*nested)).where(
        runs.c.workspace == workspace, runs.c.lifecycle == "active", runs.c.key > first
    )  # fmt: skip
    rows = db.execute(query.order_by(runs.c.key).limit(most + 1)).all()
    return [Run(*row) for row in rows[:most]], len(rows) > most


def traces_of(db: Connection, run_id: str) -> int:
    """How many traces were made in a run, or linked to it."""
    return int(db.execute(select(func.count()).select_from(trace_runs).where(trace_runs.c.run_id == run_id)).scalar_one())


def models_of(db: Connection, workspace: str, run_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of the logged models that runs wrote, the newest first, by run."""
    here = (logged_models.c.workspace == workspace, logged_models.c.lifecycle == "active")
    query = select(logged_models.c.source_run_id, logged_models.c.id).where(*here, logged_models.c.source_run_id.in_(run_ids))
    found: dict[str, list[str]] = {}
    for row in db.execute(query.order_by(logged_models.c.id.desc())):
        found.setdefault(row.source_run_id, []).append(row.id)
    return found
