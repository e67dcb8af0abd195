"""Runs, experiments and logged models by filter and order: the same answer on SQLite and PostgreSQL."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Connection, String, and_, case, exists, func, literal, or_, select

from regie.tracking import queries
from regie.tracking.filter import NULL_OPERATORS, Clause, Order
from regie.tracking.keyset import FIRST, Column, Slice, Window, read
from regie.tracking.tables import (
    experiment_tags,
    experiments,
    latest_metrics,
    params,
    run_inputs,
    run_tags,
    runs,
)
from regie.tracking.types import RUN_NAME, Experiment, Run

ARTIFACTS = "mlflow-artifacts:/"
VIEWS = {"ACTIVE_ONLY": ("active",), "DELETED_ONLY": ("deleted",), "ALL": ("active", "deleted")}
DATASETS, JOINED = 1000, 3
_KEYED = {"metric": latest_metrics, "param": params, "tag": run_tags}
_COMPARISONS: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
}  # fmt: skip
_RUN_COLUMNS: dict[str, Any] = {
    "run_id": runs.c.id, "status": runs.c.status, "user_id": runs.c.user, "start_time": runs.c.start_wall_ms,
    "end_time": runs.c.end_wall_ms, "artifact_uri": literal(f"{ARTIFACTS}runs/", String) + runs.c.id,
}  # fmt: skip
_NUMBERS = ("start_time", "end_time", "creation_time", "last_update_time")
_EXPERIMENT_COLUMNS: dict[str, Any] = {
    "name": experiments.c.name, "experiment_id": experiments.c.id, "creation_time": experiments.c.created_wall_ms,
    "last_update_time": experiments.c.updated_wall_ms,
}  # fmt: skip


def compare(db: Connection, column: Any, clause: Clause) -> ColumnElement[bool]:
    """One comparison of a column, which does not hold where the column has no value."""
    if clause.operator == "LIKE":
        return like(db, column, str(clause.value))
    if clause.operator == "ILIKE":
        postgresql = db.dialect.name == "postgresql"
        return column.ilike(clause.value, escape="" if postgresql else None)  # type: ignore[no-any-return]
    if isinstance(clause.value, tuple):
        return among(db, column, clause.value) if clause.operator == "IN" else ~among(db, column, clause.value)
    return _COMPARISONS[clause.operator](column, clause.value)


def among(db: Connection, column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    """One of the values, however many: a database takes some ten thousand variables, and this is one."""
    if len(values) == 1:
        return column == values[0]  # type: ignore[no-any-return]
    if db.dialect.name == "postgresql":
        return column == func.any(literal(list(values), ARRAY(column.type)))  # type: ignore[no-any-return]
    return column.in_(select(func.json_each(json.dumps(list(values))).table_valued("value").c.value))  # type: ignore[no-any-return]


def like(db: Connection, column: Any, pattern: str) -> ColumnElement[bool]:
    """LIKE that tells upper from lower case. SQLite's does not; its GLOB does."""
    if db.dialect.name == "postgresql":
        return column.like(pattern, escape="")  # type: ignore[no-any-return]
    glob = "".join({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(letter, letter) for letter in pattern)
    return column.op("GLOB", is_comparison=True)(glob)  # type: ignore[no-any-return]


def keyed(db: Connection, table: Any, owner: ColumnElement[bool], clause: Clause, count: int = 1) -> ColumnElement[bool]:
    """A comparison with the row of one key; `!=` does not match where the key is missing. `count`: how many clauses the filter has."""
    mine = (owner, table.c.key == clause.key)
    if clause.operator in NULL_OPERATORS:
        found = there(db, count, *mine)
        return found if clause.operator == "IS NOT NULL" else ~found
    return there(db, count, *mine, valued(db, table, clause))


def there(db: Connection, count: int, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """A row that fits. In a filter of many clauses it is looked up thing by thing on PostgreSQL, by OFFSET: its planner weighs all the ways
    to join what an EXISTS names, and a filter of a hundred took 8 GB and the server with it."""
    if count <= JOINED or db.dialect.name != "postgresql":
        return exists().where(*where)
    return select(literal(1)).where(*where).offset(0).exists()


def valued(db: Connection, table: Any, clause: Clause) -> ColumnElement[bool]:
    """NaN is unequal to every number, and neither above nor below any."""
    holds = compare(db, table.c.value, clause)
    if clause.kind != "metric":
        return holds
    return or_(holds, table.c.is_nan) if clause.operator == "!=" else and_(holds, ~table.c.is_nan)


def runs_found(
    db: Connection, workspace: str, experiment_ids: Sequence[str] | None, clauses: Sequence[Clause] = (), orders: Sequence[Order] = (),
    view: str = "ACTIVE_ONLY", window: Window = FIRST, where: Sequence[ColumnElement[bool]] = (),
) -> Slice[Run]:  # fmt: skip
    """Runs of some experiments, or with None of all; newest first where the orders leave it open.

    A metric, parameter or tag that the order names is looked up once a run, for the filter too: the database walks the runs of the
    experiments, whatever it knows of the tables' sizes, and finds the value by its key.
    """
    places = [place for one in orders if (place := _place(one.kind, one.key)) is not None]
    joined = {place: _KEYED[place[0]].alias() for place in places}
    beside: Any = runs
    for (_, key), table in joined.items():
        beside = beside.outerjoin(table, and_(table.c.run == runs.c.key, table.c.key == key))
    query = (
        select(*queries.RUN_COLUMNS)
        .select_from(beside)
        .where(*_wanted(db, workspace, experiment_ids, clauses, view, joined), *where)
    )
    columns = [column for order in orders for column in _run_order(order, joined)]
    if ("attribute", "start_time") not in {(one.kind, one.key) for one in orders}:
        columns.append(Column(runs.c.start_wall_ms, int, ascending=False))
    rows, end = read(db, query, [*columns, Column(runs.c.id, str)], window)
    return Slice([Run(*row[: len(queries.RUN_COLUMNS)]) for row in rows], end)


def runs_counted(
    db: Connection, workspace: str, experiment_ids: Sequence[str] | None, clauses: Sequence[Clause], most: int,
    where: Sequence[ColumnElement[bool]] = (),
) -> int:  # fmt: skip
    """How many runs a filter finds; it stops counting at `most`."""
    found = (
        select(literal(1)).select_from(runs).where(*_wanted(db, workspace, experiment_ids, clauses, "ACTIVE_ONLY", {}), *where)
    )
    return int(db.execute(select(func.count()).select_from(found.limit(most).subquery())).scalar_one())


def _wanted(
    db: Connection, workspace: str, experiment_ids: Sequence[str] | None, clauses: Sequence[Clause], view: str,
    joined: Mapping[tuple[str, str], Any],
) -> list[ColumnElement[bool]]:  # fmt: skip
    """What the runs fulfil that a filter finds."""
    here = [runs.c.workspace == workspace, runs.c.lifecycle.in_(VIEWS[view])]
    here += [] if experiment_ids is None else [among(db, runs.c.experiment_id, experiment_ids)]
    return [*here, *(_of_run(db, clause, joined, len(clauses)) for clause in clauses)]


def _place(kind: str, key: str) -> tuple[str, str] | None:
    """The table and the key that an order names; a run's name is a tag."""
    if kind == "attribute":
        return ("tag", RUN_NAME) if key == "run_name" else None
    return kind, key


def _of_run(db: Connection, clause: Clause, joined: Mapping[tuple[str, str], Any], count: int) -> ColumnElement[bool]:
    if clause.kind == "dataset":
        return there(db, count, run_inputs.c.run == runs.c.key, compare(db, run_inputs.c[clause.key], clause))
    place = _place(clause.kind, clause.key)
    if place is None:
        return compare(db, _RUN_COLUMNS[clause.key], clause)
    if (table := joined.get(place)) is not None:
        if clause.operator in NULL_OPERATORS:
            return table.c.key.is_(None) if clause.operator == "IS NULL" else table.c.key.is_not(None)  # type: ignore[no-any-return]
        return valued(db, table, clause)
    table = _KEYED[place[0]]
    return keyed(db, table, table.c.run == runs.c.key, Clause(clause.kind, place[1], clause.operator, clause.value), count)


def _run_order(order: Order, joined: Mapping[tuple[str, str], Any]) -> list[Column]:
    """NaN, then what is missing, come last in both directions."""
    place = _place(order.kind, order.key)
    if place is None:
        number = order.key in _NUMBERS
        return [Column(_RUN_COLUMNS[order.key], int if number else str, order.ascending, nullable=order.key == "end_time")]
    table = joined[place]
    if order.kind != "metric":
        return [Column(table.c.value, str, order.ascending, nullable=True)]
    rank = case((table.c.value.is_(None), 2), (table.c.is_nan, 1), else_=0)
    return [Column(rank, int), Column(table.c.value, float, order.ascending, nullable=True)]


def experiments_found(
    db: Connection, workspace: str, clauses: Sequence[Clause] = (), orders: Sequence[Order] = (), view: str = "ACTIVE_ONLY",
    window: Window = FIRST,
) -> Slice[Experiment]:  # fmt: skip
    """Experiments; the newest first where the orders leave it open."""
    query = select(*queries.EXPERIMENT_COLUMNS).where(
        experiments.c.workspace == workspace, experiments.c.lifecycle.in_(VIEWS[view])
    )
    for clause in clauses:
        if clause.kind == "tag":
            query = query.where(
                keyed(db, experiment_tags, experiment_tags.c.experiment_id == experiments.c.id, clause, len(clauses))
            )
        else:
            query = query.where(compare(db, _EXPERIMENT_COLUMNS[clause.key], clause))
    named = orders or [Order("attribute", "creation_time", ascending=False), Order("attribute", "experiment_id")]
    rows, end = read(db, query, attributes(named, _EXPERIMENT_COLUMNS, _NUMBERS, ("experiment_id", False)), window)
    return Slice(queries.with_tags(db, [row[: len(queries.EXPERIMENT_COLUMNS)] for row in rows]), end)


def attributes(orders: Sequence[Order], columns: dict[str, Any], numbers: Sequence[str], *last: tuple[str, bool]) -> list[Column]:
    """The orders as columns, and behind them the `last` ones, which make every position unique, where no order names them."""
    named = {one.key for one in orders}
    all_orders = [*orders, *(Order("attribute", key, ascending) for key, ascending in last if key not in named)]
    return [Column(columns[one.key], int if one.key in numbers else str, one.ascending) for one in all_orders]


def datasets_found(db: Connection, workspace: str, experiment_ids: Sequence[str]) -> list[Any]:
    """(experiment id, name, digest, context) of the datasets that runs of the workspace's experiments read, 1,000 at most."""
    table = run_inputs.c
    query = (
        select(runs.c.experiment_id, table.name, table.digest, table.context)
        .distinct()
        .join(runs, runs.c.key == table.run)
        .where(runs.c.workspace == workspace, among(db, runs.c.experiment_id, experiment_ids))
    )
    return list(db.execute(query.order_by(runs.c.experiment_id, table.name, table.digest, table.context).limit(DATASETS)))
