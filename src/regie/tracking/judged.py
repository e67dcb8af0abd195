"""What the gates measured of a run's work, beside what the run logged itself.

These metrics begin with `judged.`, under which the wire lets nobody else write. Points are only added: a figure that is as it was adds
none. A point's step says which judgement it comes from, counted from 0; its time is the wall time of the judgement.
"""

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from regie.store.change import Batch, Change
from regie.tracking import queries
from regie.tracking.measure import write_metrics
from regie.tracking.tables import latest_metrics
from regie.tracking.types import JUDGED

_LATEST = select(latest_metrics.c.key, latest_metrics.c.value, latest_metrics.c.step).where(
    latest_metrics.c.run == bindparam("run"), latest_metrics.c.key.startswith(JUDGED)
)


def note(tx: Change, run_id: str, figures: Mapping[str, float], judgement: int) -> bool:
    """Add what a judgement measured, in the change that records it. False if nothing is new, or no such run of this workspace is there.

    A run may have made several versions, each with a first judgement; the later point has the greater step all the same.
    """
    run = next(iter(queries.runs_named(tx.connection, tx.workspace, [run_id])), None)
    if run is None:
        return False
    # LIKE of SQLite takes small letters for capitals.
    known = {row.key: row for row in tx.connection.execute(_LATEST, {"run": run.key}) if row.key.startswith(JUDGED)}
    step = max([judgement, *(row.step + 1 for row in known.values())])
    new = [(name, value) for name, value in figures.items() if name not in known or known[name].value != value]
    # Measurements; but these stand or fall with the judgement that they come from.
    write_metrics(Batch(tx.connection, "measurement"), run.key, [(name, float(value), tx.wall_ms, step) for name, value in new])
    return bool(new)
