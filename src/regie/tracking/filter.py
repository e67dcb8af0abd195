"""The grammar of MLflow's filters and orders, one parser for every sort of thing that can be searched.

    metrics.rmse < 0.5 AND params."my key" LIKE 'a%' AND run_id IN ('x', 'y') AND tags.stage IS NOT NULL
    metrics.rmse DESC

A `Grammar` says what may be compared with what; `grammars` has one for each sort of thing. Keys and LIKE tell upper from lower case,
ILIKE does not. Keys that are no plain words stand in backticks or double quotes, text in single or double ones; a quote inside text
of the same quotes stays as it was written, as in stock MLflow. AND only, and it may be left out; OR is refused. What stock MLflow
refuses is refused here, with BadInput and the place. The time to read a filter grows with its length.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from regie.base.errors import BadInput

Value = str | float | int | tuple[str, ...] | None
ORDERING = (">", ">=", "<", "<=")
NUMERIC_OPERATORS = ("=", "!=", *ORDERING)
TEXT_OPERATORS = ("=", "!=", "LIKE", "ILIKE")
LIST_OPERATORS = ("IN", "NOT IN")
NULL_OPERATORS = ("IS NULL", "IS NOT NULL")
# More than anybody writes by hand; a hundred comparisons keep PostgreSQL busy for minutes.
MAX_CLAUSES, MAX_LIST, MAX_ORDERS, MAX_PATTERN = 30, 10_000, 20, 10_000
_INT64, _LONGEST = 1 << 63, 20  # characters of the least number of 64 bits, its sign with it
_SPACE = re.compile(r"\s*")
_BARE = r"(?!\d+(?![\w$#]))[\w$#]+"  # a part of a key that needs no quotes: a number alone does
_NAME = re.compile(rf"""(?:(`?\w+`?)\.)?(?:`((?:``|[^`])+)`|"((?:""|\\"|[^"])+)"|({_BARE}(?:\.{_BARE})*))""")
_OPERATOR = re.compile(r"(?:(IS\s+NOT NULL|IS\s+NULL|NOT\s+IN|IN|ILIKE|LIKE|RLIKE)\b|([<>=~!]+))", re.IGNORECASE)
_TEXT = re.compile(r"""'((?:''|\\'|[^'])*)'|"((?:""|\\"|[^"])*)\"""")
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d+)?[eE]-?\d+|\d+\.\d*|\.\d+|\d+)(?![\w.])")
_WORD = re.compile(r"(\w+)(?![\w.])")
_AND, _OR = re.compile(r"AND\b", re.IGNORECASE), re.compile(r"OR\b", re.IGNORECASE)
_ITEM = re.compile(r"""'((?:\\.|[^'\\\n])*)'|"((?:\\.|[^"\\\n])*)\"""", re.DOTALL)
_ESCAPE = re.compile(r"\\([\\'\"])")
_DIRECTION = re.compile(r"\s+(ASC|DESC)$", re.IGNORECASE)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # no database holds these in a text


class Misread(BadInput):
    """A filter or an order that breaks off the grammar at a character. `hint` is a word for what is wanted there, `values` belong to it."""

    def __init__(self, what: str, do: str, at: int, hint: str, values: Mapping[str, str]) -> None:
        super().__init__(what, "filter or order_by", do)
        self.at, self.hint, self.values = at, hint, values


@dataclass(frozen=True)
class Clause:
    """One comparison. `value` is a tuple for IN, None for IS NULL."""

    kind: str
    key: str
    operator: str
    value: Value


@dataclass(frozen=True)
class Order:
    """One key to sort by."""

    kind: str
    key: str
    ascending: bool = True


@dataclass(frozen=True)
class Sort:
    """What one sort of value is compared with: these operators, and a number or text."""

    operators: tuple[str, ...]
    number: bool = False
    whole: bool = False  # a number without a fraction
    real: bool = False  # a number is a float, as the values are that it is compared with: both databases then compare alike
    either: bool = False  # a number may stand in quotes, text may be a number or a bare word


@dataclass(frozen=True)
class Grammar:
    """What can be searched. `prefixes`: what a writer may put before a key, and the kind that it means."""

    prefixes: Mapping[str, str]
    free: Mapping[str, Sort]  # kind to sort: any key
    fixed: Mapping[str, Mapping[str, Sort]]  # kind to its keys; `attribute` needs no prefix
    orders: Mapping[str, frozenset[str] | None]  # kind to the keys that it is sorted by; None for any
    aliases: Mapping[str, str] = field(default_factory=dict)  # of attributes
    any_case: bool = True  # `like` is LIKE
    bare_orders: bool = False  # an order has no prefix

    def sort(self, kind: str, key: str) -> Sort | None:
        return self.fixed.get(kind, {}).get(key) or self.free.get(kind)


def parse(text: str | None, grammar: Grammar) -> list[Clause]:
    """The comparisons of a filter, all of which must hold; none for an empty one. Raises BadInput."""
    source, clauses = storable(text or ""), list[Clause]()
    at = _skip(source, 0)
    while at < len(source):
        if (joint := _AND.match(source, at)) is not None:
            at = _skip(source, joint.end())
            continue
        clause, at = _clause(source, at, grammar)
        clauses.append(clause)
        if len(clauses) > MAX_CLAUSES:
            raise BadInput(
                f"a filter has more than {MAX_CLAUSES} comparisons", "filter", "search with fewer, or for lists with IN"
            )
        at = _skip(source, at)
    return clauses


def storable(text: str) -> str:
    """Raises BadInput for text that no database holds."""
    if (found := _UNSTORABLE.search(text)) is not None:
        raise BadInput(
            f"character {found.start() + 1} of the filter, {found.group()!r}, is in no stored text", "filter", "leave it out"
        )
    return text


def parse_order(text: str, grammar: Grammar) -> Order:
    """One `order_by` entry. Raises BadInput."""
    direction = _DIRECTION.search(storable(text))
    head = text[: direction.start()] if direction else text
    kind, key, at = _name(head, 0, grammar)
    if at < len(head) or (grammar.bare_orders and "." in head):
        raise _wrong(text, at, "write a key, then ASC or DESC", "order")
    key = grammar.aliases.get(key, key) if kind == "attribute" and key in (grammar.orders[kind] or ()) else key
    return ordered(Order(kind, key, not (direction and direction.group(1).upper() == "DESC")), grammar)


def ordered(order: Order, grammar: Grammar) -> Order:
    """The order, where things are sorted by that. Raises BadInput."""
    if order.kind not in grammar.orders:
        raise BadInput(f"nothing is sorted by a {order.kind}", "order_by", "sort by one of " + ", ".join(sorted(grammar.orders)))
    keys = grammar.orders[order.kind]
    if keys is not None and order.key not in keys:
        raise BadInput(f"nothing is sorted by {order.key!r}", "order_by", "write one of " + ", ".join(sorted(keys)))
    return order


def parse_orders(texts: list[str], grammar: Grammar) -> list[Order]:
    """All `order_by` entries; the same key twice is refused, as it is by stock MLflow. Raises BadInput."""
    return distinct([parse_order(text, grammar) for text in texts])


def distinct(orders: list[Order]) -> list[Order]:
    """Raises BadInput for a key that comes twice, and for more orders than anybody needs."""
    if len({(one.kind, one.key) for one in orders}) < len(orders):
        raise BadInput("order_by contains duplicate fields", "order_by", "name each key once")
    if len(orders) > MAX_ORDERS:
        raise BadInput(f"order_by has more than {MAX_ORDERS} keys", "order_by", "sort by fewer")
    return orders


def _clause(source: str, at: int, grammar: Grammar) -> tuple[Clause, int]:
    begin = at
    if _OR.match(source, at) is not None:
        raise _wrong(source, at, "join comparisons with AND; OR is not supported", "and_only")
    kind, key, at = _name(source, at, grammar)
    sort = grammar.sort(kind, key)
    if sort is None:
        keys = sorted(grammar.fixed.get(kind, {}))
        known = ", ".join(keys)
        raise _wrong(
            source, begin, f"there is no {kind} {key!r}; write one of {known}", "no_such", kind=kind, key=key, known=known
        )
    found = _OPERATOR.match(source, at := _skip(source, at))
    said = (found.group(1) or found.group(2)) if found else ""
    operator = " ".join(said.upper().split())
    if operator not in sort.operators or found is None:
        known = ", ".join(sort.operators)
        raise _wrong(source, at, f"{kind} {key} is compared by one of {known}", "operator", kind=kind, key=key, known=known)
    if not grammar.any_case and operator in ("LIKE", "ILIKE", "IN") and said != operator:
        raise _wrong(source, at, f"write {operator}", "spell", known=operator)
    at = found.end()
    key = grammar.aliases.get(key, key) if kind == "attribute" else key
    if operator in NULL_OPERATORS:
        return Clause(kind, key, operator, None), at
    at = _skip(source, at)
    if operator in ORDERING and not sort.number:
        sort = Sort(sort.operators, number=True)  # what may be text or a number: the order is that of numbers
    value, at = _list(source, at) if operator in LIST_OPERATORS else _value(source, at, sort)
    if operator not in sort.operators[:2] and isinstance(value, str) and len(value) > MAX_PATTERN:
        raise BadInput(f"a pattern has {len(value)} characters", "filter", f"write at most {MAX_PATTERN}")
    return Clause(kind, key, operator, value), at


def _name(source: str, at: int, grammar: Grammar) -> tuple[str, str, int]:
    found = _NAME.match(source, at)
    if found is None:
        raise _wrong(source, at, "write a key such as metrics.rmse", "key")
    prefix, ticked, quoted, word = found.groups()
    if prefix is None and word is not None and "." in word:
        prefix, _, word = word.partition(".")
    if prefix is None:
        return "attribute", ticked or quoted or word, found.end()
    kind = grammar.prefixes.get(prefix)
    if kind is None:
        known = ", ".join(sorted(one for one in grammar.prefixes if "`" not in one))
        raise _wrong(source, at, f"{prefix} is none of {known}", "prefix", key=prefix, known=known)
    return kind, ticked or quoted or word, found.end()


def _value(source: str, at: int, sort: Sort) -> tuple[Value, int]:
    if (number := _NUMBER.match(source, at)) is not None and (sort.number or sort.either):
        return (_number(source, at, number.group(), sort) if sort.number else number.group()), number.end()
    text = _TEXT.match(source, at)
    if text is not None and not sort.number:
        return text.group(1) if text.group(1) is not None else text.group(2), text.end()
    if text is not None and sort.either and re.fullmatch(r"-?\d+", said := text.group(1) or text.group(2) or ""):
        return _number(source, at, said, sort), text.end()
    if sort.either and not sort.number and (word := _WORD.match(source, at)) is not None:
        return word.group(1), word.end()
    raise _wrong(source, at, *(("write a number", "number") if sort.number else ("write text in quotes", "text")))


def _number(source: str, at: int, said: str, sort: Sort) -> int | float:
    """A whole number as such, so that none of 64 bits loses its last digits, but where values are floats."""
    if sort.real:
        return float(said)
    if not re.fullmatch(r"-?\d+", said):
        if sort.whole:
            raise _wrong(source, at, "write a whole number", "whole")
        return float(said)
    if len(said) <= _LONGEST and -_INT64 <= int(said) < _INT64:
        return int(said)
    if sort.whole:
        raise _wrong(source, at, "write a number of 64 bits", "whole")
    return float(said)


def _list(source: str, at: int) -> tuple[Value, int]:
    if source[at : at + 1] != "(":
        raise _wrong(source, at, "write a list such as ('a', 'b')", "list")
    at, values = _skip(source, at + 1), list[str]()
    while (text := _ITEM.match(source, at)) is not None:
        values.append(_ESCAPE.sub(r"\1", text.group(1) if text.group(1) is not None else text.group(2)))
        at = _skip(source, text.end())
        if source[at : at + 1] == ",":
            at = _skip(source, at + 1)
        elif source[at : at + 1] != ")":
            break
        if source[at : at + 1] == ")":
            return _counted(tuple(values)), at + 1
    raise _wrong(source, at, "write a list of texts in quotes, such as ('a', 'b')", "list")


def _counted(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(values) > MAX_LIST:
        raise BadInput(f"a list has {len(values)} texts", "filter", f"write at most {MAX_LIST}")
    return values


def _skip(source: str, at: int) -> int:
    found = _SPACE.match(source, at)
    return found.end() if found else at


def _wrong(source: str, at: int, do: str, hint: str, **values: str) -> Misread:
    shown = source if len(source) <= 200 else f"{source[:200]}..."
    return Misread(f"{shown!r} is no filter, from character {at + 1} on", do, at, hint, values)
