"""Deleting traces: a change of their experiment, audited; and removing those of what is gone for good."""

from collections.abc import Sequence

from sqlalchemy import delete, select

from regie.store.change import Batch, Change
from regie.tracking.tables import artifacts
from regie.tracking.traces.queries import PIECE
from regie.tracking.traces.tables import assessments, spans, trace_metadata, trace_runs, trace_tags, traces


def delete_traces(
    tx: Change, experiment_id: str, *, trace_ids: Sequence[str] = (), until_wall_ms: int | None = None, most: int | None = None
) -> int:
    """Delete traces of one experiment with everything that is said of them; the oldest first where `most` bounds it.

    Returns how many were there.
    """
    mine = [traces.c.workspace == tx.workspace, traces.c.experiment_id == experiment_id]
    if until_wall_ms is not None:
        mine.append(traces.c.start_wall_ms <= until_wall_ms)
    if trace_ids:
        mine.append(traces.c.id.in_(trace_ids))
    query = select(traces.c.key, traces.c.id).where(*mine).order_by(traces.c.start_wall_ms, traces.c.id).limit(most)
    # Locked in the order of their ids, as whoever writes to traces does: no two wait in a circle.
    found = [row.key for row in sorted(tx.connection.execute(query), key=lambda row: row.id)]
    if found:
        purge(Batch(tx.connection, "measurement"), found)
        tx.rows += len(found)  # measurements, which count here: nobody deletes them without a record
        tx.event("experiment.changed", experiment_id, traces_deleted=len(found))
    return len(found)


def purge(batch: Batch, keys: Sequence[int]) -> None:
    """Remove traces, by their keys, with all that points to them. Blobs stay until nothing names them."""
    for start in range(0, len(keys), PIECE):
        piece = keys[start : start + PIECE]
        of = traces.c.key.in_(piece)
        # Locked first, as whoever writes to a trace does.
        found = batch.connection.execute(
            select(traces.c.workspace, traces.c.id).where(of).order_by(traces.c.id).with_for_update()
        ).all()
        for table in (spans, trace_tags, trace_metadata, trace_runs, assessments):
            batch.execute(delete(table).where(table.c.trace.in_(piece)))
        for row in found:
            batch.execute(delete(artifacts).where(artifacts.c.workspace == row.workspace, artifacts.c.root == f"traces/{row.id}"))
        batch.execute(delete(traces).where(of))


def unlink(batch: Batch, run_ids: Sequence[str]) -> None:
    """Forget that traces belonged to runs which are gone; the traces stay, as with stock."""
    for start in range(0, len(run_ids), PIECE):
        batch.execute(delete(trace_runs).where(trace_runs.c.run_id.in_(run_ids[start : start + PIECE])))
