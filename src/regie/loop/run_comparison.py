"""Several runs beside each other: what differs, by how much from the reference, and for better or worse where that is known.

Pure. Runs are columns, in the order in which they were named; None is what a run does not have. A NaN is like another NaN.
"""

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Value = float | str | None
# One file that was written anew compares each line with each: 3,000 lines take a second.
MAX_LINES, MAX_FILES, MAX_SHOWN = 3_000, 200, 4_000
CONTEXT = 3


@dataclass(frozen=True)
class Difference:
    """From the reference to a run: `by`, and as a part of the reference where that is not zero. `better` is None where nobody knows."""

    by: float
    part: float | None
    better: bool | None


@dataclass(frozen=True)
class Row:
    """One name in all runs. `differences` is empty for what is no number."""

    name: str
    values: tuple[Value, ...]
    differs: bool
    differences: tuple[Difference | None, ...] = ()


def rows(columns: Sequence[Mapping[str, Value]]) -> list[Row]:
    """Every name that any run has, by name."""
    names = sorted({name for column in columns for name in column})
    found = ((name, tuple(column.get(name) for column in columns)) for name in names)
    return [Row(name, values, differ(values)) for name, values in found]


def differ(values: Sequence[Value]) -> bool:
    return any(not _same(values[0], one) for one in values[1:])


def _same(one: Value, other: Value) -> bool:
    return one == other or (isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other))


def measured(row: Row, reference: int, way: Literal["higher", "lower"] | None) -> Row:
    """A metric's row with the differences from the reference, which itself has none."""
    base = row.values[reference]
    said = tuple(
        None if place == reference else difference(base, value, way) for place, value in enumerate(row.values)
    )  # fmt: skip
    return Row(row.name, row.values, row.differs, said)


def difference(base: Value, value: Value, way: Literal["higher", "lower"] | None) -> Difference | None:
    """None where one of the two is no finite number."""
    if not isinstance(base, int | float) or not isinstance(value, int | float) or not math.isfinite(value - base):
        return None
    by = value - base
    better = None if way is None or by == 0 else (by > 0) == (way == "higher")
    return Difference(by, by / abs(base) if base else None, better)


@dataclass(frozen=True)
class Axis:
    """One line of parallel coordinates: numbers between `low` and `high`, or texts in the order of `texts`."""

    name: str
    numbers: tuple[float | None, ...]
    low: float
    high: float
    texts: tuple[str, ...] = ()


def axis(row: Row) -> Axis | None:
    """None where no run has a place on it."""
    numbers = tuple(_number(value) for value in row.values)
    finite = [one for one in numbers if one is not None]
    if finite and len(finite) == sum(value is not None for value in row.values):
        return Axis(row.name, numbers, min(finite), max(finite))
    texts = sorted({str(value) for value in row.values if value is not None})
    if not texts or any(isinstance(value, float) for value in row.values):
        return Axis(row.name, numbers, min(finite), max(finite)) if finite else None
    places = tuple(None if value is None else float(texts.index(str(value))) for value in row.values)
    return Axis(row.name, places, 0.0, float(len(texts) - 1), tuple(texts))


def _number(value: Value) -> float | None:
    try:
        found = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return found if math.isfinite(found) else None


@dataclass(frozen=True)
class FileDifference:
    """One file that differs. A line begins with a space, `+`, `-`, or `@@` for the place of what follows; `cut`: there is more."""

    path: str
    state: Literal["added", "removed", "changed"]
    lines: tuple[str, ...]
    cut: bool


def code(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[list[FileDifference], bool]:
    """The files that differ, by path, and whether some were left out."""
    paths = [path for path in sorted(before.keys() | now.keys()) if before.get(path) != now.get(path)]
    found, room = list[FileDifference](), MAX_SHOWN
    for path in paths[:MAX_FILES]:
        one = _file(path, before.get(path), now.get(path), room)
        room -= len(one.lines)
        found.append(one)
    return found, len(paths) > MAX_FILES


def _file(path: str, before: str | None, now: str | None, room: int) -> FileDifference:
    state: Literal["added", "removed", "changed"] = "added" if before is None else "removed" if now is None else "changed"
    old, new = (before or "").splitlines(), (now or "").splitlines()
    if state != "changed":
        sign, lines = ("+", new) if state == "added" else ("-", old)
        return FileDifference(path, state, tuple(sign + line for line in lines[:room]), len(lines) > room)
    if room <= 0 or len(old) > MAX_LINES or len(new) > MAX_LINES:
        return FileDifference(path, state, (), True)
    lines = list(difflib.unified_diff(old, new, lineterm="", n=CONTEXT))[2:]
    return FileDifference(path, state, tuple(lines[:room]), len(lines) > room)
