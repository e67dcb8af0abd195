"""The columns of a snapshot: their types and a few figures, kept with it so that two snapshots can be compared without their rows.

Pure. Texts are counted, never shown: a figure of a snapshot is read by more people than its rows.
"""

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from regie.data.table import TIME, Table, milliseconds

COUNTED_ROWS = 2_000_000  # different values are counted up to here: about 20 ms for a million texts


def figures(table: Table) -> list[dict[str, Any]]:
    """Of each column: name, type, role, nulls; of numbers min, max, mean; of times min, max (ms); of others how many values differ."""
    rows, roles = table.arrow(), table.roles
    return [
        {
            "name": name,
            "type": _type(rows[name].type),
            "role": roles.get(name, ""),
            "nulls": rows[name].null_count,
            **_of(rows[name]),
        }
        for name in rows.column_names
    ]


def _of(column: pa.ChunkedArray) -> dict[str, Any]:
    kind, full = column.type, column.drop_null()
    if len(full) == 0:
        return {}
    if kind == TIME:
        times = milliseconds(full)
        return {"min": int(times.min()), "max": int(times.max())}
    if pa.types.is_boolean(kind):
        return {"mean": _finite(pc.mean(full.cast(pa.float64())))}
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        ends = pc.min_max(full)
        return {"min": _finite(ends["min"]), "max": _finite(ends["max"]), "mean": _finite(pc.mean(full))}
    if pa.types.is_string(kind) and len(full) <= COUNTED_ROWS:
        return {"distinct": int(pc.count_distinct(full).as_py())}
    return {}


def _type(kind: pa.DataType) -> str:
    """A type as contracts call it; of another one Arrow's word."""
    if kind == TIME:
        return "time"
    named = {pa.float64(): "float", pa.int64(): "int", pa.bool_(): "bool", pa.string(): "str"}
    return named.get(kind, str(kind))


def _finite(value: pa.Scalar) -> float | int | None:
    """JSON has no NaN and no infinity; browsers have no whole number beyond 2**53."""
    found = value.as_py()
    if found is None or not math.isfinite(found):
        return None
    return found if not isinstance(found, int) or abs(found) < 1 << 53 else float(found)
