"""Runs with what they measured as the JSON text that MLflow's wire carries.

A page of a thousand runs is some thirty thousand metrics, parameters and tags; an object for each would cost more than finding them.
So parameters and tags become text in the database, and a metric's row becomes text at once (a float's shortest exact form is Python's;
SQLite's own has 15 digits).
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from sqlalchemy import ARRAY, Connection, Integer, Table, Text, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from regie.tracking.tables import latest_metrics, params, run_inputs, run_models, run_tags
from regie.tracking.types import RUN_NAME, Run

ROOT = "mlflow-artifacts:/"


def _among(column: Any, dialect: str) -> Any:
    """Built once with the keys as one variable: SQLAlchemy would write a list of a thousand anew each time."""
    if dialect == "postgresql":
        return column == func.any(bindparam("keys", type_=ARRAY(Integer)))
    return column.in_(select(func.json_each(bindparam("keys")).table_valued("value").c.value))


def _pairs(table: Table, dialect: str) -> Any:
    """(run, its keys and values as a JSON list) of each run that has any, by key."""
    key, value = table.c.key, table.c.value
    if dialect == "postgresql":
        one = func.json_build_object("key", key, "value", value)
        found: Any = cast(func.json_agg(aggregate_order_by(one, key.collate("C"))), Text)  # as text: psycopg would parse it
    else:
        found = func.json_group_array(func.json_object("key", key, "value", value), type_=Text)
    return select(table.c.run, found).where(_among(table.c.run, dialect)).group_by(table.c.run)


def _read(table: Table, *names: str) -> dict[str, Any]:
    """For each dialect: those columns of the rows of some runs, in the order of their keys."""
    columns, order = [table.c[name] for name in names], list(table.primary_key)
    return {
        dialect: select(*columns).where(_among(table.c.run, dialect)).order_by(*order) for dialect in ("sqlite", "postgresql")
    }


_PARAMS = {dialect: _pairs(params, dialect) for dialect in ("sqlite", "postgresql")}
_TAGS = {dialect: _pairs(run_tags, dialect) for dialect in ("sqlite", "postgresql")}
_METRICS = _read(latest_metrics, "run", "key", "value", "is_nan", "timestamp_wall_ms", "step")
_INPUTS = _read(run_inputs, "run", "name", "digest", "source_type", "source", "schema", "profile", "tags")
_MODELS = _read(run_models, "run", "direction", "model_id", "step")
_NAMES = {
    dialect: select(run_tags.c.run, run_tags.c.value).where(_among(run_tags.c.run, dialect), run_tags.c.key == RUN_NAME)
    for dialect in ("sqlite", "postgresql")
}


def texts(db: Connection, found: Sequence[Run]) -> list[str]:
    """The JSON text of each run, in their order."""
    if not found:
        return []
    keys: Any = [one.key for one in found]
    dialect = "postgresql" if db.dialect.name == "postgresql" else "sqlite"
    said = {"keys": keys if dialect == "postgresql" else json.dumps(keys)}
    names: dict[int, str] = {row[0]: row[1] for row in db.execute(_NAMES[dialect], said)}
    data: dict[int, list[str]] = {key: [] for key in keys}
    # The driver's own rows: SQLAlchemy's around them would take a fifth of the time.
    for run, points in _metrics(db.execute(_METRICS[dialect], said).cursor).items():
        data[run].append(f'"metrics":[{",".join(points)}]')
    for name, statement in (("params", _PARAMS), ("tags", _TAGS)):
        for run, pairs in db.execute(statement[dialect], said):
            data[run].append(f'"{name}":{pairs}')
    inputs, outputs = _used(db, dialect, said)
    return [
        f'{{"info":{_info(one, names.get(one.key, ""))},"data":{{{",".join(data[one.key])}}},'
        f'"inputs":{{{inputs.get(one.key, "")}}},"outputs":{{{outputs.get(one.key, "")}}}}}'
        for one in found
    ]  # fmt: skip


def _info(one: Run, name: str) -> str:
    ended = "" if one.end_wall_ms is None else f'"end_time":{one.end_wall_ms},'
    return (
        f'{{"run_id":"{one.id}","run_uuid":"{one.id}","run_name":{quoted(name)},"experiment_id":{quoted(one.experiment_id)},'
        f'"user_id":{quoted(one.user)},"status":"{one.status}","start_time":{one.start_wall_ms},{ended}'
        f'"artifact_uri":"{ROOT}{one.root}","lifecycle_stage":"{one.lifecycle}"}}'
    )


def _metrics(rows: Any) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    for run, key, value, is_nan, timestamp, step in rows:
        said = '"NaN"' if is_nan else repr(value)
        found[run].append(f'{{"key":{quoted(key)},"value":{said},"timestamp":{timestamp},"step":{step}}}')
    return found


def _used(db: Connection, dialect: str, said: dict[str, Any]) -> tuple[dict[int, str], dict[int, str]]:
    """What each run read (datasets, models) and wrote (models), as the inside of an object."""
    datasets: dict[int, list[Any]] = defaultdict(list)
    models: dict[str, dict[int, list[Any]]] = {"input": defaultdict(list), "output": defaultdict(list)}
    for run, *values, tags in db.execute(_INPUTS[dialect], said):
        fields = zip(("name", "digest", "source_type", "source", "schema", "profile"), values, strict=True)
        pairs = [{"key": key, "value": value} for key, value in json.loads(tags).items()]
        dataset = {name: value for name, value in fields if value or name not in ("schema", "profile")}
        datasets[run].append(({"tags": pairs} if pairs else {}) | {"dataset": dataset})
    for run, direction, model_id, step in db.execute(_MODELS[dialect], said):
        models[direction][run].append({"model_id": model_id} | ({"step": step} if direction == "output" else {}))
    read = {run: f'"dataset_inputs":{json.dumps(found)}' for run, found in datasets.items()}
    for run, found in models["input"].items():
        read[run] = ",".join([*([read[run]] if run in read else []), f'"model_inputs":{json.dumps(found)}'])
    return read, {run: f'"model_outputs":{json.dumps(found)}' for run, found in models["output"].items()}
