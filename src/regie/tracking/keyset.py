"""Pages that begin where the last one ended, so that the hundredth is found as fast as the first.

The end of a page is the position of its last thing under the order: a value for each column, None for what is missing. Things with the
same values are told apart by the last column, which must be unique. What is missing comes last, in both directions. The order of
text is that of its code points, on both databases.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, false, or_

from regie.base.errors import BadInput
from regie.tracking.filter import storable

T = TypeVar("T")
Position = tuple[str | int | float | None, ...]
_INT64 = 1 << 63


@dataclass(frozen=True)
class Column:
    """One column of an order, and what it holds."""

    of: Any
    kind: type[str] | type[int] | type[float]
    ascending: bool = True
    nullable: bool = False


@dataclass(frozen=True)
class Window:
    """Which part is wanted: `limit` things, after a position or after as many as `offset` says."""

    limit: int
    offset: int = 0
    after: Position | None = None


FIRST = Window(1000)


@dataclass(frozen=True)
class Slice(Generic[T]):
    """A page; `next` is the position after which the following one begins, None for the last one."""

    found: list[T] = field(default_factory=list)
    next: Position | None = None


def read(db: Connection, query: Select[Any], columns: Sequence[Column], window: Window) -> tuple[list[Any], Position | None]:
    """The rows of a page, each with the values of the order behind its own, and where the next page begins.

    Raises BadInput for a position that is none of this order.
    """
    collated = [Column(_collated(db, one), one.kind, one.ascending, one.nullable) for one in columns]
    query = query.add_columns(*(one.of.label(f"at_{place}") for place, one in enumerate(columns)))
    if window.after is not None:
        query = query.where(_after(collated, window.after))
    query = query.order_by(*(_direction(one) for one in collated)).limit(window.limit + 1)
    if window.offset:
        query = query.offset(window.offset)
    rows = db.execute(query).all()
    more = len(rows) > window.limit > 0
    return list(rows[: window.limit]), tuple(rows[window.limit - 1][-len(columns) :]) if more else None


def _collated(db: Connection, column: Column) -> Any:
    return column.of.collate("C") if column.kind is str and db.dialect.name == "postgresql" else column.of


def _direction(column: Column) -> Any:
    found = column.of.asc() if column.ascending else column.of.desc()
    return found.nulls_last() if column.nullable else found


def _after(columns: Sequence[Column], position: Position) -> ColumnElement[bool]:
    """Behind the position: beyond it in the first column, or equal there and behind it in the rest."""
    if len(position) != len(columns) or not all(fits(one, value) for one, value in zip(columns, position, strict=True)):
        raise BadInput("the page token is none of this order", "page_token", "send what the last page gave, with the same order")
    # One OR over all columns, not one inside the other: SQLite's parser is a hundred brackets deep.
    ways, same = list[ColumnElement[bool]](), list[ColumnElement[bool]]()
    for column, value in zip(columns, position, strict=True):
        if value is None:
            same.append(column.of.is_(None))
            continue
        beyond = column.of > value if column.ascending else column.of < value
        ways.append(and_(*same, or_(beyond, column.of.is_(None)) if column.nullable else beyond))
        same.append(column.of == value)
    behind: ColumnElement[bool] = or_(false(), *ways)
    first, value = columns[0], position[0]
    if value is not None and not first.nullable:
        # Says nothing new; but it is a range of an index, which an OR is not.
        behind = and_(first.of >= value if first.ascending else first.of <= value, behind)
    return behind


def fits(column: Column, value: Any) -> bool:
    """A column can hold the value of a position."""
    if value is None:
        return column.nullable
    if column.kind is str:
        return isinstance(value, str) and storable(value) == value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) if column.kind is float else isinstance(value, int) and -_INT64 <= value < _INT64
