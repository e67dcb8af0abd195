"""A cursor over plain JSON that knows its place, collects every problem, and lets no unknown key through.

Each reader of a value returns None after a problem, so that reading goes on and one run reports everything; whoever reads a
document must look at the problems before using what was read.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from regie.spec.problems import JsonPlaces, Locator, Path, Problem
from regie.spec.scanner import Malformed, Reserved, nearest
from regie.spec.schema import NAME, RESERVED, SHAPES

T = TypeVar("T")


@dataclass
class Problems:
    """What was found wrong so far."""

    locator: Locator = field(default_factory=JsonPlaces)
    found: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class Node:
    """One value of the document."""

    value: Any
    path: Path
    problems: Problems

    @property
    def label(self) -> str:
        """How a sentence calls it."""
        names = [part for part in self.path if isinstance(part, str)]
        return f"`{names[-1]}`" if names else "the document"

    def problem(self, what: str, do: str = "", offset: int = 0, key: bool = False, reserved: bool = False) -> None:
        where = self.problems.locator.where(self.path, offset, key)
        self.problems.found.append(Problem(where, what, do, reserved))

    def child(self, part: str | int, value: Any) -> "Node":
        return Node(value, (*self.path, part), self.problems)

    def not_there_yet(self, what: str, do: str = "", key: bool = False) -> None:
        self.problem(f"{what} is not there yet", do or "leave it out for now", key=key, reserved=True)

    def record(self, shape: str) -> dict[str, "Node"]:
        """The known keys that say something. Unknown, reserved and missing ones become problems."""
        if self.value is None:
            return self._required({}, shape)
        if not isinstance(self.value, dict):
            self.problem(f"{self.label} must be a mapping", f"its keys: {', '.join(SHAPES[shape]['properties'])}")
            return {}
        return self._required({key: self.child(key, value) for key, value in self.value.items()}, shape)

    def _required(self, given: dict[str, "Node"], shape: str) -> dict[str, "Node"]:
        valid = SHAPES[shape]["properties"]
        usable = [key for key in valid if f"{shape}.{key}" not in RESERVED]
        for key, node in given.items():
            if f"{shape}.{key}" in RESERVED:
                node.not_there_yet(RESERVED[f"{shape}.{key}"], key=True)
            elif key not in valid:
                node.problem(f"unknown key `{key}`", nearest(key, usable), key=True)
        for key in SHAPES[shape]["required"]:
            if key not in given or given[key].value is None:
                self.problem(f"`{key}` is missing", key=bool(self.path))
        return {key: node for key, node in given.items() if key in usable and node.value is not None}

    def named(self, pattern: str | None = NAME) -> Iterator[tuple[str, "Node"]]:
        """The entries of a mapping from names that the user chose."""
        if not isinstance(self.value, dict):
            self.problem(f"{self.label} must be a mapping of names")
            return
        for name, value in self.value.items():
            node = self.child(name, value)
            if pattern and not re.match(pattern, name):
                node.problem(f"`{name}` cannot be a name", "small letters, digits, - and _, a letter first", key=True)
            else:
                yield name, node

    def items(self, single: bool = False) -> list["Node"]:
        """The items of a list; with `single`, one value stands for a list of one."""
        if isinstance(self.value, list):
            return [self.child(index, value) for index, value in enumerate(self.value)]
        if single and not isinstance(self.value, dict):
            return [self]
        self.problem(f"{self.label} must be a list", "one item per line, each after `- `")
        return []

    def text(self) -> str | None:
        if isinstance(self.value, str) and self.value.strip():
            return self.value
        self.problem(f"{self.label} must be text, not {spelled(self.value)}", "put it in quotes if it is meant as text")
        return None

    def identifier(self) -> str | None:
        """A name of ours: of a workspace, a model, an endpoint."""
        text = self.text()
        if text is not None and not re.match(NAME, text):
            self.problem(f"`{text}` cannot be a name", "small letters, digits, - and _, a letter first")
            return None
        return text

    def choice(self, valid: Iterable[str]) -> str | None:
        text, words = self.text(), list(valid)
        if text is None or text in words:
            return text
        self.problem(f"`{text}` is not a {self.label.strip('`')}", nearest(text, words))
        return None

    def flag(self) -> bool:
        if not isinstance(self.value, bool):
            self.problem(f"{self.label} must be true or false, not {spelled(self.value)}")
        return self.value is True

    def number(self, low: float, high: float) -> float | None:
        """A number strictly between two others."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool) and low < self.value < high:
            return self.value
        self.problem(f"{self.label} must be a number between {low:g} and {high:g}, not {spelled(self.value)}")
        return None

    def parse(self, parser: Callable[[str], T]) -> T | None:
        """The phrase that a text states."""
        text = self.text()
        if text is None:
            return None
        try:
            return parser(text)
        except Malformed as wrong:
            self.problem(wrong.what, wrong.do, wrong.offset)
        except Reserved as early:
            self.problem(early.what, early.do, early.offset, reserved=True)
        return None


Nodes = dict[str, Node]


def spelled(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or value == "":
        return "nothing"
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"
