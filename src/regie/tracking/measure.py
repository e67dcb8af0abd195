"""What runs measure: metrics, parameters, tags, inputs, artifacts. Data, not changes: set-based, all of a batch or nothing.

The caller has checked the right to write. Raises NotFound for an unknown run, RunDeleted for a deleted one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from regie.base.errors import BadInput
from regie.store.change import Batch, Store, upsert
from regie.tracking import queries
from regie.tracking.tables import (
    artifacts,
    latest_metrics,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    metrics,
    params,
    run_inputs,
    run_models,
    run_tags,
)
from regie.tracking.types import (
    MAX_METRICS,
    MAX_PARAMS,
    MAX_TAGS,
    PARAM_LENGTH,
    TAG_LENGTH,
    ParamChanged,
    RunDeleted,
    int64,
    key_of,
    stored_value,
)

Point = tuple[str, float, int, int]


def log_batch(
    store: Store, run_id: str, metrics: Sequence[Point] = (), params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:  # fmt: skip
    """Append points (key, value, timestamp in wall ms, step), parameters and tags: all or none.

    Raises ParamChanged where a parameter has another value already, BadInput for what breaks a limit.
    """
    said_params, said_tags = params or {}, tags or {}
    for what, count, most in (
        ("metrics", len(metrics), MAX_METRICS), ("params", len(said_params), MAX_PARAMS), ("tags", len(said_tags), MAX_TAGS),
    ):  # fmt: skip
        if count > most:
            raise BadInput(f"{count} {what} in one batch", f"run {run_id}", f"send at most {most}")
    with store.measure() as batch:
        key = active_run(batch.connection, run_id)
        write_params(batch, key, said_params)
        write_metrics(batch, key, metrics)
        write_tags(batch, key, said_tags)


def active_run(db: Connection, run_id: str) -> int:
    """The key of a run that may be written to."""
    run = queries.run(db, run_id)
    if run.lifecycle != "active":
        raise RunDeleted(f"the run {run_id} was deleted", run.experiment_id, "restore it first")
    return run.key


def write_params(batch: Batch, run: int, said: Mapping[str, str]) -> None:
    rows = [
        {"run": run, "key": key_of(key, "parameter"), "value": str(value)[:PARAM_LENGTH]} for key, value in sorted(said.items())
    ]
    if not rows:
        return
    batch.execute(insert_into(batch.connection, params).on_conflict_do_nothing(index_elements=["run", "key"]), rows)
    same = (params.c.run == run, params.c.key.in_([row["key"] for row in rows]))
    found = {row.key: row.value for row in batch.connection.execute(select(params.c.key, params.c.value).where(*same))}
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
    batch.execute(insert_into(batch.connection, metrics).on_conflict_do_nothing(), rows)
    latest: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = latest.get(row["key"])
        if known is None or _rank(row) > _rank(known):
            latest[row["key"]] = row
    statement = insert_into(batch.connection, latest_metrics)
    new, old = statement.excluded, latest_metrics.c
    statement = statement.on_conflict_do_update(
        index_elements=["run", "key"],
        set_={name: new[name] for name in ("value", "is_nan", "timestamp_wall_ms", "step")},
        where=tuple_(new.step, new.timestamp_wall_ms, new.value) > tuple_(old.step, old.timestamp_wall_ms, old.value),
    )
    batch.execute(statement, [latest[key] for key in sorted(latest)])


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
    if rows:
        statement = insert_into(batch.connection, run_tags)
        statement = statement.on_conflict_do_update(index_elements=["run", "key"], set_={"value": statement.excluded.value})
        batch.execute(statement, rows)


def delete_tag(store: Store, run_id: str, key: str) -> bool:
    """False if there was no such tag."""
    with store.measure() as batch:
        run = active_run(batch.connection, run_id)
        return bool(batch.execute(delete(run_tags).where(run_tags.c.run == run, run_tags.c.key == key)).rowcount)


def log_inputs(
    store: Store, run_id: str, inputs: Sequence[Mapping[str, Any]], models: Iterable[tuple[str, str, int]] = ()
) -> None:
    """Datasets that a run read, and logged models that it read or wrote: (direction, model id, step)."""
    with store.measure() as batch:
        run = active_run(batch.connection, run_id)
        for one in inputs:
            row = {**one, "run": run, "tags": json.dumps(one.get("tags", {}))}
            batch.execute(upsert(batch.connection, run_inputs, row, ["run", "name", "digest"]))
        for direction, model_id, step in models:
            row = {"run": run, "direction": direction, "model_id": model_id, "step": step}
            batch.execute(upsert(batch.connection, run_models, row, ["run", "direction", "model_id"]))


def log_model_metrics(
    store: Store, model_id: str, run_id: str, points: Sequence[Point], dataset: tuple[str, str] = ("", "")
) -> None:
    """Points that speak of a logged model, on a dataset if one is named."""
    with store.measure() as batch:
        for point in points:
            row = {name: value for name, value in _point(0, *point).items() if name != "run"}
            row |= {"model_id": model_id, "run_id": run_id, "dataset_name": dataset[0], "dataset_digest": dataset[1]}
            key = [column.name for column in logged_model_metrics.primary_key]
            batch.execute(upsert(batch.connection, logged_model_metrics, row, key))


def set_logged_model(
    store: Store, model_id: str, *, tags: Mapping[str, str] | None = None, params: Mapping[str, str] | None = None
) -> None:
    with store.measure() as batch:
        for table, said in ((logged_model_tags, tags), (logged_model_params, params)):
            for key, value in sorted((said or {}).items()):
                row = {"model_id": model_id, "key": key_of(key, "logged model"), "value": value}
                batch.execute(upsert(batch.connection, table, row, ["model_id", "key"]))


def delete_logged_model_tag(store: Store, model_id: str, key: str) -> bool:
    with store.measure() as batch:
        same = (logged_model_tags.c.model_id == model_id, logged_model_tags.c.key == key)
        return bool(batch.execute(delete(logged_model_tags).where(*same)).rowcount)


def put_artifact(store: Store, workspace: str, root: str, path: str, digest: str, size: int) -> None:
    """Name a blob as a file under `runs/ID` or `models/m-ID`. Raises BadInput where a folder has that name, or a file is its folder."""
    parts = path.split("/")
    folders = ["/".join(parts[:count]) for count in range(1, len(parts))]
    here = (artifacts.c.workspace == workspace, artifacts.c.root == root)
    with store.measure() as batch:
        db = batch.connection
        file = db.execute(select(artifacts.c.path).where(*here, artifacts.c.path.in_(folders))).scalar()
        inside = db.execute(select(artifacts.c.path).where(*here, *queries.below(path)).limit(1)).scalar()
        if file or inside:
            raise BadInput(f"{file or path} is a {'file' if file else 'folder'} already", root, "choose another path")
        name_artifact(batch, workspace, root, path, digest, size)


def name_artifact(batch: Batch, workspace: str, root: str, path: str, digest: str, size: int) -> None:
    """The same within a batch, without a look at what else has that name."""
    row = {"workspace": workspace, "root": root, "path": path, "digest": digest, "bytes": size}
    batch.execute(upsert(batch.connection, artifacts, row, ["workspace", "root", "path"]))


def delete_artifacts(store: Store, workspace: str, root: str, path: str = "") -> int:
    """Forget a file, or all files of a folder; returns how many. Blobs stay until nothing names them."""
    here = (artifacts.c.workspace == workspace, artifacts.c.root == root)
    with store.measure() as batch:
        gone = batch.execute(delete(artifacts).where(*here, *queries.below(path))).rowcount
        return int(gone + batch.execute(delete(artifacts).where(*here, artifacts.c.path == path)).rowcount)


def insert_into(connection: Connection, table: Table) -> Any:
    """The dialect's INSERT, which knows ON CONFLICT; without values, so that one compiled statement serves every batch."""
    return (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
