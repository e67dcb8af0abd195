"""Filters and orders of traces as SQL: the same answer on SQLite and PostgreSQL.

Several conditions on `span.` must hold for one and the same span. An assessment of a whole session (its metadata names one) holds for
every trace of that session, as in stock MLflow. A text attribute of a span is compared as it is, any other one as its JSON.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Select, Text, and_, cast, exists, func, or_, select

from regie.base.errors import BadInput, NotThereYet
from regie.tracking.filter import LIST_OPERATORS, NULL_OPERATORS, NUMERIC_OPERATORS, Clause, Grammar, Order, Sort
from regie.tracking.keyset import Column, Slice, Window, read
from regie.tracking.search import compare, there
from regie.tracking.traces import pattern, queries
from regie.tracking.traces.tables import assessments, spans, trace_metadata, trace_runs, trace_tags, traces
from regie.tracking.traces.types import NAME, RUN, SESSION, Trace

_LIKE = ("=", "!=", "LIKE", "ILIKE", "RLIKE")
_NUMBER, _LISTED, _MAYBE = Sort(NUMERIC_OPERATORS, number=True), Sort(_LIKE + LIST_OPERATORS), Sort(_LIKE + NULL_OPERATORS)
_JUDGED = Sort(_LIKE + NULL_OPERATORS + ("<", "<=", ">", ">="))
_TIMES = ("timestamp", "timestamp_ms", "execution_time", "execution_time_ms", "end_time", "end_time_ms")
GRAMMAR = Grammar(
    prefixes={
        "tag": "tag", "tags": "tag", "metadata": "metadata", "request_metadata": "metadata", "attribute": "attribute",
        "attributes": "attribute", "trace": "attribute", "span": "span", "feedback": "feedback", "expectation": "expectation",
        "issue": "issue",
    },
    free={"tag": _MAYBE, "metadata": _MAYBE, "span": _LISTED, "feedback": _JUDGED, "expectation": _JUDGED},
    fixed={
        "attribute": {
            **dict.fromkeys(_TIMES, _NUMBER), **dict.fromkeys(("request_id", "status", "client_request_id"), _LISTED),
            "name": _MAYBE, "run_id": _MAYBE, "prompt": Sort(("=",)), "text": Sort(("LIKE", "ILIKE")),
        },
        "span": {"content": Sort(("LIKE", "ILIKE"))},
        "issue": {"id": Sort(("=",))},
    },
    orders={
        "attribute": frozenset({*_TIMES, "experiment_id", "status", "request_id", "name", "run_id"}), "tag": None, "metadata": None,
    },
    aliases={"timestamp": "timestamp_ms", "execution_time": "execution_time_ms", "end_time": "end_time_ms"},
)  # fmt: skip
_NUMBERS: dict[str, Any] = {
    "timestamp_ms": traces.c.start_wall_ms, "execution_time_ms": traces.c.duration_wall_ms,
    "end_time_ms": traces.c.start_wall_ms + func.coalesce(traces.c.duration_wall_ms, 0),
}  # fmt: skip
_TEXTS: dict[str, Any] = {
    "request_id": traces.c.id, "status": traces.c.state, "client_request_id": traces.c.client_request_id,
    "experiment_id": traces.c.experiment_id,
}  # fmt: skip
_SPAN_COLUMNS: dict[str, Any] = {
    "name": spans.c.name, "type": spans.c.type, "status": spans.c.status, "content": spans.c.content,
}  # fmt: skip
_TABLES = {"tag": trace_tags, "metadata": trace_metadata}
_NAMED = {"name": (trace_tags, NAME), "run_id": (trace_metadata, RUN)}
Scope = Callable[[Any], ColumnElement[bool]]  # what is searched, of `traces` or an alias of it
_WHOLE = ("timestamp_ms", "execution_time_ms", "end_time_ms")


def found(
    db: Connection, workspace: str, experiment_ids: Sequence[str], clauses: Sequence[Clause] = (), orders: Sequence[Order] = (),
    *, window: Window,
) -> Slice[Trace]:  # fmt: skip
    """Traces of some experiments; newest first where the orders leave it open."""

    def scope(table: Any) -> ColumnElement[bool]:
        return and_(table.c.workspace == workspace, table.c.experiment_id.in_(experiment_ids))

    query = select(*queries.COLUMNS).where(scope(traces), *_conditions(db, scope, clauses))
    columns = []
    for order in orders:
        query, column = _ordered(query, order)
        columns.append(column)
    if ("attribute", "timestamp_ms") not in {(one.kind, one.key) for one in orders}:
        columns.append(Column(traces.c.start_wall_ms, int, ascending=False))
    rows, end = read(db, query, [*columns, Column(traces.c.id, str)], window)
    return Slice([Trace(*row[: len(queries.COLUMNS)]) for row in rows], end)


def _conditions(db: Connection, scope: Scope, clauses: Sequence[Clause]) -> list[ColumnElement[bool]]:
    conditions, of_span = list[ColumnElement[bool]](), list[ColumnElement[bool]]()
    for clause in clauses:
        if clause.kind == "span" or (clause.kind, clause.key) == ("attribute", "text"):
            of_span.append(_of_span(db, clause))
        elif clause.kind in ("feedback", "expectation"):
            conditions.append(_judged(db, scope, clause))
        else:
            conditions.append(_of_trace(db, clause, len(clauses)))
    if of_span:
        conditions.append(there(db, len(clauses), spans.c.trace == traces.c.key, *of_span))
    return conditions


def _of_trace(db: Connection, clause: Clause, count: int) -> ColumnElement[bool]:
    if clause.kind == "issue":
        same = (assessments.c.kind == "issue", assessments.c.name == clause.value)
        return there(db, count, assessments.c.trace == traces.c.key, *same)
    if clause.kind != "attribute":
        return _keyed(db, _TABLES[clause.kind], clause.key, clause, count)
    if clause.key == "prompt":
        raise NotThereYet("searching traces by prompt is not there", "filter", "docs/mlflow.md lists what is")
    if clause.key == "run_id" and clause.operator == "=":
        return traces.c.key.in_(select(trace_runs.c.trace).where(trace_runs.c.run_id == clause.value))
    if clause.key in _NAMED:
        return _keyed(db, *_NAMED[clause.key], clause, count)
    return _compared(db, (_NUMBERS | _TEXTS)[clause.key], clause)


def _keyed(db: Connection, table: Any, key: str, clause: Clause, count: int) -> ColumnElement[bool]:
    """A comparison with the row of one key; `!=` does not match where the key is missing. `count`: how many clauses the filter has."""
    mine = (table.c.trace == traces.c.key, table.c.key == key)
    if clause.operator in NULL_OPERATORS:
        row = there(db, count, *mine)
        return row if clause.operator == "IS NOT NULL" else ~row
    return there(db, count, *mine, _compared(db, table.c.value, clause))


def _of_span(db: Connection, clause: Clause) -> ColumnElement[bool]:
    key = "content" if clause.key == "text" and clause.kind == "attribute" else clause.key
    if key in _SPAN_COLUMNS:
        return _compared(db, _SPAN_COLUMNS[key], clause)
    attribute = key.removeprefix("attributes.").strip("`")
    if not key.startswith("attributes.") or not attribute:
        raise BadInput(f"a span has no {key!r}", "filter", "write span.name, type, status, content or attributes.NAME")
    each, name, value = _attributes(db)
    return exists(select(1).select_from(each).where(name == attribute, _compared(db, value, clause)))


def _attributes(db: Connection) -> tuple[Any, Any, Any]:
    """The attributes of the span at hand: a row each, its name, its value as text."""
    scalars = ("string_value", "int_value", "double_value")
    if db.dialect.name == "postgresql":
        each = func.json_array_elements(cast(spans.c.content, JSON)["attributes"]).table_valued("value").render_derived()
        one = cast(each.c.value, JSON)
        texts = [one["value"][name].as_string() for name in scalars]
        return each, one["key"].as_string(), func.coalesce(*texts, one["value"].as_string())
    each = func.json_each(spans.c.content, "$.attributes").table_valued("value", name="attribute")
    texts = [func.json_extract(each.c.value, f"$.value.{name}") for name in scalars]
    said = func.coalesce(*texts, func.json_extract(each.c.value, "$.value"))
    return each, func.json_extract(each.c.value, "$.key"), cast(said, Text)


def _judged(db: Connection, scope: Scope, clause: Clause) -> ColumnElement[bool]:
    """A comparison with valid assessments: the trace's own, or those of its session."""
    table = assessments.c
    mine = [table.kind == clause.kind, table.name == clause.key, table.valid]
    if clause.operator not in NULL_OPERATORS:
        mine.append(_judgement(db, clause))
    direct = exists().where(table.trace == traces.c.key, *mine)
    session, other = trace_metadata.alias(), traces.alias()
    sessions = (
        select(session.c.value)
        .select_from(assessments)
        .join(session, and_(session.c.trace == table.trace, session.c.key == SESSION))
        .join(other, other.c.key == table.trace)
        .where(*mine, table.metadata.contains(f'"{SESSION}":', autoescape=True), scope(other))
    )
    together = exists().where(
        trace_metadata.c.trace == traces.c.key, trace_metadata.c.key == SESSION, trace_metadata.c.value.in_(sessions)
    )
    either = or_(direct, together)
    return ~either if clause.operator == "IS NULL" else either


def _judgement(db: Connection, clause: Clause) -> ColumnElement[bool]:
    column, value = assessments.c.value, clause.value
    if isinstance(value, int | float):
        return compare(db, assessments.c.number, clause)
    if clause.operator in ("=", "!="):
        same = or_(column == value, column == json.dumps(value, ensure_ascii=False))  # true and 5 are written without quotes
        return same if clause.operator == "=" else ~same
    return _compared(db, column, clause)


def _compared(db: Connection, column: Any, clause: Clause) -> ColumnElement[bool]:
    return pattern.matches(db, column, str(clause.value)) if clause.operator == "RLIKE" else compare(db, column, clause)


def _ordered(query: Select[Any], order: Order) -> tuple[Select[Any], Column]:
    """What is missing comes last, both ways."""
    if order.kind == "attribute" and order.key not in _NAMED:
        whole = order.key in _WHOLE
        missing = order.key in ("execution_time_ms", "client_request_id")
        return query, Column((_NUMBERS | _TEXTS)[order.key], int if whole else str, order.ascending, nullable=missing)
    table, key = _NAMED[order.key] if order.kind == "attribute" else (_TABLES[order.kind], order.key)
    beside = table.alias()
    query = query.outerjoin(beside, and_(beside.c.trace == traces.c.key, beside.c.key == key))
    return query, Column(beside.c.value, str, order.ascending, nullable=True)
