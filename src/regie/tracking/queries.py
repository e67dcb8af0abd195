"""Reads of experiments, runs, what they measured, artifacts and logged models."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, exists, func, or_, select

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
from regie.tracking.types import PARENT, Experiment, LoggedModel, Metric, Run, RunData

RUN_COLUMNS = [runs.c[name] for name in Run.__dataclass_fields__]
EXPERIMENT_COLUMNS = [experiments.c[name] for name in Experiment.__dataclass_fields__ if name != "tags"]
LOGGED_MODEL_COLUMNS = [logged_models.c[name] for name in LoggedModel.__dataclass_fields__]
_TAGS_OF = select(run_tags.c.key, run_tags.c.value).where(run_tags.c.run == bindparam("run")).order_by(run_tags.c.key)
PIECE = 500  # ids in one IN list
# Built once: building a statement costs more than running it.
_RUN = select(*RUN_COLUMNS).where(runs.c.id == bindparam("id"))
_RUN_HERE = _RUN.where(runs.c.workspace == bindparam("workspace"))
_KEYS = select(runs.c.id, runs.c.key).where(
    runs.c.workspace == bindparam("workspace"), runs.c.id.in_(bindparam("ids", expanding=True))
)
_EXPERIMENT = select(*EXPERIMENT_COLUMNS).where(experiments.c.workspace == bindparam("workspace"))
_BY_ID, _BY_NAME = (_EXPERIMENT.where(experiments.c[name] == bindparam(name)) for name in ("id", "name"))
_EXPERIMENT_TAGS = (
    select(experiment_tags)
    .where(experiment_tags.c.experiment_id.in_(bindparam("ids", expanding=True)))
    .order_by(experiment_tags.c.experiment_id, experiment_tags.c.key)
)
_OF_RUNS = {
    table: select(table).where(table.c.run.in_(bindparam("keys", expanding=True))).order_by(*list(table.primary_key))
    for table in (latest_metrics, params, run_tags, run_inputs, run_models)
}
_MEASURED = select(runs.c.id).where(
    runs.c.id.in_(bindparam("ids", expanding=True)),
    or_(*(exists().where(table.c.run == runs.c.key) for table in (latest_metrics, params))),
)


def experiment(db: Connection, workspace: str, experiment_id: str) -> Experiment:
    """Raises NotFound, also for the experiment of another workspace."""
    row = db.execute(_BY_ID, {"workspace": workspace, "id": experiment_id}).first()
    if row is None:
        raise NotFound(f"there is no experiment with the id {experiment_id}", workspace, "search_experiments shows them")
    return with_tags(db, [row])[0]


def experiment_by_name(db: Connection, workspace: str, name: str) -> Experiment | None:
    """Deleted ones too: they still own their name."""
    row = db.execute(_BY_NAME, {"workspace": workspace, "name": name}).first()
    return with_tags(db, [row])[0] if row else None


def experiment_exists(db: Connection, workspace: str, experiment_id: str) -> bool:
    return db.execute(_BY_ID, {"workspace": workspace, "id": experiment_id}).first() is not None


def experiments_of(db: Connection, run_ids: Sequence[str]) -> list[str]:
    """The experiments that some runs are in."""
    return list(db.execute(select(runs.c.experiment_id).distinct().where(runs.c.id.in_(run_ids))).scalars())


def with_tags(db: Connection, rows: Sequence[Any]) -> list[Experiment]:
    """Rows of `EXPERIMENT_COLUMNS` with their tags."""
    tags = _tags(db, [row[0] for row in rows])
    plain = (Experiment(*row) for row in rows)
    return [replace(one, tags=tags[one.id]) for one in plain]


def _tags(db: Connection, ids: Sequence[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for piece in _pieces(ids):
        for row in db.execute(_EXPERIMENT_TAGS, {"ids": piece}):
            found[row.experiment_id][row.key] = row.value
    return found


def run(db: Connection, run_id: str, workspace: str | None = None) -> Run:
    """Raises NotFound, also for the run of another workspace where one is named."""
    row = db.execute(_RUN if workspace is None else _RUN_HERE, {"id": run_id, "workspace": workspace}).first()
    if row is None:
        raise NotFound(f"there is no run {run_id}", workspace or "", "search_runs shows them")
    return Run(*row)


def tags_of(db: Connection, run_key: int) -> dict[str, str]:
    """The tags of one run."""
    return {row.key: row.value for row in db.execute(_TAGS_OF, {"run": run_key})}


def with_ancestors(db: Connection, run_id: str) -> list[str]:
    """A run and the runs that it is nested in."""
    found = [run_id]
    parent = select(run_tags.c.value).join(runs, runs.c.key == run_tags.c.run).where(run_tags.c.key == PARENT)
    while (above := db.execute(parent.where(runs.c.id == found[-1])).scalar()) is not None and above not in found:
        found.append(above)
    return found


def runs_in(experiment_id: str) -> Select[tuple[str]]:
    """The ids of an experiment's runs, as a part of another query."""
    return select(runs.c.id).where(runs.c.experiment_id == experiment_id)


def logged_models_in(experiment_id: str) -> Select[tuple[str]]:
    """The ids of an experiment's logged models, as a part of another query."""
    return select(logged_models.c.id).where(logged_models.c.experiment_id == experiment_id)


def run_keys(db: Connection, workspace: str, run_ids: Sequence[str]) -> dict[str, int]:
    """The key of each of the runs that are there, by id."""
    return {row.id: row.key for row in db.execute(_KEYS, {"workspace": workspace, "ids": run_ids})}


def runs_named(db: Connection, workspace: str, run_ids: Sequence[str]) -> list[Run]:
    """Those of the runs that are there and were not deleted, in the order in which they were named."""
    found: dict[str, Run] = {}
    for piece in _pieces(run_ids):
        here = (runs.c.workspace == workspace, runs.c.id.in_(piece), runs.c.lifecycle == "active")
        found |= {row.id: Run(*row) for row in db.execute(select(*RUN_COLUMNS).where(*here))}
    return [found[one] for one in dict.fromkeys(run_ids) if one in found]


def experiment_names(db: Connection, workspace: str, ids: Sequence[str]) -> dict[str, str]:
    """The names of some experiments, by id."""
    found: dict[str, str] = {}
    for piece in _pieces(ids):
        query = select(experiments.c.id, experiments.c.name).where(
            experiments.c.workspace == workspace, experiments.c.id.in_(piece)
        )
        found |= {row.id: row.name for row in db.execute(query)}
    return found


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
    return db.execute(_OF_RUNS[table], {"keys": keys})


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


def points(db: Connection, run_key: int, limit: int) -> list[Metric]:
    """All points of a run's metrics, by key, then timestamp and step."""
    order = (metrics.c.key, metrics.c.timestamp_wall_ms, metrics.c.step, metrics.c.value)
    return [_metric(row) for row in db.execute(select(metrics).where(metrics.c.run == run_key).order_by(*order).limit(limit))]


def _metric(row: Any) -> Metric:
    return Metric(row.key, float("nan") if row.is_nan else row.value, row.timestamp_wall_ms, row.step)


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


def tracked(db: Connection) -> list[Any]:
    """Every workspace in which somebody tracked a run: how many experiments it has, and when its newest run began."""
    mine = (runs.c.experiment_id == experiments.c.id, runs.c.lifecycle == "active")
    newest = select(func.max(runs.c.start_wall_ms)).where(*mine).correlate(experiments).scalar_subquery()
    each = select(experiments.c.workspace, newest.label("newest")).where(experiments.c.lifecycle == "active").subquery()
    query = select(each.c.workspace, func.count().label("experiments"), func.max(each.c.newest).label("newest_wall_ms"))
    return list(db.execute(query.where(each.c.newest.is_not(None)).group_by(each.c.workspace).order_by(each.c.workspace)))
