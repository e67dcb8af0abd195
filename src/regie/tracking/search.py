"""Filters and orders as SQL: the same answer on SQLite and PostgreSQL."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, exists, func, literal, select

from regie.base.errors import BadInput
from regie.tracking import queries
from regie.tracking.filter import NULL_OPERATORS, NUMERIC_OPERATORS, TEXT_OPERATORS, Clause, Order
from regie.tracking.tables import (
    experiment_tags,
    experiments,
    latest_metrics,
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
    params,
    run_inputs,
    run_tags,
    runs,
)
from regie.tracking.types import RUN_NAME, Experiment, LoggedModel, Run

ARTIFACTS = "mlflow-artifacts:/"
VIEWS = {"ACTIVE_ONLY": ("active",), "DELETED_ONLY": ("deleted",), "ALL": ("active", "deleted")}
_NUMERIC: dict[str, Callable[[Any, Any], ColumnElement[bool]]] = {
    "=": lambda a, b: a == b, "!=": lambda a, b: a != b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
}  # fmt: skip
_run_name = select(run_tags.c.value).where(run_tags.c.run == runs.c.key, run_tags.c.key == RUN_NAME).scalar_subquery()
RUN_NUMBERS: dict[str, Any] = {
    "start_time": runs.c.start_wall_ms,
    "created": runs.c.start_wall_ms,
    "end_time": runs.c.end_wall_ms,
}
RUN_TEXTS: dict[str, Any] = {
    "run_id": runs.c.id, "status": runs.c.status, "user_id": runs.c.user, "user": runs.c.user,
    "artifact_uri": literal(ARTIFACTS + "runs/") + runs.c.id, "run_name": _run_name, "run name": _run_name,
}  # fmt: skip
_INPUTS: dict[str, Any] = {"name": run_inputs.c.name, "digest": run_inputs.c.digest, "context": run_inputs.c.context}


def compare(db: Connection, column: Any, clause: Clause, numeric: bool = False) -> ColumnElement[bool]:
    """One comparison of a column. Raises BadInput for an operator or a value that does not fit."""
    allowed = NUMERIC_OPERATORS if numeric else TEXT_OPERATORS
    if clause.operator not in allowed:
        raise BadInput(
            f"{clause.operator} does not fit {clause.kind} {clause.key}", "filter", "write one of " + " ".join(allowed)
        )
    if numeric != isinstance(clause.value, int | float):
        raise BadInput(f"{clause.value!r} does not fit {clause.kind} {clause.key}", "filter",
                       "write a number" if numeric else "write text in quotes")  # fmt: skip
    if clause.operator == "LIKE":
        return like(db, column, str(clause.value))
    if clause.operator == "ILIKE":
        postgresql = db.dialect.name == "postgresql"
        return column.ilike(clause.value, escape="" if postgresql else None)  # type: ignore[no-any-return]
    if clause.operator in ("IN", "NOT IN"):
        inside = column.in_(clause.value)
        return inside if clause.operator == "IN" else ~inside  # type: ignore[no-any-return]
    return _NUMERIC[clause.operator](column, clause.value)


def like(db: Connection, column: Any, pattern: str) -> ColumnElement[bool]:
    """LIKE that tells upper from lower case. SQLite's does not; its GLOB does."""
    if db.dialect.name == "postgresql":
        return column.like(pattern, escape="")  # type: ignore[no-any-return]
    glob = "".join({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(letter, letter) for letter in pattern)
    return column.op("GLOB", is_comparison=True)(glob)  # type: ignore[no-any-return]


def keyed(db: Connection, table: Any, owner: ColumnElement[bool], clause: Clause) -> ColumnElement[bool]:
    """A comparison with the row of one key; `!=` does not match where the key is missing."""
    mine = (owner, table.c.key == clause.key)
    if clause.operator in NULL_OPERATORS:
        found = exists().where(*mine)
        return found if clause.operator == "IS NOT NULL" else ~found
    if clause.kind == "metric":
        return exists().where(*mine, ~table.c.is_nan, compare(db, table.c.value, clause, numeric=True))
    return exists().where(*mine, compare(db, table.c.value, clause))


def attribute(db: Connection, clause: Clause, numbers: dict[str, Any], texts: dict[str, Any]) -> ColumnElement[bool]:
    """A comparison with a column."""
    key = clause.key.lower()
    if clause.operator in NULL_OPERATORS and key in texts | numbers:
        empty = (texts | numbers)[key].is_(None)
        return empty if clause.operator == "IS NULL" else ~empty  # type: ignore[no-any-return]
    if key in numbers:
        return compare(db, numbers[key], clause, numeric=True)
    if key in texts:
        return compare(db, texts[key], clause)
    raise BadInput(f"there is no attribute {clause.key}", "filter or order_by", "write one of " + ", ".join(numbers | texts))


def _of_run(db: Connection, clause: Clause) -> ColumnElement[bool]:
    tables = {"metric": latest_metrics, "param": params, "tag": run_tags}
    if clause.kind == "attribute":
        return attribute(db, clause, RUN_NUMBERS, RUN_TEXTS)
    if clause.kind == "dataset":
        return exists().where(run_inputs.c.run == runs.c.key, attribute(db, clause, {}, _INPUTS))
    table = tables[clause.kind]
    return keyed(db, table, table.c.run == runs.c.key, clause)


def _ordered(query: Select[Any], order: Order) -> Select[Any]:
    """NaN, then what is missing, come last in both directions."""
    if order.kind == "attribute":
        column = (RUN_NUMBERS | RUN_TEXTS).get(order.key.lower())
        if column is None:
            raise BadInput(f"there is no attribute {order.key}", "order_by", "write one of " + ", ".join(RUN_NUMBERS | RUN_TEXTS))
        rank = case((column.is_(None), 1), else_=0)
    elif order.kind == "dataset":
        raise BadInput("runs cannot be sorted by datasets", "order_by", "sort by a metric, parameter, tag or attribute")
    else:
        table = {"metric": latest_metrics, "param": params, "tag": run_tags}[order.kind].alias()
        query = query.outerjoin(table, and_(table.c.run == runs.c.key, table.c.key == order.key))
        column = table.c.value
        missing = (column.is_(None), 2)
        rank = case(missing, (table.c.is_nan, 1), else_=0) if order.kind == "metric" else case(missing, else_=0)
    return query.order_by(rank, column.asc() if order.ascending else column.desc())


def runs_found(
    db: Connection, workspace: str, experiment_ids: Sequence[str], clauses: Sequence[Clause] = (), orders: Sequence[Order] = (),
    view: str = "ACTIVE_ONLY", limit: int = 1000, offset: int = 0,
) -> list[Run]:  # fmt: skip
    """Runs of some experiments; newest first where the orders leave it open."""
    query = select(*queries.RUN_COLUMNS).where(
        runs.c.workspace == workspace, runs.c.experiment_id.in_(experiment_ids), runs.c.lifecycle.in_(VIEWS[view])
    )
    query = query.where(*(_of_run(db, clause) for clause in clauses)).select_from(runs)
    for order in orders:
        query = _ordered(query, order)
    query = query.order_by(runs.c.start_wall_ms.desc(), runs.c.id).limit(limit).offset(offset)
    return [Run(**row._mapping) for row in db.execute(query)]


def experiments_found(
    db: Connection, workspace: str, clauses: Sequence[Clause] = (), orders: Sequence[Order] = (), view: str = "ACTIVE_ONLY",
    limit: int = 1000, offset: int = 0,
) -> list[Experiment]:  # fmt: skip
    """Experiments; last changed first where the orders leave it open."""
    numbers = {"creation_time": experiments.c.created_wall_ms, "last_update_time": experiments.c.updated_wall_ms}
    texts = {"name": experiments.c.name, "experiment_id": experiments.c.id}
    query = select(experiments).where(experiments.c.workspace == workspace, experiments.c.lifecycle.in_(VIEWS[view]))
    for clause in clauses:
        if clause.kind == "tag":
            query = query.where(keyed(db, experiment_tags, experiment_tags.c.experiment_id == experiments.c.id, clause))
        else:
            query = query.where(attribute(db, _plain(clause), numbers, texts))
    query = query.order_by(*directions(orders, numbers | texts), experiments.c.updated_wall_ms.desc(), experiments.c.id)
    return queries.with_tags(db, db.execute(query.limit(limit).offset(offset)).all())


def logged_models_found(
    db: Connection, workspace: str, experiment_ids: Sequence[str], clauses: Sequence[Clause] = (), orders: Sequence[Order] = (),
    limit: int = 50, offset: int = 0,
) -> list[LoggedModel]:  # fmt: skip
    """Logged models of some experiments; newest first where the orders leave it open."""
    table = logged_models.c
    numbers = {"creation_timestamp": table.created_wall_ms, "creation_time": table.created_wall_ms,
               "last_updated_timestamp": table.updated_wall_ms}  # fmt: skip
    status = case((table.status == 1, "PENDING"), (table.status == 2, "READY"), else_="FAILED")
    texts = {
        "name": table.name,
        "model_id": table.id,
        "model_type": table.type,
        "source_run_id": table.source_run_id,
        "status": status,
    }
    tables = {"metric": logged_model_metrics, "param": logged_model_params, "tag": logged_model_tags}
    query = select(logged_models).where(
        table.workspace == workspace, table.experiment_id.in_(experiment_ids), table.lifecycle == "active"
    )
    for clause in clauses:
        if clause.kind in tables:
            beside = tables[clause.kind]
            query = query.where(keyed(db, beside, beside.c.model_id == table.id, clause))
        else:
            query = query.where(attribute(db, _plain(clause), numbers, texts))
    for order in (one for one in orders if one.kind == "metric"):
        mine = (logged_model_metrics.c.model_id == table.id, logged_model_metrics.c.key == order.key)
        best = select(func.max(logged_model_metrics.c.value)).where(*mine).scalar_subquery()
        query = query.order_by(case((best.is_(None), 1), else_=0), best.asc() if order.ascending else best.desc())
    plain = [one for one in orders if one.kind != "metric"]
    query = query.order_by(*directions(plain, numbers | texts), table.created_wall_ms.desc(), table.id.desc())
    return [LoggedModel(**row._mapping) for row in db.execute(query.limit(limit).offset(offset))]


def directions(orders: Sequence[Order], columns: dict[str, Any]) -> list[Any]:
    """ORDER BY over columns, missing last."""
    found = []
    for order in orders:
        column = columns.get(order.key.lower()) if order.kind == "attribute" else None
        if column is None:
            raise BadInput(f"there is no attribute {order.key}", "order_by", "write one of " + ", ".join(columns))
        found += [case((column.is_(None), 1), else_=0), column.asc() if order.ascending else column.desc()]
    return found


def datasets_found(db: Connection, experiment_ids: Sequence[str]) -> list[Any]:
    """(experiment id, name, digest, context) of the datasets that active runs read."""
    table = run_inputs.c
    query = (
        select(runs.c.experiment_id, table.name, table.digest, table.context)
        .distinct()
        .join(runs, runs.c.key == table.run)
        .where(runs.c.experiment_id.in_(experiment_ids), runs.c.lifecycle == "active")
    )
    return list(db.execute(query.order_by(table.name, table.digest).limit(1000)))


def _plain(clause: Clause) -> Clause:
    if clause.kind != "attribute":
        raise BadInput(f"{clause.kind} cannot be compared here", "filter", "compare an attribute or a tag")
    return clause
