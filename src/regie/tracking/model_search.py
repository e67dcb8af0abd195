"""Logged models by filter, datasets and order: the same answer on SQLite and PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, and_, case, exists, literal, or_, select

from regie.tracking import queries
from regie.tracking.filter import Clause, Order
from regie.tracking.keyset import FIRST, Column, Slice, Window, read
from regie.tracking.search import among, compare, keyed, there, valued
from regie.tracking.tables import logged_model_metrics, logged_model_params, logged_model_tags, logged_models
from regie.tracking.types import LoggedModel

Dataset = tuple[str, str]  # name and digest; an empty digest for any
_table = logged_models.c
_points = logged_model_metrics.c
_COLUMNS: dict[str, Any] = {
    "creation_timestamp": _table.created_wall_ms, "last_updated_timestamp": _table.updated_wall_ms, "name": _table.name,
    "model_id": _table.id, "model_type": _table.type, "source_run_id": _table.source_run_id, "experiment_id": _table.experiment_id,
    "status": case(
        (_table.status == 1, literal("PENDING", String)), (_table.status == 2, literal("READY", String)),
        else_=literal("FAILED", String),
    ),
}  # fmt: skip
_NUMBERS = ("creation_timestamp", "last_updated_timestamp")


@dataclass(frozen=True)
class ModelOrder:
    """One key to sort by; a metric's value on one dataset, where one is named."""

    by: Order
    dataset: Dataset = ("", "")


def logged_models_found(
    db: Connection, workspace: str, experiment_ids: Sequence[str], clauses: Sequence[Clause] = (), datasets: Sequence[Dataset] = (),
    orders: Sequence[ModelOrder] = (), window: Window = FIRST,
) -> Slice[LoggedModel]:  # fmt: skip
    """Logged models of some experiments; newest first where the orders leave it open.

    A model fits a metric's comparison if any of its points does; where datasets are named, any of its points on one of them.
    """
    query = select(*queries.LOGGED_MODEL_COLUMNS).where(
        _table.workspace == workspace, among(db, _table.experiment_id, experiment_ids), _table.lifecycle == "active"
    )
    on = or_(*(_on(one) for one in datasets)) if datasets else None
    query = query.where(*(_fits(db, clause, on, len(clauses)) for clause in clauses))
    if on is not None and not any(clause.kind == "metric" for clause in clauses):
        query = query.where(exists().where(_points.model_id == _table.id, on))
    named = {one.by.key for one in orders if one.by.kind == "attribute"}
    columns = [_column(one) for one in orders]
    if "creation_timestamp" not in named:
        columns.append(Column(_table.created_wall_ms, int, ascending=False))
    if "model_id" not in named:
        columns.append(Column(_table.id, str))
    rows, end = read(db, query, columns, window)
    return Slice([LoggedModel(*row[: len(queries.LOGGED_MODEL_COLUMNS)]) for row in rows], end)


def _on(dataset: Dataset) -> ColumnElement[bool]:
    name, digest = dataset
    return and_(_points.dataset_name == name, *([_points.dataset_digest == digest] if digest else []))


def _fits(db: Connection, clause: Clause, on: ColumnElement[bool] | None, count: int) -> ColumnElement[bool]:
    if clause.kind == "attribute":
        return compare(db, _COLUMNS[clause.key], clause)
    if clause.kind != "metric":
        table = {"param": logged_model_params, "tag": logged_model_tags}[clause.kind]
        return keyed(db, table, table.c.model_id == _table.id, clause, count)
    mine = (_points.model_id == _table.id, _points.key == clause.key, *([] if on is None else [on]))
    return there(db, count, *mine, valued(db, logged_model_metrics, clause))


def _column(order: ModelOrder) -> Column:
    """A metric's newest value; NaN comes with what is missing, last."""
    by = order.by
    if by.kind == "attribute":
        return Column(_COLUMNS[by.key], int if by.key in _NUMBERS else str, by.ascending)
    points = logged_model_metrics.alias().c
    on = [points.dataset_name == order.dataset[0]] if order.dataset[0] else []
    on += [points.dataset_digest == order.dataset[1]] if order.dataset[1] else []
    newest = (
        select(case((points.is_nan, None), else_=points.value))
        .where(points.model_id == _table.id, points.key == by.key, *on)
        .order_by(points.timestamp_wall_ms.desc(), points.step.desc(), points.run_id)
        .limit(1)
    )
    return Column(newest.scalar_subquery(), float, by.ascending, nullable=True)
