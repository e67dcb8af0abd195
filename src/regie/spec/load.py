"""Read a `regie.yaml`: YAML 1.2, closed grammar, every problem at once with file, line and column.

No anchors, no aliases, no tags, no templating: what stands in the file is what is meant. Lines and columns count from 1.
Raises NotFound for a missing file, SpecError and SpecNotThereYet for the rest.
"""

import math
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from regie.base.errors import NotFound
from regie.spec.document import Spec
from regie.spec.problems import Path, Problem, SpecError, refuse
from regie.spec.read import read
from regie.spec.reading import Problems

FILE = "regie.yaml"
TAG = "tag:yaml.org,2002:"
KINDS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")


@dataclass(frozen=True)
class Position:
    """Of a key, and of its value; `inset`: 1 where a quote stands before the text. Lines and columns from 0, as YAML counts."""

    key: tuple[int, int]
    value: tuple[int, int]
    inset: int = 0


@dataclass(frozen=True)
class Positions:
    """Where each path of a file stands."""

    file: str
    at: dict[Path, Position]

    def where(self, path: Path, offset: int = 0, key: bool = False) -> str:
        """`regie.yaml:12:7`. What stands nowhere (a default) is shown at the nearest thing around it."""
        known = path
        while known and known not in self.at:
            known = known[:-1]
        position = self.at.get(known) or Position((0, 0), (0, 0))
        exact = known == path and not key
        line, column = position.value if exact else position.key
        return f"{self.file}:{line + 1}:{column + 1 + (offset + position.inset if exact and offset else 0)}"


@dataclass(frozen=True)
class Loaded:
    """A Spec, the folder of its project, and where its promises stand in its file."""

    spec: Spec
    root: File
    positions: Positions


def load(path: File | str) -> Spec:
    """The promises of a file, or of the `regie.yaml` in a folder."""
    return load_with_positions(path).spec


def load_with_positions(path: File | str) -> Loaded:
    """The same, and where they stand: `check` needs it."""
    file = File(path)
    file = file / FILE if file.is_dir() else file
    return parse(text_of(file), file)


def parse(text: str, file: File) -> Loaded:
    """The promises of a text, as if it stood in that file."""
    positions = Positions(file.name, {})
    problems = Problems(positions)
    document = plain_document(text, positions, problems)
    refuse(in_order(problems.found))
    spec = read(document, problems)
    refuse(in_order(problems.found))
    return Loaded(spec, file.resolve().parent, positions)


def in_order(found: list[Problem]) -> tuple[Problem, ...]:
    """From the top of the file to its end."""
    return tuple(sorted(found, key=lambda problem: [int(part) for part in problem.where.rsplit(":", 2)[1:]]))


def text_of(file: File) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no {file.name}", where=str(file), do="regie init NAME") from None
    except UnicodeDecodeError as wrong:
        raise SpecError((Problem(f"{file.name}:1:1", f"not UTF-8 text: byte {wrong.start}"),)) from None


def plain_document(text: str, positions: Positions, problems: Problems) -> Any:
    """The document as plain JSON; fills in the positions."""
    try:
        root = YAML(typ="rt", pure=True).compose(text)
        return Plainer(positions, problems).plain(root, ()) if root else {}
    except MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        where = f"{positions.file}:{line + 1}:{column + 1}"
        problems.found.append(Problem(where, f"not YAML: {wrong.problem}", "quote texts that hold `: ` or ` #`"))
    except YAMLError as wrong:
        problems.found.append(Problem(f"{positions.file}:1:1", f"not YAML: {str(wrong).splitlines()[0]}"))
    except RecursionError:
        problems.found.append(Problem(f"{positions.file}:1:1", "not a regie.yaml: nested too deeply"))
    return {}


class Plainer:
    """Turns YAML nodes into plain JSON and remembers where each stood."""

    def __init__(self, positions: Positions, problems: Problems) -> None:
        self.positions, self.problems = positions, problems
        self.seen: set[int] = set()

    def plain(self, node: Any, path: Path, key: Any = None) -> Any:
        inset = 1 if isinstance(node, ScalarNode) and node.style in ("'", '"') else 0
        # Nothing stands where YAML has moved on to the next word: show the key.
        shown = key if key and isinstance(node, ScalarNode) and not node.value and not inset else node
        self.positions.at[path] = Position(spot(key or node), spot(shown), inset)
        if id(node) in self.seen:
            return self.refuse(path, "aliases are not part of the grammar", "write it out")
        self.seen.add(id(node))
        if str(node.tag).removeprefix(TAG) not in KINDS:
            return self.refuse(path, f"the tag {node.tag} is not part of the grammar", "leave it out")
        if isinstance(node, MappingNode):
            return self.mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(node, path)

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, ScalarNode) else ""
            if not name:
                self.refuse(path, "a key must be a word")
            elif name in found:
                line, column = spot(key)
                where = f"{self.positions.file}:{line + 1}:{column + 1}"
                first = self.positions.where((*path, name), key=True)
                self.problems.found.append(Problem(where, f"`{name}` is there twice", f"the first one is at {first}"))
            else:
                found[name] = self.plain(value, (*path, name), key)
        return found

    def scalar(self, node: ScalarNode, path: Path) -> Any:
        kind, text = str(node.tag).removeprefix(TAG), str(node.value)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind not in ("int", "float"):
            return text
        number = number_of(kind, text)
        if number is None:
            return self.refuse(path, f"{text} is not a number to promise anything with")
        return number

    def refuse(self, path: Path, what: str, do: str = "") -> None:
        self.problems.found.append(Problem(self.positions.where(path), what, do))


def number_of(kind: str, text: str) -> int | float | None:
    """YAML 1.2: `0o14` is octal, `0x1f` hexadecimal, `010` is ten. None for infinities, and for what `!!int` was put before."""
    digits = text.replace("_", "")
    try:
        if kind == "int":
            return int(digits, 0) if digits.lstrip("+-")[:2].lower() in ("0o", "0x", "0b") else int(digits)
        number = float(digits)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def spot(node: Any) -> tuple[int, int]:
    return node.start_mark.line, node.start_mark.column
