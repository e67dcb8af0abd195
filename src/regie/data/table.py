"""What a Dataset reads and what steps hand to each other: rows with roles. Immutable; Arrow inside.

Columns are of six types: `bool`, `int` (64 bits), `float` (64 bits), `str`, `cat` (strings, with their categories) and `time` (UTC
milliseconds); any other may be carried, but is no feature of a model. A missing value is null, NaN too. Whether a column takes null
is part of the schema, so that the types of a frame never depend on the rows. Stored as Parquet: the same rows give the same bytes.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
import pyarrow
import pyarrow.compute
import pyarrow.parquet
from numpy.typing import NDArray

from regie.base.canonical import canonical
from regie.base.errors import BadInput
from regie.runtime.signature import Column, ColumnType
from regie.spec.scanner import Scanner, nearest

if TYPE_CHECKING:
    import pandas

ROLES = ("feature", "label", "key", "time", "evaluation", "ignore")
TIME = pyarrow.timestamp("ms", "UTC")
TYPES: dict[Any, ColumnType] = {
    pyarrow.bool_(): "bool", pyarrow.int64(): "int", pyarrow.float64(): "float", pyarrow.string(): "str", TIME: "time",
}  # fmt: skip
ROLES_KEY, CATEGORIES_KEY = b"regie.roles", b"regie.categories"
# Fixed, so that a file depends on the rows alone; a reader that wants a stretch of time skips whole groups.
ROW_GROUP_ROWS = 65_536
COMPARISONS: dict[str, Any] = {
    ">=": pyarrow.compute.greater_equal, "<=": pyarrow.compute.less_equal, "==": pyarrow.compute.equal,
    "!=": pyarrow.compute.not_equal, ">": pyarrow.compute.greater, "<": pyarrow.compute.less,
}  # fmt: skip


class Table:
    """Rows with roles. `roles`: column to one of ROLES; a column without one is a feature. `name`: the dataset, for errors."""

    __slots__ = ("_arrow", "_categories", "_roles", "name")

    def __init__(self, arrow: pyarrow.Table, roles: Mapping[str, str] | None = None, name: str = "") -> None:
        roles = dict(roles or {})
        for column, role in roles.items():
            if column not in arrow.column_names:
                raise BadInput(f"there is no column `{column}`", name or "table", nearest(column, arrow.column_names))
            if role not in ROLES:
                raise BadInput(f"`{role}` is not a role", f"column {column}", nearest(role, ROLES))
        if len(set(arrow.column_names)) != len(arrow.column_names):
            raise BadInput("two columns have one name", name or "table")
        categories = _categories(arrow)
        self._arrow = _normal(arrow)
        self._roles = {column: roles.get(column, "feature") for column in arrow.column_names}
        self._categories = {column: categories[column] for column in arrow.column_names if column in categories}
        self.name = name

    @classmethod
    def of(
        cls, frame: "pandas.DataFrame", *, label: str | None = None, time: str | None = None, key: str | Iterable[str] = ()
    ) -> "Table":
        """A table of a DataFrame, for unit tests without Regie. Times without a zone are UTC."""
        keys = (key,) if isinstance(key, str) else tuple(key)
        given = [(one, role) for one, role in ((label, "label"), (time, "time")) if one is not None]
        return cls(_arrow_of(frame), dict([*given, *((one, "key") for one in keys)]))

    def __len__(self) -> int:
        return int(self._arrow.num_rows)

    def __repr__(self) -> str:
        return f"<table {self.name + ': ' if self.name else ''}{len(self)} rows, {', '.join(self.columns)}>"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._arrow.column_names)

    @property
    def roles(self) -> dict[str, str]:
        return dict(self._roles)

    @property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """The categories of each `cat` column, in the order of the contract."""
        return dict(self._categories)

    def columns_for(self, role: str) -> tuple[str, ...]:
        """The columns of one role, in their order."""
        return tuple(column for column, own in self._roles.items() if own == role)

    @property
    def features(self) -> "pandas.DataFrame":
        """`(rows, features)`. Numbers and booleans that may be null are floats with NaN; times are `datetime64[ms, UTC]`."""
        return self._frame(self.columns_for("feature"))

    @property
    def label(self) -> "pandas.Series":
        """`(rows,)`. Raises BadInput where the dataset has none."""
        return self._frame((self._one("label"),)).iloc[:, 0]

    @property
    def time(self) -> NDArray[numpy.int64]:
        """Milliseconds `(rows,)`. Raises BadInput where the dataset has none."""
        name = self._one("time")
        column = self._arrow[name]
        if column.null_count:
            raise BadInput(f"{column.null_count} rows have no time", f"{self.name or 'table'}, column {name}")
        return milliseconds(column)

    def where(self, expression: str) -> "Table":
        """The rows for which a comparison holds, e.g. `spend < 10_000`, `plan == "pro"`; never those where the value is null.

        Raises Malformed for another text, BadInput for a value that the column cannot be compared with.
        """
        scan = Scanner(expression)
        start = scan.at
        name = scan.name("a column", nearest("", self.columns))
        if name not in self.columns:
            raise BadInput(f"there is no column `{name}`", f"column {start + 1}", nearest(name, self.columns))
        operator = scan.accept(">=", "<=", "==", "!=", ">", "<")
        if operator is None:
            raise scan.malformed(f"expected a comparison, found {scan.seen()}", "write for example `spend < 10_000`")
        wanted = _scalar(scan, self._arrow.schema.field(name), expression)
        holds = COMPARISONS[operator](self._arrow[name], wanted)
        return self._like(self._arrow.filter(holds))

    def arrow(self) -> pyarrow.Table:
        """Everything; a `cat` is strings, its categories stand in the schema's metadata."""
        return self._arrow.replace_schema_metadata(self._metadata())

    def frame(self) -> "pandas.DataFrame":
        """Everything, typed as in `features`."""
        return self._frame(self.columns)

    def with_frame(self, frame: "pandas.DataFrame") -> "Table":
        """The same rows with columns replaced, which keep their role, or added as features. Raises BadInput for other rows."""
        if len(frame) != len(self):
            raise BadInput(f"the frame has {len(frame)} rows, the table {len(self)}", self.name or "table", "keep every row")
        given = _arrow_of(frame)
        arrow, known = self.arrow(), _categories(given)
        for field, column in zip(given.schema, given.columns, strict=True):
            at = arrow.schema.get_field_index(field.name)
            arrow = arrow.append_column(field, column) if at < 0 else arrow.set_column(at, field, column)
        kept = {name: values for name, values in self._categories.items() if name not in given.column_names}
        metadata = {CATEGORIES_KEY: canonical({name: list(values) for name, values in (kept | known).items()})}
        return Table(arrow.replace_schema_metadata(metadata), self._roles, self.name)

    def to_bytes(self) -> bytes:
        """As Parquet; the same rows, roles and categories give the same bytes."""
        sink = pyarrow.BufferOutputStream()
        self._write(sink)
        return bytes(sink.getvalue())

    def to_file(self, path: Path) -> Path:
        self._write(str(path))
        return path

    @classmethod
    def from_bytes(cls, content: bytes, name: str = "") -> "Table":
        """Raises BadInput for what is no Parquet."""
        return cls._read(pyarrow.BufferReader(content), name)

    @classmethod
    def from_file(cls, path: Path, name: str = "") -> "Table":
        """Raises BadInput for what is no Parquet."""
        with path.open("rb") as file:
            return cls._read(file, name)

    @classmethod
    def _read(cls, source: Any, name: str) -> "Table":
        try:
            arrow = pyarrow.parquet.read_table(source)
        except (pyarrow.ArrowException, OSError) as error:
            raise BadInput(f"this is no Parquet: {error}", name or "table") from error
        roles = json.loads((arrow.schema.metadata or {}).get(ROLES_KEY, b"{}"))
        return cls(arrow, roles, name)

    def _write(self, sink: Any) -> None:
        # One chunk a column: how the rows came together must not show in the bytes.
        pyarrow.parquet.write_table(
            self.arrow().combine_chunks(), sink, row_group_size=ROW_GROUP_ROWS, compression="zstd", compression_level=3
        )

    def _metadata(self) -> dict[bytes, str]:
        categories = {name: list(values) for name, values in self._categories.items()}
        return {ROLES_KEY: canonical(self._roles), CATEGORIES_KEY: canonical(categories)}

    def _like(self, arrow: pyarrow.Table) -> "Table":
        return Table(arrow.replace_schema_metadata(self._metadata()), self._roles, self.name)

    def _one(self, role: str) -> str:
        found = self.columns_for(role)
        if not found:
            raise BadInput(f"it has no {role}", f"dataset {self.name}" if self.name else "table", f"the roles are {self._roles}")
        return found[0]

    def _frame(self, names: Iterable[str]) -> "pandas.DataFrame":
        import pandas

        return pandas.DataFrame({name: self._series(name) for name in names}, index=pandas.RangeIndex(len(self)))

    def _series(self, name: str) -> Any:
        import pandas

        field, column = self._arrow.schema.field(name), self._arrow[name]
        if name in self._categories and self._roles[name] != "label":
            return pandas.Categorical(pandas.array(column.to_pylist(), dtype=object), categories=list(self._categories[name]))
        holes = field.nullable if self._roles[name] != "label" else column.null_count > 0
        if holes and field.type in (pyarrow.bool_(), pyarrow.int64()):
            column = column.cast(pyarrow.int64()).cast(pyarrow.float64(), safe=False)
        return column.to_pandas().array


class Dataset:
    """A named dataset, as a pipeline's function takes it. The platform has cut it: no held-out and no immature row is in it."""

    __slots__ = ("_table", "name")

    def __init__(self, table: Table, name: str) -> None:
        self._table, self.name = table, name

    def read(self) -> Table:
        """The rows to learn from; of a dataset with a label, those whose label is known."""
        table = Table(self._table.arrow(), self._table.roles, self.name)
        found = table.columns_for("label")
        if not found:
            return table
        known = pyarrow.compute.is_valid(table.arrow()[found[0]])
        return Table(table.arrow().filter(known), table.roles, self.name)

    def __repr__(self) -> str:
        return f"<dataset {self.name}>"


def signature(table: Table) -> tuple[Column, ...]:
    """What a model takes that learns from a table's features. Raises BadInput for a column of a type that no model takes."""
    schema = table.arrow().schema
    found = []
    for name in table.columns_for("feature"):
        field = schema.field(name)
        if field.type not in TYPES:
            do = "convert it to numbers, booleans, strings or times, or give it `use: ignore`"
            raise BadInput(f"a model cannot take a column of {field.type}", f"{table.name or 'table'}, column {name}", do)
        found.append(Column(name, TYPES[field.type], field.nullable, table.categories.get(name)))
    return tuple(found)


def milliseconds(column: Any) -> NDArray[numpy.int64]:
    """A column of times without nulls as int64 `(rows,)`."""
    values = column.cast(TIME, safe=False).cast(pyarrow.int64()) if not pyarrow.types.is_integer(column.type) else column
    found: NDArray[numpy.int64] = values.to_numpy().astype(numpy.int64, copy=False)
    return found


def plain_type(column: Any) -> Any:
    """The column, of any chunks, in the one type of its kind; NaN becomes null. What has no such type stays as it is."""
    kind = column.type
    if pyarrow.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pyarrow.types.is_floating(kind) or pyarrow.types.is_decimal(kind) or pyarrow.types.is_null(kind):
        column = column.cast(pyarrow.float64())
        is_nan = pyarrow.compute.is_nan(column)
        return pyarrow.compute.if_else(is_nan, None, column) if pyarrow.compute.any(is_nan).as_py() else column
    if pyarrow.types.is_uint64(kind) and (pyarrow.compute.max(column).as_py() or 0) > numpy.iinfo(numpy.int64).max:
        return column.cast(pyarrow.float64(), safe=False)
    if pyarrow.types.is_integer(kind):
        return column.cast(pyarrow.int64())
    if pyarrow.types.is_large_string(kind) or pyarrow.types.is_string_view(kind):
        return column.cast(pyarrow.string())
    if pyarrow.types.is_timestamp(kind) or pyarrow.types.is_date(kind):
        # Without a zone it is UTC; finer than a millisecond is cut off.
        return column.cast(TIME, safe=False)
    return column


def _normal(arrow: pyarrow.Table) -> pyarrow.Table:
    """Every column in its one type; a field takes null if it did, and if it holds one."""
    columns, fields = [], []
    for field, column in zip(arrow.schema, arrow.columns, strict=True):
        made = plain_type(column)
        columns.append(made)
        fields.append(pyarrow.field(field.name, made.type, nullable=field.nullable))
        if not field.nullable and made.null_count:
            raise BadInput(f"{made.null_count} values are null, and the column takes none", f"column {field.name}")
    return pyarrow.table(columns, schema=pyarrow.schema(fields))


def _categories(arrow: pyarrow.Table) -> dict[str, tuple[str, ...]]:
    """From the metadata, and from dictionaries of strings where the metadata says nothing."""
    known = json.loads((arrow.schema.metadata or {}).get(CATEGORIES_KEY, b"{}"))
    found = {name: tuple(values) for name, values in known.items()}
    for field, column in zip(arrow.schema, arrow.columns, strict=True):
        if field.name in found or not pyarrow.types.is_dictionary(field.type):
            continue
        if pyarrow.types.is_string(field.type.value_type) or pyarrow.types.is_large_string(field.type.value_type):
            chunks = column.unify_dictionaries().chunks
            found[field.name] = tuple(chunks[0].dictionary.to_pylist()) if chunks else ()
    return found


def _arrow_of(frame: "pandas.DataFrame") -> pyarrow.Table:
    """A frame without its index; a column takes null where the frame holds one."""
    try:
        arrow = pyarrow.Table.from_pandas(frame, preserve_index=False)
    except (pyarrow.ArrowException, ValueError) as error:
        raise BadInput(f"the frame holds what Arrow cannot: {error}", "table", "give each column one type") from error
    fields = [field.with_nullable(column.null_count > 0) for field, column in zip(arrow.schema, arrow.columns, strict=True)]
    return pyarrow.table(arrow.columns, schema=pyarrow.schema(fields))


def _scalar(scan: Scanner, field: pyarrow.Field, text: str) -> Any:
    """The value on the right of a comparison, in the column's type."""
    start = scan.at
    quote = text[start : start + 1]
    if quote in ('"', "'"):
        scan.at += 1
        value: Any = scan.until(quote)[0]
    elif quote.isalpha():
        word = scan.name("a value")
        value = {"true": True, "false": False}.get(word, word)
    else:
        value = scan.plain_number(signed=True)
    scan.end()
    number = isinstance(value, float) and not isinstance(value, bool)
    fits = {"bool": isinstance(value, bool), "int": number, "float": number}.get(
        TYPES.get(field.type, ""), isinstance(value, str)
    )
    try:
        if fits and TYPES.get(field.type) == "time":
            return pyarrow.compute.cast(pyarrow.compute.cast(pyarrow.scalar(value), pyarrow.timestamp("ms")), TIME)
        if fits:
            return pyarrow.scalar(value)
    except pyarrow.ArrowException:
        fits = False
    do = {"time": 'write for example `at < "2026-03-01"`', "str": 'write for example `plan == "pro"`'}
    kind = TYPES.get(field.type, "str")
    raise BadInput(f"`{field.name}` is a {kind}, it cannot be compared with {value!r}", f"column {start + 1}", do.get(kind, ""))
