"""Reads of experiments, runs, what they measured, artifacts and logged models."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, exists, func, or_, select

from regie.base.errors import NotFound
from regie.tracking.tables import artifacts as artifacts_table
from regie.tracking.tables import (
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
from regie.tracking.types import Experiment, LoggedModel, Metric, Run, RunData

RUN_COLUMNS = [runs.c[name] for name in Run.__dataclass_fields__]
PIECE = 500  # ids in one IN list
# Built once: building a statement costs more than running it, and every task of a pipeline asks.
_MEASURED = select(runs.c.id).where(
    runs.c.id.in_(bindparam("ids", expanding=True)),
    or_(*(exists().where(table.c.run == runs.c.key) for table in (latest_metrics, params))),
)


def experiment(db: Connection, workspace: str, experiment_id: str) -> Experiment:
    """Raises NotFound, also for the experiment of another workspace."""
    same = (experiments.c.workspace == workspace, experiments.c.id == experiment_id)
    row = db.execute(select(experiments).where(*same)).first()
    if row is None:
        raise NotFound(f"there is no experiment with the id {experiment_id}", workspace, "search_experiments shows them")
    return Experiment(**row._mapping, tags=_tags(db, [row.id])[row.id])


def experiment_by_name(db: Connection, workspace: str, name: str) -> Experiment | None:
    """Deleted ones too: they still own their name."""
    same = (experiments.c.workspace == workspace, experiments.c.name == name)
    row = db.execute(select(experiments).where(*same)).first()
    return Experiment(**row._mapping, tags=_tags(db, [row.id])[row.id]) if row else None


def experiment_exists(db: Connection, workspace: str, experiment_id: str) -> bool:
    same = (experiments.c.workspace == workspace, experiments.c.id == experiment_id)
    return db.execute(select(experiments.c.id).where(*same)).first() is not None


def experiments_of(db: Connection, run_ids: Sequence[str]) -> list[str]:
    """The experiments that some runs are in."""
    return list(db.execute(select(runs.c.experiment_id).distinct().where(runs.c.id.in_(run_ids))).scalars())


def with_tags(db: Connection, rows: Sequence[Any]) -> list[Experiment]:
    """Rows of `experiments` with their tags."""
    tags = _tags(db, [row.id for row in rows])
    return [Experiment(**row._mapping, tags=tags[row.id]) for row in rows]


def _tags(db: Connection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for piece in _pieces(ids):
        for row in db.execute(select(experiment_tags).where(experiment_tags.c.experiment_id.in_(piece))):
            found[row.experiment_id][row.key] = row.value
    return found


def run(db: Connection, run_id: str, workspace: str | None = None) -> Run:
    """Raises NotFound, also for the run of another workspace where one is named."""
    query = select(*RUN_COLUMNS).where(runs.c.id == run_id)
    if workspace is not None:
        query = query.where(runs.c.workspace == workspace)
    row = db.execute(query).first()
    if row is None:
        raise NotFound(f"there is no run {run_id}", workspace or "", "search_runs shows them")
    return Run(**row._mapping)


def run_data(db: Connection, found: Sequence[Run]) -> dict[int, RunData]:
    """What runs measured, by their key; one statement a table, not one a run."""
    data: dict[int, RunData] = {one.key: RunData() for one in found}
    for piece in _pieces([one.key for one in found]):
        for row in _of(db, latest_metrics, piece):
            data[row.run].metrics.append(_metric(row))
        for row in _of(db, params, piece):
            data[row.run].params[row.key] = row.value
        for row in _of(db, run_tags, piece):
            data[row.run].tags[row.key] = row.value
        for row in _of(db, run_inputs, piece):
            data[row.run].inputs.append({**row._mapping, "tags": json.loads(row.tags)})
        for row in _of(db, run_models, piece):
            data[row.run].models.append((row.direction, row.model_id, row.step))
    return data


def _of(db: Connection, table: Table, keys: Sequence[int]) -> Any:
    return db.execute(select(table).where(table.c.run.in_(keys)).order_by(table.c.run, *list(table.primary_key)[1:]))


def data(db: Connection, run_id: str) -> RunData:
    """What one run measured. Raises NotFound."""
    one = run(db, run_id)
    return run_data(db, [one])[one.key]


def measured(db: Connection, run_ids: Sequence[str], besides: str = "") -> set[str]:
    """Those of the runs that logged a metric or a parameter; with `besides`, also those with a file outside of that folder."""
    found: set[str] = set()
    for piece in _pieces(run_ids):
        found |= set(db.execute(_MEASURED, {"ids": piece}).scalars())
        if besides:
            roots = {f"runs/{run_id}": run_id for run_id in piece}
            outside = func.substr(artifacts_table.c.path, 1, len(besides)) != besides
            of_files = select(artifacts_table.c.root).where(artifacts_table.c.root.in_(list(roots)), outside)
            found |= {roots[root] for root in db.execute(of_files.distinct()).scalars()}
    return found


def history(db: Connection, run_key: int, key: str, limit: int, offset: int = 0) -> list[Metric]:
    """All points of one metric, by timestamp, then step."""
    same = (metrics.c.run == run_key, metrics.c.key == key)
    order = (metrics.c.timestamp_wall_ms, metrics.c.step, metrics.c.value)
    return [_metric(row) for row in db.execute(select(metrics).where(*same).order_by(*order).limit(limit).offset(offset))]


def _metric(row: Any) -> Metric:
    return Metric(row.key, float("nan") if row.is_nan else row.value, row.timestamp_wall_ms, row.step)


def below(path: str) -> list[ColumnElement[bool]]:
    """Conditions: inside this folder. Neither LIKE (blind to case on SQLite) nor < (a matter of collation on PostgreSQL)."""
    return [func.substr(artifacts_table.c.path, 1, len(path) + 1) == path + "/"] if path else []


def artifacts(db: Connection, workspace: str, root: str, path: str = "") -> list[tuple[str, str, int]]:
    """(path, digest, bytes) of the files of a root, or of one of its folders, by path."""
    here = (artifacts_table.c.workspace == workspace, artifacts_table.c.root == root)
    query = select(artifacts_table.c.path, artifacts_table.c.digest, artifacts_table.c.bytes).where(*here, *below(path))
    return sorted((row.path, row.digest, row.bytes) for row in db.execute(query))


def artifact(db: Connection, workspace: str, root: str, path: str) -> tuple[str, int] | None:
    """(digest, bytes) of one file."""
    here = (artifacts_table.c.workspace == workspace, artifacts_table.c.root == root, artifacts_table.c.path == path)
    row = db.execute(select(artifacts_table.c.digest, artifacts_table.c.bytes).where(*here)).first()
    return (row.digest, row.bytes) if row else None


def logged_model(db: Connection, workspace: str, model_id: str) -> LoggedModel:
    """Raises NotFound, also for a deleted one."""
    same = (logged_models.c.workspace == workspace, logged_models.c.id == model_id, logged_models.c.lifecycle == "active")
    row = db.execute(select(logged_models).where(*same)).first()
    if row is None:
        raise NotFound(f"there is no logged model {model_id}", workspace, "search_logged_models shows them")
    return LoggedModel(**row._mapping)


def logged_model_named(db: Connection, workspace: str, run_id: str, name: str) -> LoggedModel | None:
    """The newest logged model of that name which a run wrote: what `runs:/ID/NAME` means."""
    same = (
        logged_models.c.workspace == workspace, logged_models.c.source_run_id == run_id, logged_models.c.name == name,
        logged_models.c.lifecycle == "active",
    )  # fmt: skip
    row = db.execute(select(logged_models).where(*same).order_by(logged_models.c.id.desc())).first()
    return LoggedModel(**row._mapping) if row else None


def logged_model_data(db: Connection, ids: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    """`tags`, `params` and `metrics` rows of logged models, by id."""
    found: dict[str, dict[str, list[Any]]] = {one: {"tags": [], "params": [], "metrics": []} for one in ids}
    for name, table in (("tags", logged_model_tags), ("params", logged_model_params), ("metrics", logged_model_metrics)):
        for piece in _pieces(ids):
            for row in db.execute(select(table).where(table.c.model_id.in_(piece)).order_by(*table.primary_key)):
                found[row.model_id][name].append(row)
    return found


def _pieces(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), PIECE):
        yield keys[start : start + PIECE]
