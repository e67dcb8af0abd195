"""What runs measure: metrics, parameters, tags, inputs. Data, not changes: set-based, all of a batch or nothing, in one transaction.

The caller has checked the right to write. Raises NotFound for an unknown run, RunDeleted for a deleted one. Statements are built
once: to build one takes longer than to run it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, String, Table, bindparam, delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from regie.base.errors import BadInput, NotFound
from regie.store.change import Batch, Store, upsert
from regie.tracking.tables import (
    latest_metrics,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    metrics,
    params,
    run_inputs,
    run_models,
    run_tags,
    runs,
)
from regie.tracking.types import (
    MAX_ENTITIES,
    MAX_METRICS,
    MAX_PARAMS,
    MAX_TAGS,
    PARAM_LENGTH,
    RUN_NAME,
    TAG_LENGTH,
    ParamChanged,
    RunDeleted,
    int64,
    key_of,
    stored_value,
)

Point = tuple[str, float, int, int]
_RUN = select(runs.c.key, runs.c.workspace, runs.c.experiment_id, runs.c.lifecycle).where(runs.c.id == bindparam("id"))
_PARAMS = select(params.c.key, params.c.value).where(
    params.c.run == bindparam("run"), params.c.key.in_(bindparam("keys", expanding=True))
)
_TAG = select(run_tags.c.value).where(run_tags.c.run == bindparam("run"), run_tags.c.key == bindparam("key"))
_DELETE_TAG = delete(run_tags).where(run_tags.c.run == bindparam("of"), run_tags.c.key == bindparam("named"))


@dataclass(frozen=True)
class ModelPoints:
    """Points that speak of a logged model, on a dataset if one is named."""

    model_id: str
    points: Sequence[Point]
    dataset_name: str = ""
    dataset_digest: str = ""


def log_batch(
    store: Store, run_id: str, metrics: Sequence[Point] = (), params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None, of_models: Sequence[ModelPoints] = (), workspace: str | None = None,
) -> None:  # fmt: skip
    """Append points (key, value, timestamp in wall ms, step), parameters and tags: all or none.

    Raises ParamChanged where a parameter has another value already, BadInput for what breaks a limit.
    """
    said_params, said_tags = params or {}, tags or {}
    counts = (len(metrics), len(said_params), len(said_tags))
    for what, count, most in (
        ("metrics", counts[0], MAX_METRICS), ("params", counts[1], MAX_PARAMS), ("tags", counts[2], MAX_TAGS),
        ("metrics, params and tags", sum(counts), MAX_ENTITIES),
    ):  # fmt: skip
        if count > most:
            raise BadInput(f"{count} {what} in one batch", what, f"send at most {most}")
    with store.measure() as batch:
        run = active_run(batch.connection, run_id, workspace)
        write_params(batch, run, said_params)
        write_metrics(batch, run, metrics)
        write_tags(batch, run, {key: value for key, value in said_tags.items() if value or key != RUN_NAME})
        for one in of_models:
            write_model_metrics(batch, run_id, one)


def active_run(db: Connection, run_id: str, workspace: str | None = None) -> int:
    """The key of a run that may be written to. Raises NotFound, also for the run of another workspace where one is named."""
    found = db.execute(_RUN, {"id": run_id}).first()
    if found is None or workspace not in (None, found.workspace):
        raise NotFound(f"there is no run {run_id}", workspace or "", "search_runs shows them")
    if found.lifecycle != "active":
        raise RunDeleted(f"the run {run_id} was deleted", found.experiment_id, "restore it first")
    return int(found.key)


def write_params(batch: Batch, run: int, said: Mapping[str, str]) -> None:
    rows = [
        {"run": run, "key": key_of(key, "parameter"), "value": str(value)[:PARAM_LENGTH]} for key, value in sorted(said.items())
    ]
    if write(batch, params, rows, keep=True) == len(rows):
        return
    found = {row.key: row.value for row in batch.connection.execute(_PARAMS, {"run": run, "keys": [row["key"] for row in rows]})}
    for row in rows:
        if found[row["key"]] != row["value"]:
            raise ParamChanged(
                f"the parameter {row['key']} is {found[row['key']]!r} already, and a parameter is written once",
                "", "log it under another name, or in another run",
            )  # fmt: skip


def write_metrics(batch: Batch, run: int, points: Iterable[Point]) -> None:
    """The latest point of a metric is the greatest (step, timestamp, value), not the last one written."""
    rows = [_point(run, *point) for point in points]
    if not rows:
        return
    # In one order, so that two writers of the same points cannot wait for each other.
    rows.sort(key=lambda row: (row["key"], row["timestamp_wall_ms"], row["step"], row["value"]))
    write(batch, metrics, rows, keep=True)
    latest: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = latest.get(row["key"])
        if known is None or _rank(row) > _rank(known):
            latest[row["key"]] = row
    dialect = batch.connection.dialect.name
    batch.execute(_raising_latest(dialect), _bound(dialect, list(latest.values())))


def _point(run: int, key: str, value: float, timestamp_wall_ms: int, step: int) -> dict[str, Any]:
    kept, is_nan = stored_value(value)
    return {
        "run": run, "key": key_of(key, "metric"), "value": kept, "is_nan": is_nan,
        "timestamp_wall_ms": int64(timestamp_wall_ms, "timestamp"), "step": int64(step, "step"),
    }  # fmt: skip


def _rank(row: Mapping[str, Any]) -> tuple[int, int, float]:
    return row["step"], row["timestamp_wall_ms"], row["value"]


def write_tags(batch: Batch, run: int, said: Mapping[str, str]) -> None:
    write_tags_of(batch, [(run, said)])


def write_tags_of(batch: Batch, runs: Iterable[tuple[int, Mapping[str, str]]]) -> None:
    """The tags of several runs in one statement."""
    # In one order, so that two writers of the same tags cannot wait for each other.
    rows = [
        {"run": run, "key": key_of(key, "tag"), "value": str(value)[:TAG_LENGTH]}
        for run, said in runs
        for key, value in sorted(said.items())
    ]
    write(batch, run_tags, rows)


def delete_tag(store: Store, run_id: str, key: str, workspace: str | None = None) -> bool:
    """False if there was no such tag."""
    with store.measure() as batch:
        run = active_run(batch.connection, run_id, workspace)
        return bool(batch.execute(_DELETE_TAG, [{"of": run, "named": key}]).rowcount)


def extend_tag(store: Store, run_id: str, key: str, item: Any, workspace: str | None = None) -> None:
    """Add one item to a tag that holds a JSON list. Raises BadInput where the list would be longer than a tag."""
    with store.measure() as batch:
        run = active_run(batch.connection, run_id, workspace)
        # What is written, or found there already, is held until the end: the next one adds to this list.
        write(batch, run_tags, [{"run": run, "key": key, "value": "[]"}], keep=True)
        known = batch.connection.execute(_TAG.with_for_update(), {"run": run, "key": key}).scalar_one()
        value = json.dumps([*json.loads(known), item])
        if len(value) > TAG_LENGTH:
            raise BadInput(f"the tag {key} would have {len(value)} characters", key, f"a tag holds {TAG_LENGTH}")
        write(batch, run_tags, [{"run": run, "key": key, "value": value}])


def log_inputs(
    store: Store, run_id: str, inputs: Sequence[Mapping[str, Any]], models: Iterable[tuple[str, str, int]] = (),
    workspace: str | None = None,
) -> None:  # fmt: skip
    """Datasets that a run read, and logged models that it read or wrote: (direction, model id, step)."""
    with store.measure() as batch:
        run = active_run(batch.connection, run_id, workspace)
        write(batch, run_inputs, [{**one, "run": run, "tags": json.dumps(one.get("tags", {}))} for one in inputs])
        links = [{"run": run, "direction": direction, "model_id": model_id, "step": step} for direction, model_id, step in models]
        write(batch, run_models, links)


def write_model_metrics(batch: Batch, run_id: str, said: ModelPoints) -> None:
    known = {
        "model_id": said.model_id, "run_id": run_id, "dataset_name": said.dataset_name, "dataset_digest": said.dataset_digest,
    }  # fmt: skip
    rows = [{**_point(0, *point), **known} for point in said.points]
    for row in rows:
        del row["run"]
    write(batch, logged_model_metrics, rows)


def set_logged_model(
    store: Store, model_id: str, *, tags: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
) -> None:
    """Tags are replaced; a parameter is written once. Raises ParamChanged, and then nothing of it is kept."""
    with store.measure() as batch:
        for table, said, keep in ((logged_model_tags, tags, False), (logged_model_params, params, True)):
            for key, value in sorted((said or {}).items()):
                row = {"model_id": model_id, "key": key_of(key, "logged model"), "value": value}
                batch.execute(upsert(batch.connection, table, row, ["model_id", "key"], keep=keep))
        table = logged_model_params
        mine = select(table.c.key, table.c.value).where(table.c.model_id == model_id, table.c.key.in_(list(params or {})))
        for one in batch.execute(mine):
            if params and one.value != params[one.key]:
                raise ParamChanged(f"the parameter {one.key} of {model_id} was written before", model_id, "choose another key")


def delete_logged_model_tag(store: Store, model_id: str, key: str) -> bool:
    with store.measure() as batch:
        same = (logged_model_tags.c.model_id == model_id, logged_model_tags.c.key == key)
        return bool(batch.execute(delete(logged_model_tags).where(*same)).rowcount)


def write(batch: Batch, table: Table, rows: list[dict[str, Any]], keep: bool = False) -> int:
    """INSERT whole rows; one whose primary key is there takes its place, or with `keep` is not written. Returns how many were written."""
    if not rows:
        return 0
    if not keep:  # one statement replaces a row once: of several that are the same, the last one holds
        key = [column.name for column in table.primary_key]
        rows = list({tuple(row[name] for name in key): row for row in rows}.values())
    dialect = batch.connection.dialect.name
    return batch.execute(_writing(dialect, table, keep), _bound(dialect, rows)).rowcount


@cache
def _writing(dialect: str, table: Table, keep: bool) -> Any:
    statement = _of_columns(dialect, table)
    if keep:
        return statement.on_conflict_do_nothing()
    new = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=new)


@cache
def _raising_latest(dialect: str) -> Any:
    statement = _of_columns(dialect, latest_metrics)
    new, old = statement.excluded, latest_metrics.c
    return statement.on_conflict_do_update(
        index_elements=["run", "key"],
        set_={name: new[name] for name in ("value", "is_nan", "timestamp_wall_ms", "step")},
        where=tuple_(new.step, new.timestamp_wall_ms, new.value) > tuple_(old.step, old.timestamp_wall_ms, old.value),
    )


def _of_columns(dialect: str, table: Table) -> Any:
    """INSERT of many rows. PostgreSQL takes them as one array a column, in half the time of a statement a row."""
    statement = _insert(dialect, table)
    if dialect != "postgresql":
        return statement
    kinds = {column.name: String() if isinstance(column.type, String) else column.type for column in table.columns}
    arrays = [func.unnest(bindparam(name, type_=postgresql.ARRAY(kind))) for name, kind in kinds.items()]
    return statement.from_select(list(kinds), select(*arrays))


def _bound(dialect: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return rows if dialect != "postgresql" else [{name: [row[name] for row in rows] for name in rows[0]}]


@cache
def keeping(dialect: str, table: Table) -> Any:
    """INSERT of one row, which leaves one that is there as it is."""
    return _insert(dialect, table).on_conflict_do_nothing()


def insert_into(connection: Connection, table: Table) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT; without values, so that one compiled statement serves every batch."""
    return _insert(connection.dialect.name, table)


def _insert(dialect: str, table: Table) -> Any:
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)
