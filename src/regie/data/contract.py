"""The contract of a dataset: cast what can be cast, and count, rule by rule, the rows that break it.

Pure. Rules are the types and ranges of columns, keys and times without gaps, and the dataset's checks. Examples show at most five rows.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy
import pyarrow as pa
import pyarrow.compute as pc

from regie.base.canonical import canonical
from regie.base.clock import HOUR_MS
from regie.base.errors import RegieError
from regie.data.table import CATEGORIES_KEY, TIME, Table, milliseconds, plain_type
from regie.data.types import Broken, Checked, ContractReport
from regie.spec.document import ColumnSpec, DatasetSpec
from regie.spec.expressions import Expression
from regie.spec.phrases import ColumnType

EXAMPLES = 5
SHOWN_CHARS = 80
ARROW = {
    "float": pa.float64(), "int": pa.int64(), "bool": pa.bool_(), "str": pa.string(), "cat": pa.string(), "time": TIME,
}  # fmt: skip
# How a text begins that Arrow may read as the type; no text is a boolean.
BEGINS = {pa.int64(): "^-?[0-9]", pa.float64(): "^[-+]?[0-9.iInN]", TIME: "^[0-9]{4}-", pa.bool_(): "$^"}


class ContractBroken(RegieError):
    """A snapshot breaks its dataset's contract; nothing is trained on it."""

    code, status, exit_code = "data.contract_broken", 422, 3

    def __init__(self, dataset: str, report: ContractReport) -> None:
        said = "; ".join(one.text for one in report.broken[:3])
        more = f"; and {len(report.broken) - 3} more rules" if len(report.broken) > 3 else ""
        super().__init__(f"{said}{more}", f"data.{dataset}, {report.rows} rows", f"regie dataset show {dataset}")
        self.report = report


def check(rows: pa.Table, spec: DatasetSpec, now_ms: int) -> tuple[Table, ContractReport]:
    """The rows with their types and roles, and what they break. A value that cannot be cast is null in the rows, and counted."""
    broken: list[Broken] = []
    columns: dict[str, pa.ChunkedArray] = {}
    for name in rows.column_names:
        columns[name] = plain_type(rows[name])
    for name, column in spec.columns.items():
        if name not in columns:
            broken.append(Broken(f"{name}: {column.type.text}", name, 0, seen="the column is missing"))
        else:
            columns[name] = _cast(columns[name], column, broken)
    for name in (*spec.key, spec.time):
        if name is not None:
            _present(name, columns, broken)
    if spec.time is not None and spec.time in columns:
        columns[spec.time] = _cast(columns[spec.time], ColumnSpec(spec.time, ColumnType("time"), "time"), broken)
    table = _table(columns, spec)
    checked = [one for expression in spec.checks if (one := _check(table, expression, now_ms, spec, broken)) is not None]
    return table, ContractReport(rows.num_rows, tuple(broken), tuple(checked))


def _table(columns: dict[str, pa.ChunkedArray], spec: DatasetSpec) -> Table:
    """The rows with what the contract says of them: roles, categories, and which columns take null."""
    promised = {name: one.type for name, one in spec.columns.items() if name in columns}
    known = {name: list(type.values) for name, type in promised.items() if type.values}
    fields = [
        pa.field(name, column.type, nullable=name not in promised or promised[name].nullable or column.null_count > 0)
        for name, column in columns.items()
    ]
    schema = pa.schema(fields, {CATEGORIES_KEY: canonical(known).encode()})
    return Table(pa.table(list(columns.values()), schema=schema), _roles(spec, columns), spec.name)


def _roles(spec: DatasetSpec, columns: dict[str, pa.ChunkedArray]) -> dict[str, str]:
    fixed = {**dict.fromkeys(spec.key, "key"), **({spec.time: "time"} if spec.time else {})}
    label = spec.label.column if spec.label else None
    roles = {}
    for name in columns:
        promised = spec.columns.get(name)
        use = fixed.get(name) or ("label" if name == label else promised.use if promised else "")
        # Where columns are promised, one that is not among them is no feature: a new column must not slip into a model.
        use = use or ("ignore" if spec.columns else "feature")
        roles[name] = use
    return roles


def _present(name: str, columns: dict[str, pa.ChunkedArray], broken: list[Broken]) -> None:
    if name not in columns:
        broken.append(Broken(f"{name} is there", name, 0, seen=f"the column is missing; columns: {', '.join(columns)}"))
    elif columns[name].null_count:
        _count(f"{name} is never null", name, pc.is_null(columns[name]), columns[name], broken)


def _cast(column: pa.ChunkedArray, spec: ColumnSpec, broken: list[Broken]) -> pa.ChunkedArray:
    promise = f"{spec.name}: {spec.type.text}"
    cast, failed = _castable(column, spec.type.type)
    _count(promise, spec.name, failed, column, broken, f"is no {spec.type.type}")
    if not spec.type.nullable and spec.use not in ("key", "time"):
        _count(promise, spec.name, pc.and_(pc.is_null(cast, nan_is_null=True), pc.invert(failed)), column, broken, "is null")
    if spec.type.values:
        known = pc.is_in(cast, pa.array(spec.type.values, pa.string()))
        _count(promise, spec.name, pc.and_(pc.invert(known), pc.is_valid(cast)), column, broken, "is none of the categories")
    _count(promise, spec.name, _outside(cast, spec.type), column, broken, "is out of range")
    return cast


def _outside(column: pa.ChunkedArray, type: ColumnType) -> Any:
    """Where a value lies below or above the range; one rule, counted once."""
    found: list[Any] = [_nowhere(column)]
    if type.low is not None:
        below: Callable[..., Any] = pc.less_equal if type.low_open else pc.less
        found.append(below(column, type.low))
    if type.high is not None:
        above: Callable[..., Any] = pc.greater_equal if type.high_open else pc.greater
        found.append(above(column, type.high))
    return reduce(pc.or_, found)


def _castable(column: pa.ChunkedArray, kind: str) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """The column in its promised type, null where a value has another, and where that is."""
    wanted = ARROW[kind]
    if kind == "float" and pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)  # NaN is how frames write null
    try:
        return _to(column, wanted), _nowhere(column)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        chunks = [chunk for piece in _salvaged(_plausible(column, wanted), wanted) for chunk in piece.chunks]
        cast = pa.chunked_array([pa.chunked_array(chunks, wanted).combine_chunks()], wanted)
        return cast, pc.and_(pc.is_null(cast), pc.is_valid(column))


def _nowhere(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(numpy.zeros(len(column), bool))])


def _plausible(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    """Texts that cannot begin a value of the type are null: a whole column of words is then one look, and no cast a row."""
    if not pa.types.is_string(column.type) or wanted not in BEGINS:
        return column
    return pc.if_else(pc.match_substring_regex(column, BEGINS[wanted]), column, None)


def _salvaged(column: pa.ChunkedArray, wanted: pa.DataType) -> list[pa.ChunkedArray]:
    """By halves, so that a few wrong values among very many cost a few casts and not one a row."""
    if column.null_count == len(column):
        return [pa.chunked_array([pa.nulls(len(column), wanted)])]
    try:
        return [_to(column, wanted)]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        if len(column) == 1:
            return [pa.chunked_array([pa.nulls(1, wanted)])]
        half = len(column) // 2
        return [*_salvaged(column.slice(0, half), wanted), *_salvaged(column.slice(half), wanted)]


def _to(column: pa.ChunkedArray, wanted: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_boolean(wanted) and not pa.types.is_boolean(column.type):
        if (
            not pa.types.is_integer(column.type)
            or not pc.all(pc.is_in(column, pa.array([0, 1], column.type)), skip_nulls=True).as_py()
        ):
            raise pa.ArrowInvalid("only 0 and 1 are booleans")
        return column.cast(wanted)
    if pa.types.is_boolean(column.type) and not pa.types.is_boolean(wanted):
        raise pa.ArrowInvalid("a boolean is no number")
    if pa.types.is_string(wanted) and not pa.types.is_string(column.type) and not pa.types.is_integer(column.type):
        raise pa.ArrowInvalid("only texts and whole numbers are read as text")
    if pa.types.is_timestamp(wanted):
        return _times(column)
    return column.cast(wanted)


def _times(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times in milliseconds UTC; a text or time without a zone is UTC; a whole number is milliseconds."""
    if pa.types.is_floating(column.type):
        raise pa.ArrowInvalid("a float is no time")
    if pa.types.is_string(column.type):
        column = column.cast(pa.timestamp("ms"), safe=False)
    return column.cast(TIME, safe=False)


def _count(
    rule: str, name: str, wrong: Any, shown: pa.ChunkedArray, broken: list[Broken], why: str = ""
) -> None:  # fmt: skip
    """Note the rows that are wrong, if any, with examples of what stands there."""
    places = pc.indices_nonzero(pc.fill_null(wrong, False))
    if len(places) == 0:
        return
    first = places.slice(0, EXAMPLES).to_pylist()
    examples = tuple((at, str(shown[at].as_py())[:SHOWN_CHARS]) for at in first)
    broken.append(Broken(f"{rule} ({why})" if why else rule, name, len(places), examples))


def _check(table: Table, expression: Expression, now_ms: int, spec: DatasetSpec, broken: list[Broken]) -> Checked | None:
    """Note the check if it is broken; returns the figure that was seen, None where it could not be computed."""
    name = expression.argument or ""
    if name and name not in table.columns:
        broken.append(Broken(expression.text, name, 0, seen="the column is missing"))
        return None
    if expression.metric in ("mean", "min", "max") and not _is_number(table.arrow()[name].type):
        broken.append(Broken(expression.text, name, 0, seen="the column holds no numbers"))
        return None
    figure = _figure(table, expression.metric, name, now_ms, spec)
    if figure is None:
        broken.append(Broken(expression.text, name, 0, seen="there is no value"))
        return None
    kept, text = expression.holds(figure), _shown(expression, figure)
    if not kept:
        broken.append(Broken(expression.text, name, 0, seen=f"it is {text}"))
    return Checked(expression.text, kept, text)


def _figure(table: Table, metric: str, name: str, now_ms: int, spec: DatasetSpec) -> float | None:
    if metric == "rows":
        return float(len(table))
    if len(table) == 0:
        return None
    if metric == "fresh":
        return _age_ms(table, now_ms, spec)
    column = table.arrow()[name]
    if metric == "nulls":
        return float(pc.mean(pc.is_null(column, nan_is_null=True).cast(pa.float64())).as_py())
    if metric == "unique":
        return float(pc.count_distinct(column, mode="all").as_py()) / len(table)
    value = {"mean": pc.mean, "min": pc.min, "max": pc.max}[metric](column).as_py()
    return None if value is None else float(value)


def _age_ms(table: Table, now_ms: int, spec: DatasetSpec) -> float | None:
    """Since the newest row; None where no time can be read, which its own rule counts."""
    column = table.arrow()[spec.time] if spec.time in table.columns else None
    if column is None or column.type != TIME or column.null_count == len(column):
        return None
    return float(now_ms - int(milliseconds(column.drop_null()).max()))


def _is_number(kind: pa.DataType) -> bool:
    return kind in (pa.int64(), pa.float64(), pa.bool_())


def _shown(expression: Expression, figure: float) -> str:
    if expression.metric == "fresh":
        return f"{figure / HOUR_MS:.1f}h"
    return f"{figure:.2%}" if expression.metric in ("nulls", "unique") else f"{figure:g}"
