"""The grammar of MLflow's filters and orders.

    metrics.rmse < 0.5 AND params."my key" LIKE 'a%' AND run_id IN ('x', 'y') AND tags.stage IS NOT NULL
    metrics.rmse DESC

Keys and LIKE tell upper from lower case, ILIKE does not. Names may stand in backticks or double quotes, text in single or double
ones. AND only: OR is refused, as by stock MLflow. Raises BadInput with the place.
"""

import re
from dataclasses import dataclass
from typing import Literal

from regie.base.errors import BadInput

Kind = Literal["metric", "param", "tag", "attribute", "dataset"]
Value = str | float | int | tuple[str, ...] | None
_PREFIXES: dict[str, Kind] = {
    "metric": "metric", "metrics": "metric", "param": "param", "params": "param", "parameter": "param", "parameters": "param",
    "tag": "tag", "tags": "tag", "attribute": "attribute", "attributes": "attribute", "attr": "attribute", "run": "attribute",
    "dataset": "dataset", "datasets": "dataset",
}  # fmt: skip
_NAME = re.compile(r"""\s*(?:([A-Za-z]+)\s*\.\s*)?(?:`([^`]+)`|"([^"]+)"|([^\s=!<>'"`(),]+))""")
_OPERATOR = re.compile(r"\s*(?:(IS\s+NOT\s+NULL|IS\s+NULL|NOT\s+IN|IN|ILIKE|LIKE)(?![\w.])|(!=|>=|<=|=|<|>))", re.IGNORECASE)
_TEXT = re.compile(r"""\s*(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")""")
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])")
_AND = re.compile(r"\s*AND(?!\w)", re.IGNORECASE)
_DIRECTION = re.compile(r"\s+(ASC|DESC)\s*$", re.IGNORECASE)
NUMERIC_OPERATORS = ("=", "!=", ">", ">=", "<", "<=")
TEXT_OPERATORS = ("=", "!=", "LIKE", "ILIKE", "IN", "NOT IN")
NULL_OPERATORS = ("IS NULL", "IS NOT NULL")


@dataclass(frozen=True)
class Clause:
    """One comparison. `value` is a tuple for IN, None for IS NULL."""

    kind: Kind
    key: str
    operator: str
    value: Value


@dataclass(frozen=True)
class Order:
    """One key to sort by."""

    kind: Kind
    key: str
    ascending: bool = True


def parse(text: str | None) -> list[Clause]:
    """The comparisons of a filter, all of which must hold; none for an empty one."""
    source, at, clauses = text or "", 0, list[Clause]()
    if not source.strip():
        return clauses
    while True:
        clause, at = _clause(source, at)
        clauses.append(clause)
        if not source[at:].strip():
            return clauses
        follows = _AND.match(source, at)
        if follows is None:
            raise _wrong(source, at, "join comparisons with AND; OR is not supported")
        at = follows.end()


def parse_order(text: str) -> Order:
    """One `order_by` entry."""
    direction = _DIRECTION.search(text)
    head = text[: direction.start()] if direction else text
    kind, key, at = _name(head, 0)
    if head[at:].strip():
        raise _wrong(text, at, "write a key, then ASC or DESC")
    return Order(kind, key, not (direction and direction.group(1).upper() == "DESC"))


def _clause(source: str, at: int) -> tuple[Clause, int]:
    kind, key, at = _name(source, at)
    found = _OPERATOR.match(source, at)
    if found is None:
        raise _wrong(source, at, "write =, !=, <, <=, >, >=, LIKE, ILIKE, IN or IS NULL")
    operator = " ".join((found.group(1) or found.group(2)).upper().split())
    at = found.end()
    if operator in NULL_OPERATORS:
        return Clause(kind, key, operator, None), at
    value, at = _list(source, at) if operator.endswith("IN") else _value(source, at)
    return Clause(kind, key, operator, value), at


def _name(source: str, at: int) -> tuple[Kind, str, int]:
    found = _NAME.match(source, at)
    if found is None:
        raise _wrong(source, at, "write a key such as metrics.rmse")
    prefix, *names = found.groups()
    key = next(name for name in names if name is not None)
    if prefix is None:
        return "attribute", key, found.end()
    kind = _PREFIXES.get(prefix.lower())
    if kind is None:
        raise _wrong(source, at, f"{prefix} is none of metrics, params, tags, attributes, datasets")
    return kind, key, found.end()


def _value(source: str, at: int) -> tuple[Value, int]:
    if (text := _TEXT.match(source, at)) is not None:
        return _unquoted(text), text.end()
    if (number := _NUMBER.match(source, at)) is not None:
        said = number.group(1)
        return (int(said) if re.fullmatch(r"[+-]?\d+", said) else float(said)), number.end()
    raise _wrong(source, at, "write a number, or text in quotes")


def _list(source: str, at: int) -> tuple[Value, int]:
    opening = re.compile(r"\s*\(").match(source, at)
    if opening is None:
        raise _wrong(source, at, "write a list such as ('a', 'b')")
    at, values = opening.end(), list[str]()
    while (text := _TEXT.match(source, at)) is not None:
        values.append(_unquoted(text))
        after = re.compile(r"\s*([,)])").match(source, text.end())
        if after is None:
            break
        at = after.end()
        if after.group(1) == ")":
            return tuple(values), at
    raise _wrong(source, at, "write a list of texts in quotes, such as ('a', 'b')")


def _unquoted(text: re.Match[str]) -> str:
    single, double = text.groups()
    return single.replace("''", "'") if single is not None else double.replace('""', '"')


def _wrong(source: str, at: int, do: str) -> BadInput:
    return BadInput(f"{source!r} is no filter, from character {at + 1} on", "filter or order_by", do)
