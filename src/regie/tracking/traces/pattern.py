"""RLIKE: regular expressions whose cost grows with the length of the text, never faster.

Python's own engine takes exponential time for some patterns and holds up every other request meanwhile; whoever may search could
stop the server with one filter. So SQLite asks this one, and PostgreSQL its own, after the same check of what may be written:

    letters   .   [a-z]  [^a-z]   \\d \\w \\s \\D \\W \\S   ( )  (?: )   |   *  +  ?  {2} {2,} {2,5}   ^  $

A match may begin anywhere. `.` is any character. The method is Thompson's (1968): all states at once, each step remembered.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, func

from regie.base.errors import BadInput

LONGEST, DEEPEST, MOST_STATES, MOST_STEPS = 500, 20, 2_000, 10_000
MOST_TIMES = 255  # as PostgreSQL
_CLASSES: dict[str, Callable[[str], bool]] = {
    "d": str.isdecimal, "w": lambda one: one.isalnum() or one == "_", "s": str.isspace,
    "D": lambda one: not one.isdecimal(), "W": lambda one: not (one.isalnum() or one == "_"), "S": lambda one: not one.isspace(),
}  # fmt: skip
_SET = re.compile(r"\[(\^?)((?:[^\]\\\[]|\\.)+)\]", re.DOTALL)
_RANGE = re.compile(r"(\\.|.)(?:-(\\.|[^-]))?", re.DOTALL)
_TIMES = re.compile(r"(\*|\+|\?|\{(\d{1,3})(?:(,)(\d{1,3})?)?\})\??")
Node = tuple[Any, ...]  # ("one", test) ("begin",) ("end",) ("all", nodes) ("any", nodes) ("times", node, least, most or None)


def matches(db: Connection, column: Any, text: str) -> ColumnElement[bool]:
    """Whether the pattern is found in a column. Raises BadInput for a pattern that is none."""
    compiled(text)
    if db.dialect.name == "postgresql":
        return column.regexp_match(text)  # type: ignore[no-any-return]
    raw: Any = db.connection.driver_connection
    raw.create_function("regie_rlike", 2, _asked, deterministic=True)
    return func.regie_rlike(text, column) == 1


def _asked(text: str, value: str | None) -> int | None:
    return None if value is None else int(compiled(text).found_in(value))


@lru_cache(maxsize=64)
def compiled(text: str) -> "Pattern":
    """Raises BadInput."""
    if len(text) > LONGEST:
        raise BadInput(f"the pattern has {len(text)} characters", "RLIKE", f"write at most {LONGEST}")
    return Pattern(_Reader(text).whole())


class _Reader:
    """Text to nodes, by descent."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0

    def whole(self) -> Node:
        node = self.choice()
        if self.at < len(self.text):
            raise self.wrong("there is a ) too much")
        return node

    def choice(self) -> Node:
        options = [self.sequence()]
        while self.text[self.at : self.at + 1] == "|":
            self.at += 1
            options.append(self.sequence())
        return options[0] if len(options) == 1 else ("any", options)

    def sequence(self) -> Node:
        nodes = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            node = self.piece()
            times = _TIMES.match(self.text, self.at)
            if times is not None:
                self.at = times.end()
                node = self.repeated(node, times)
            nodes.append(node)
        return ("all", nodes)

    def repeated(self, node: Node, times: re.Match[str]) -> Node:
        if node[0] in ("begin", "end"):
            raise self.wrong("^ and $ are not repeated")
        sign, least, more, most = times.groups()
        if least is None:
            return ("times", node, int(sign == "+"), 1 if sign == "?" else None)
        last = int(most) if most else None if more else int(least)
        if max(int(least), last or 0) > MOST_TIMES or (last is not None and last < int(least)):
            raise self.wrong(f"write {{least,most}}, at most {MOST_TIMES}")
        return ("times", node, int(least), last)

    def piece(self) -> Node:
        letter = self.text[self.at]
        if letter == "(":
            return self.group()
        if letter == "[":
            return self.of_set()
        if letter in "*+?{":
            raise self.wrong(f"nothing stands before {letter}")
        self.at += 1
        if letter == "\\":
            return ("one", self.escaped())
        return {"^": ("begin",), "$": ("end",), ".": ("one", lambda one: True)}.get(letter) or ("one", letter.__eq__)

    def escaped(self) -> Callable[[str], bool]:
        letter = self.text[self.at : self.at + 1]
        self.at += 1
        if letter in _CLASSES and letter:
            return _CLASSES[letter]
        if not letter or letter.isalnum():
            raise self.wrong("write a sign behind \\, or one of d w s D W S")
        return letter.__eq__

    def group(self) -> Node:
        self.at += 3 if self.text.startswith("(?:", self.at) else 1
        self.depth += 1
        if self.depth > DEEPEST or self.text[self.at : self.at + 1] == "?":
            raise self.wrong("write plain groups, few inside one another")
        node = self.choice()
        if self.text[self.at : self.at + 1] != ")":
            raise self.wrong("a ) is missing")
        self.at += 1
        self.depth -= 1
        return node

    def of_set(self) -> Node:
        found = _SET.match(self.text, self.at)
        if found is None:
            raise self.wrong("write a set such as [a-z]")
        begin = self.at
        self.at = found.end()
        tests = list[Callable[[str], bool]]()
        for low, high in _RANGE.findall(found.group(2)):
            if low[0] == "\\" and low[1] in _CLASSES and not high:
                tests.append(_CLASSES[low[1]])
                continue
            first, last = low[-1], (high or low)[-1]
            if first > last or (low[0] == "\\" and low[1].isalnum()) or (high[:1] == "\\" and high[1].isalnum()):
                self.at = begin
                raise self.wrong("write a set such as [a-z]")
            tests.append(_between(first, last))
        wanted = not found.group(1)
        return ("one", lambda one: any(test(one) for test in tests) == wanted)

    def wrong(self, do: str) -> BadInput:
        return BadInput(f"{self.text!r} is no pattern, from character {self.at + 1} on", "RLIKE", do)


def _between(first: str, last: str) -> Callable[[str], bool]:
    return lambda one: first <= one <= last


class Pattern:
    """A compiled pattern. Safe to share between threads: what it remembers is only ever added, or forgotten whole."""

    def __init__(self, node: Node) -> None:
        self.states: list[tuple[Any, ...]] = [("found",)]
        self.first = self._add(node, 0)
        self.again = self._reached([self.first], begin=False)
        self.steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def found_in(self, text: str) -> bool:
        now = self._reached([self.first], begin=True, end=not text)
        last = len(text) - 1
        for place, letter in enumerate(text):
            if 0 in now:
                return True
            if place == last:
                return 0 in self._reached([*self._next(now, letter), self.first], begin=False, end=True)
            step = (now, letter)
            following = self.steps.get(step)
            if following is None:
                following = self._reached(self._next(now, letter), begin=False) | self.again
                if len(self.steps) >= MOST_STEPS:
                    self.steps = {}
                self.steps[step] = following
            now = following
        return 0 in now

    def _next(self, now: Iterable[int], letter: str) -> list[int]:
        here = (self.states[one] for one in now)
        return [state[2] for state in here if state[0] == "one" and state[1](letter)]

    def _reached(self, start: Iterable[int], begin: bool, end: bool = False) -> frozenset[int]:
        """The states that are reached without a letter."""
        seen, left = set[int](), list(start)
        while left:
            one = left.pop()
            if one in seen:
                continue
            seen.add(one)
            kind, *targets = self.states[one]
            if kind == "either" or (kind == "begin" and begin) or (kind == "end" and end):
                left += targets
        return frozenset(seen)

    def _add(self, node: Node, then: int) -> int:
        """The states of a node, which lead on to `then`; returns the first of them."""
        kind = node[0]
        if kind in ("one", "begin", "end"):
            return self._state(*node, then)
        if kind == "all":
            for one in reversed(node[1]):
                then = self._add(one, then)
            return then
        if kind == "any":
            return self._state("either", *[self._add(one, then) for one in node[1]])
        _, inner, least, most = node
        first = then
        if most is None:
            first = self._state("either")
            self.states[first] = ("either", self._add(inner, first), then)
        for _ in range((most or least) - least):
            first = self._state("either", self._add(inner, first), then)
        for _ in range(least):
            first = self._add(inner, first)
        return first

    def _state(self, *state: Any) -> int:
        if len(self.states) >= MOST_STATES:
            raise BadInput("the pattern repeats too much", "RLIKE", "write smaller numbers in { }")
        self.states.append(state)
        return len(self.states) - 1
