"""Everything that is wrong with a `regie.yaml`, found in one go, each with its place."""

from dataclasses import dataclass
from typing import Any, Protocol

from regie.base.errors import BadInput, NotThereYet, RegieError

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """`where`: `regie.yaml:12:7`. `reserved`: the grammar knows it, the product does not have it yet."""

    where: str
    what: str
    do: str = ""
    reserved: bool = False

    @property
    def text(self) -> str:
        return f"{self.where}: {self.what}" + (f" ({self.do})" if self.do else "")

    def to_json(self) -> dict[str, str]:
        return {"where": self.where, "what": self.what, "do": self.do}


class Locator(Protocol):
    """Says where a path of the document stands."""

    def where(self, path: Path, offset: int = 0, key: bool = False) -> str: ...


class JsonPlaces:
    """Places in a JSON document: `model.gates[2]`."""

    def where(self, path: Path, offset: int = 0, key: bool = False) -> str:
        dotted = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        return (dotted.removeprefix(".") or "document") + (f":{offset + 1}" if offset else "")


class _Problems(RegieError):
    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        super().__init__(first.what, first.where, first.do)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(problem.text for problem in self.problems)

    def body(self) -> dict[str, Any]:
        return super().body() | {"problems": [problem.to_json() for problem in self.problems]}


class SpecError(_Problems, BadInput):
    """`regie.yaml` breaks its grammar, or promises what cannot be kept. `.problems` holds all of it, one per line."""

    code = "spec.invalid"


class SpecNotThereYet(_Problems, NotThereYet):
    """`regie.yaml` is well written, but uses words that the product does not have yet. `.problems` holds all of them."""


def refuse(problems: tuple[Problem, ...]) -> None:
    """Raise what the problems amount to, if there are any: an error as soon as one is more than not there yet."""
    if problems:
        raise (SpecNotThereYet if all(problem.reserved for problem in problems) else SpecError)(problems)
