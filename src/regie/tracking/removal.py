"""Removing for good what was deleted: runs, logged models, experiments, and all that is said of them.

A run goes in three steps, so that no transaction is long and none leaves half a run: a change takes its row away from its experiment and
workspace (a tombstone, which nobody finds), then its measurements go in pieces, then the tombstone. Whoever is killed in between
left tombstones, which the next one finishes. Blobs stay: whether anything else names them is not seen here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, or_, select, update

from regie.store.change import Batch, Change, Store
from regie.tracking import artifacts as files
from regie.tracking.tables import (
    artifacts,
    experiment_tags,
    experiments,
    latest_metrics,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    metrics,
    params,
    run_inputs,
    run_models,
    run_tags,
    runs,
)
from regie.tracking.traces import changes as traces
from regie.tracking.traces.tables import traces as traces_table

OF_RUN: tuple[Table, ...] = (metrics, latest_metrics, params, run_tags, run_inputs, run_models)  # by `run`
OF_MODEL: tuple[Table, ...] = (logged_model_tags, logged_model_params, logged_model_metrics)  # by `model_id`
PIECE = 50_000  # rows of one transaction: about 100 ms
BATCH = 200  # runs, models or traces of one transaction
GONE = "removed"
NOWHERE = "!"  # before the workspace of a tombstone: no workspace's name begins with it
_TOMBSTONES = (runs.c.experiment_id == "", runs.c.lifecycle == GONE)


@dataclass(frozen=True)
class Wanted:
    """What is to be removed: deleted before a time, of some experiments or runs only where they are named."""

    workspace: str
    before_wall_ms: int
    experiments: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


def deleted_runs(db: Connection, wanted: Wanted) -> list[str]:
    """Ids, oldest first."""
    where = [runs.c.workspace == wanted.workspace, *_of_runs(wanted)]
    return list(db.execute(select(runs.c.id).where(*where).order_by(runs.c.key)).scalars())


def _of_runs(wanted: Wanted) -> list[ColumnElement[bool]]:
    where = [runs.c.lifecycle == "deleted", runs.c.deleted_wall_ms < wanted.before_wall_ms]
    if wanted.experiments:
        where.append(runs.c.experiment_id.in_(wanted.experiments))
    return [*where, runs.c.id.in_(wanted.runs)] if wanted.runs else where


def deleted_models(db: Connection, wanted: Wanted) -> list[str]:
    """Logged models that were deleted, or lie in an experiment that was."""
    if wanted.runs:
        return []
    where = [logged_models.c.workspace == wanted.workspace, *_of_models(wanted)]
    return list(db.execute(select(logged_models.c.id).where(*where).order_by(logged_models.c.id)).scalars())


def _of_models(wanted: Wanted) -> list[ColumnElement[bool]]:
    itself = and_(logged_models.c.lifecycle == "deleted", logged_models.c.updated_wall_ms < wanted.before_wall_ms)
    gone = select(experiments.c.id).where(experiments.c.workspace == wanted.workspace, *_of_experiments(wanted))
    where: list[ColumnElement[bool]] = [or_(itself, logged_models.c.experiment_id.in_(gone))]
    return [*where, logged_models.c.experiment_id.in_(wanted.experiments)] if wanted.experiments else where


def deleted_experiments(db: Connection, wanted: Wanted) -> dict[str, str]:
    """Id to name. A deleted experiment does not change, so its last change is its deletion."""
    if wanted.runs:
        return {}
    where = [experiments.c.workspace == wanted.workspace, *_of_experiments(wanted)]
    found = db.execute(select(experiments.c.id, experiments.c.name).where(*where).order_by(experiments.c.id))
    return {row.id: row.name for row in found}


def _of_experiments(wanted: Wanted) -> list[ColumnElement[bool]]:
    where = [experiments.c.lifecycle == "deleted", experiments.c.updated_wall_ms < wanted.before_wall_ms]
    return [*where, experiments.c.id.in_(wanted.experiments)] if wanted.experiments else where


def bury_runs(tx: Change, wanted: Wanted, ids: Sequence[str]) -> int:
    """Take runs away for good; those that were restored meanwhile stay. Returns how many."""
    still = (runs.c.id.in_(ids), runs.c.workspace == wanted.workspace, *_of_runs(wanted))
    taken = tx.execute(update(runs).where(*still).values(workspace=NOWHERE + wanted.workspace, experiment_id="", lifecycle=GONE))
    return int(taken.rowcount)


def remove_models(tx: Change, wanted: Wanted, ids: Sequence[str]) -> int:
    """Logged models with all that is said of them. Returns how many."""
    still = (logged_models.c.id.in_(ids), logged_models.c.workspace == wanted.workspace, *_of_models(wanted))
    gone = list(tx.connection.execute(select(logged_models.c.id).where(*still).with_for_update()).scalars())
    tx.execute(delete(logged_models).where(logged_models.c.id.in_(gone)))
    batch = Batch(tx.connection, "measurement")
    for table in (*OF_MODEL, run_models):
        batch.execute(delete(table).where(table.c.model_id.in_(gone)))
    roots = [f"models/{one}" for one in gone]
    batch.execute(delete(artifacts).where(artifacts.c.workspace == wanted.workspace, artifacts.c.root.in_(roots)))
    return len(gone)


def experiments_with_others(
    db: Connection, ids: Sequence[str], without_runs: Collection[str], without_models: Collection[str]
) -> set[str]:
    """Those of the experiments that hold other runs or logged models than these."""
    found: set[str] = set()
    for table, without in ((runs, set(without_runs)), (logged_models, set(without_models))):
        for start in range(0, len(ids), BATCH):
            inside = select(table.c.id, table.c.experiment_id).where(table.c.experiment_id.in_(ids[start : start + BATCH]))
            found |= {row.experiment_id for row in db.execute(inside) if row.id not in without}
    return found


def roots_of_traces(db: Connection, workspace: str, experiment_ids: Sequence[str]) -> list[str]:
    """Where the files of the experiments' traces lie."""
    found: list[str] = []
    for start in range(0, len(experiment_ids), BATCH):
        inside = traces_table.c.experiment_id.in_(experiment_ids[start : start + BATCH])
        of = select(traces_table.c.id).where(traces_table.c.workspace == workspace, inside)
        found += [f"traces/{identity}" for identity in db.execute(of).scalars()]
    return found


def purge_traces(store: Store, wanted: Wanted, experiment_ids: Sequence[str]) -> int:
    """Remove a batch of the traces of deleted experiments; returns how many, 0 where none is left."""
    still = select(experiments.c.id).where(experiments.c.id.in_(experiment_ids), *_of_experiments(wanted))
    mine = (traces_table.c.workspace == wanted.workspace, traces_table.c.experiment_id.in_(still))
    with store.measure() as batch:
        keys = list(batch.connection.execute(select(traces_table.c.key).where(*mine).limit(BATCH)).scalars())
        traces.purge(batch, keys)
    return len(keys)


def remove_experiments(tx: Change, wanted: Wanted, ids: Collection[str]) -> dict[str, str]:
    """Those that nothing lies in any more; their names are free again. Returns id to name."""
    empty = [
        ~exists().where(table.c.experiment_id == experiments.c.id) for table in (runs, logged_models, traces_table)
    ]  # fmt: skip
    still = (experiments.c.id.in_(ids), experiments.c.workspace == wanted.workspace, *_of_experiments(wanted), *empty)
    found = tx.connection.execute(select(experiments.c.id, experiments.c.name).where(*still).with_for_update()).all()
    gone = {row.id: row.name for row in found}
    tx.execute(delete(experiment_tags).where(experiment_tags.c.experiment_id.in_(list(gone))))
    tx.execute(delete(experiments).where(experiments.c.id.in_(list(gone))))
    return gone


def clear(store: Store, after: int = 0) -> int | None:
    """Remove measurements of tombstones, `PIECE` rows at a time; returns the key to go on behind, None where all are clear."""
    with store.measure() as batch:
        db, left = batch.connection, PIECE
        some = select(runs.c.key, runs.c.id, runs.c.workspace).where(*_TOMBSTONES, runs.c.key > after).order_by(runs.c.key)
        found = db.execute(some.limit(BATCH)).all()
        for row in found:
            left -= _clear(batch, row.key, row.id, row.workspace.removeprefix(NOWHERE))
            if left <= 0:
                return after  # this one may have more
            after = row.key
    return after if len(found) == BATCH else None


def _clear(batch: Batch, run: int, run_id: str, workspace: str) -> int:
    """Remove up to about `PIECE` rows of a run, its metrics first, and the rest once those are gone. Returns how many."""
    edge = select(metrics.c.key, metrics.c.timestamp_wall_ms).where(metrics.c.run == run)
    at = batch.connection.execute(edge.order_by(metrics.c.key, metrics.c.timestamp_wall_ms).offset(PIECE - 1).limit(1)).first()
    if at is not None:
        before = or_(metrics.c.key < at.key, and_(metrics.c.key == at.key, metrics.c.timestamp_wall_ms <= at.timestamp_wall_ms))
        return int(batch.execute(delete(metrics).where(metrics.c.run == run, before)).rowcount)
    count = sum(int(batch.execute(delete(table).where(table.c.run == run)).rowcount) for table in OF_RUN)
    count += files.remove(batch, workspace, f"runs/{run_id}")
    traces.unlink(batch, [run_id])
    return count


def forget_tombstones(tx: Change) -> int:
    """Remove the tombstones that no measurement points to. Returns how many."""
    clear_of = [~exists().where(table.c.run == runs.c.key) for table in OF_RUN]
    return int(tx.execute(delete(runs).where(*_TOMBSTONES, *clear_of)).rowcount)
