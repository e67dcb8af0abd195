"""What a model takes: named, typed columns; and rows checked against them before a model sees them.

A checked row is a list in the order of the signature, of plain Python values: float, int, bool, str; a time is an int, in
milliseconds; a missing value is None, never NaN. One row of fifteen columns costs about two microseconds, so that the check
may stand before every answer.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from regie.base.clock import parse_iso
from regie.base.errors import BadInput

ColumnType = Literal["float", "int", "bool", "str", "time"]
TYPES: tuple[ColumnType, ...] = ("float", "int", "bool", "str", "time")
INT_MIN, INT_MAX = -(2**63), 2**63 - 1  # what numpy and Arrow hold


@dataclass(frozen=True)
class Column:
    """One input. `categories` lists the values that the model knows; another value is answered as unknown, never refused."""

    name: str
    type: ColumnType
    nullable: bool = False
    categories: tuple[Any, ...] | None = None


Signature = tuple[Column, ...]
Row = list[Any]


class BadRow(BadInput):
    """A row that does not fit the signature: a feature is missing, mistyped, null or unknown."""

    code, status = "serving.bad_row", 422

    def __init__(self, row: int, column: str, what: str, do: str = "") -> None:
        super().__init__(what, f"row {row}, column {column}", do)
        self.row, self.column = row, column

    def body(self) -> dict[str, Any]:
        """With `row` (the first is 1) and `column` by themselves, so that a form can show the error at its field."""
        return super().body() | {"row": self.row, "column": self.column}


def to_json(signature: Signature) -> list[dict[str, Any]]:
    """As the route file and `regie.json` hold it."""
    return [_column_json(column) for column in signature]


def from_json(data: Any) -> Signature:
    """The signature that `to_json` wrote. Raises BadInput for anything else."""
    if not isinstance(data, list):
        raise BadInput("a signature is a list of columns")
    columns = tuple(_column_of(item) for item in data)
    if len({column.name for column in columns}) != len(columns):
        raise BadInput("a signature names one column twice")
    return columns


class RowReader:
    """Checks and orders rows of one signature. Immutable; used by any number of threads."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.names = tuple(column.name for column in signature)
        self._checks = tuple((column.name, _CHECKS[column.type], column.nullable) for column in signature)
        self._width = len(signature)

    def row(self, record: Mapping[str, Any], number: int = 1) -> Row:
        """One row in order. Raises BadRow, which names row `number` (the first is 1) and the column."""
        values: Row = []
        name = ""
        try:
            for name, check, nullable in self._checks:
                value = record[name]
                checked = check(value) if value is not None else None
                if checked is None and not nullable:
                    raise _Mistyped("is null, and the model takes no null here")
                values.append(checked)
        except KeyError:
            raise BadRow(number, name, f"the feature {name} is missing", _do_for_missing(name, record)) from None
        except _Mistyped as problem:
            raise BadRow(number, name, f"{name} {problem}", f"send {self._promise(name)}") from None
        if len(record) != self._width:
            raise self._unknown(record, number)
        return values

    def rows(self, records: Iterable[Mapping[str, Any]]) -> list[Row]:
        """Many rows in order. Raises BadRow for the first that does not fit."""
        row = self.row
        return [row(record, number) for number, record in enumerate(records, 1)]

    def rows_of_columns(self, columns: Mapping[str, Sequence[Any]]) -> list[Row]:
        """Rows from columns of equal length. Raises BadRow as `rows` does."""
        for name in self.names:
            if name not in columns:
                raise BadRow(1, name, f"the feature {name} is missing", _do_for_missing(name, columns))
        if len(columns) != self._width:
            raise self._unknown(columns, 1)
        lengths = {name: len(columns[name]) for name in self.names}
        if len(set(lengths.values())) > 1:
            raise BadInput(f"columns have different lengths: {lengths}", do="send as many values in each column")
        checked = [self._column(column, columns[column.name]) for column in self.signature]
        return [list(row) for row in zip(*checked, strict=True)]

    def _column(self, column: Column, values: Sequence[Any]) -> list[Any]:
        check, checked = _CHECKS[column.type], []
        for number, value in enumerate(values, 1):
            try:
                one = check(value) if value is not None else None
                if one is None and not column.nullable:
                    raise _Mistyped("is null, and the model takes no null here")
            except _Mistyped as problem:
                raise BadRow(number, column.name, f"{column.name} {problem}", f"send {self._promise(column.name)}") from None
            checked.append(one)
        return checked

    def _promise(self, name: str) -> str:
        column = next(column for column in self.signature if column.name == name)
        return _WORDS[column.type] + (" or null" if column.nullable else "")

    def _unknown(self, record: Mapping[str, Any], number: int) -> BadRow:
        name = str(next(name for name in record if name not in self.names))
        near = get_close_matches(name, self.names, 1)
        do = f"write {near[0]}" if near else f"leave it out; the model takes {', '.join(self.names)}"
        return BadRow(number, name, f"the model takes no feature {name}", do)


class _Mistyped(Exception):
    """Why one value does not fit; becomes a BadRow, which knows where."""


def _float(value: Any) -> float | None:
    kind = type(value)
    if kind is int:
        try:
            return float(value)
        except OverflowError:
            raise _Mistyped("is too large for a number of 64 bits") from None
    if kind is not float:
        return _float(_plain(value, "a number", float, int))
    if value - value == 0.0:  # finite; NaN and infinity both fail
        return value  # type: ignore[no-any-return]
    if value != value:
        return None
    raise _Mistyped("is infinite")


def _int(value: Any) -> int | None:
    kind = type(value)
    if kind is int:
        if INT_MIN <= value <= INT_MAX:
            return value  # type: ignore[no-any-return]
        raise _Mistyped("is too large for an integer of 64 bits")
    if kind is float:  # 3.0 and 3 are one number in JSON
        if math.isnan(value):
            return None
        if not value.is_integer():
            raise _Mistyped(f"is {value!r}, not an integer")
        return _int(int(value))
    return _int(_plain(value, "an integer", int, float))


def _bool(value: Any) -> bool | None:
    if value is True or value is False:
        return value
    return bool(_plain(value, "a boolean", bool))


def _str(value: Any) -> str | None:
    if type(value) is str:
        return value
    if type(value) is float and value != value:  # pandas writes a missing string so
        return None
    return str(_plain(value, "a string", str))


def _time(value: Any) -> int | None:
    if type(value) is str:
        try:
            return parse_iso(value)
        except ValueError:
            raise _Mistyped(f"is {_shown(value)}, not a time") from None
    return _int(value)


_CHECKS: dict[str, Callable[[Any], Any]] = {"float": _float, "int": _int, "bool": _bool, "str": _str, "time": _time}
_WORDS = {"float": "a number", "int": "an integer", "bool": "true or false", "str": "a string",
          "time": "a time: ISO 8601, or milliseconds since 1970"}  # fmt: skip


def _plain(value: Any, wanted: str, *kinds: type) -> Any:
    """The plain Python value of a numpy scalar or of a subclass; refuses what is of another kind."""
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    if type(value) in kinds:
        return value
    if not isinstance(value, bool) or bool in kinds:
        for kind in kinds:
            if isinstance(value, kind):
                return kind(value)
    raise _Mistyped(f"is {_shown(value)}, not {wanted}")


def _shown(value: Any) -> str:
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _do_for_missing(name: str, given: Iterable[str]) -> str:
    near = get_close_matches(name, [str(other) for other in given], 1)
    return f"write {name} instead of {near[0]}" if near else f"send {name} with each row"


def _column_json(column: Column) -> dict[str, Any]:
    data: dict[str, Any] = {"name": column.name, "type": column.type, "nullable": column.nullable}
    return data | ({"categories": list(column.categories)} if column.categories is not None else {})


def _column_of(item: Any) -> Column:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str) or item.get("type") not in TYPES:
        raise BadInput(f"{item!r} is not a column", do=f"write name and type, one of {', '.join(TYPES)}")
    categories = item.get("categories")
    return Column(item["name"], item["type"], bool(item.get("nullable", False)),
                  tuple(categories) if categories is not None else None)  # fmt: skip
