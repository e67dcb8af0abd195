"""Proof that a fast path answers as the native model does, over thousands of rows; without it the native model answers.

Rows: the example's own; then columns drawn independently of each other, so that combinations appear that no example has; numbers
moved off the seen ones and out of their range; unknown categories; nulls where they are allowed. The seed is fixed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from regie.runtime.signature import Column, Row, Signature

ROWS = 4096
TOLERANCE = 1e-9  # a sum in another order differs by 1e-16 a step; a wrong category by 1e-3
UNKNOWN_SHARE, NULL_SHARE, MOVED_SHARE = 0.05, 0.05, 0.5
UNKNOWN = "\u2205 unknown"

_PLAIN: dict[str, Any] = {"float": 0.0, "int": 0, "bool": False, "str": "", "time": 0}

Answers = list[Any]
Path = Callable[[Sequence[Row]], Answers]


@dataclass(frozen=True)
class Parity:
    """`proved`: no answer differed by more than the tolerance; `because` says why not, where a path failed."""

    rows: int
    greatest_difference: float
    proved: bool
    because: str = ""


def prove(native: Path, fast: Path, rows: Sequence[Row], singles: int = ROWS) -> Parity:
    """Answer the rows on both paths, and the first `singles` by the fast one also one by one, as an endpoint does."""
    try:
        wanted = native(rows)
        many, single = fast(rows), [fast([row])[0] for row in rows[:singles]]
    except Exception as error:  # noqa: BLE001 - any failure of a path only means that it is not proved
        return Parity(len(rows), float("inf"), False, f"{type(error).__name__}: {error}"[:200])
    if len(many) != len(wanted):
        return Parity(len(rows), float("inf"), False, "a path lost rows")
    pairs = [*zip(wanted, many, strict=True), *zip(wanted, single, strict=False)]
    worst = max((difference(one, other) for one, other in pairs), default=0.0)
    return Parity(len(rows), worst, bool(rows) and worst <= TOLERANCE)


def difference(one: Any, other: Any) -> float:
    """The greatest difference of two answers, each a number or a list of numbers."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return max((difference(a, b) for a, b in zip(one, other, strict=True)), default=0.0)
    if isinstance(one, float) and isinstance(other, float):
        return 0.0 if one == other or (one != one and other != other) else abs(one - other)
    return 0.0 if one == other else float("inf")


def rows_like(signature: Signature, example: Sequence[Row], count: int = ROWS, seed: int = 0) -> list[Row]:
    """Rows to prove a path with, made from examples (at least one)."""
    random = Random(seed)
    rows = [list(row) for row in example[: count // 2]]
    seen = [_seen(column, [row[index] for row in example]) for index, column in enumerate(signature)]
    while len(rows) < count:
        rows.append([_value(column, *facts, random) for column, facts in zip(signature, seen, strict=True)])
    return rows


def _seen(column: Column, values: list[Any]) -> tuple[list[Any], float]:
    """The known values of a column, and how far its numbers reach."""
    known = [value for value in values if value is not None]
    known += list(column.categories or ())
    numbers = [value for value in known if isinstance(value, int | float) and not isinstance(value, bool)]
    return known, float(max(numbers) - min(numbers)) or 1.0 if numbers else 1.0


def _value(column: Column, known: list[Any], reach: float, random: Random) -> Any:
    if column.nullable and (not known or random.random() < NULL_SHARE):
        return None
    value: Any = random.choice(known) if known else _PLAIN[column.type]
    if column.type == "str" or column.categories is not None:
        unseen = UNKNOWN if column.type == "str" else 2**31 - 1
        return unseen if random.random() < UNKNOWN_SHARE else value
    if column.type == "bool" or random.random() >= MOVED_SHARE:
        return value
    moved = value + random.gauss(0.0, random.choice((1e-9, 0.01, 0.5, 3.0))) * reach
    return moved if column.type == "float" else round(moved)
