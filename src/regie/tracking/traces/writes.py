"""How rows of traces are written: locked in one order, and what is sent again is there once."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, false, select
from sqlalchemy.dialects import postgresql, sqlite

from regie.base.errors import NotFound
from regie.store.change import Batch
from regie.tracking.traces import queries
from regie.tracking.traces.tables import traces
from regie.tracking.traces.types import Trace

# In the order of their ids, so that no two writers wait in a circle.
LOCK = (
    select(*queries.COLUMNS)
    .where(traces.c.workspace == bindparam("workspace"), traces.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(traces.c.id)
    .with_for_update()
)


def locked(batch: Batch, workspace: str, trace_id: str) -> Trace:
    """A trace that nobody else changes until the batch is written. Raises NotFound."""
    row = batch.connection.execute(LOCK, {"workspace": workspace, "ids": [trace_id]}).first()
    if row is None:
        raise NotFound(f"Trace with ID '{trace_id}' not found", workspace, "search_traces shows them")
    return Trace(**row._mapping)


def made(batch: Batch, workspace: str, heard: Sequence[Trace]) -> dict[str, Trace]:
    """The rows of these traces, made where they are missing, and locked; in the order of their ids, whether they are there or not."""
    rows = [
        {name: value for name, value in asdict(one).items() if name != "key"} for one in sorted(heard, key=lambda one: one.id)
    ]
    batch.execute(_hold(batch.connection.dialect.name), rows)
    ids = {"workspace": workspace, "ids": [one.id for one in heard]}
    return {row.id: Trace(**row._mapping) for row in batch.connection.execute(LOCK, ids)}


@cache
def _hold(dialect: str) -> Any:
    """Makes a trace, or locks the one that is there without changing it; in one statement, so that nobody comes between.

    PostgreSQL locks the row that is there before it asks for the condition, which never holds: nothing is written.
    """
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(traces)
    kept = {"id": statement.excluded.id}
    return statement.on_conflict_do_update(index_elements=["workspace", "id"], set_=kept, where=false())


def put(batch: Batch, table: Table, key: Sequence[str], rows: list[dict[str, Any]], keep: bool = False) -> None:
    """Write rows; with `keep`, those that are there already stay as they are."""
    if rows:
        batch.execute(_insert(table, batch.connection.dialect.name, tuple(key), keep), rows)


@cache
def _insert(table: Table, dialect: str, key: tuple[str, ...], keep: bool) -> Any:
    """Built once: building a statement costs more than running it."""
    statement: Any = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    if keep:
        return statement.on_conflict_do_nothing(index_elements=list(key))
    new = {column.name: statement.excluded[column.name] for column in table.columns if column.name not in key}
    return statement.on_conflict_do_update(index_elements=list(key), set_=new)


def put_pairs(batch: Batch, table: Table, trace: int, said: Mapping[str, str], keep: bool = False) -> None:
    rows = [{"trace": trace, "key": key, "value": value} for key, value in sorted(said.items())]
    put(batch, table, ["trace", "key"], rows, keep)
