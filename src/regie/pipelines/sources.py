"""The modules of a project, parsed; nothing is imported."""

import sys
from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath

from regie.base.canonical import digest
from regie.pipelines.modules import parsed


class Sources:
    """The parsed modules of a project: path to source, as `project.files` gives it."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.modules = {name: parsed(name, path, files[path]) for path in sorted(files) for name in names_of(path)}

    def below(self, name: str) -> list[str]:
        """A module and what lies below it."""
        return [one for one in self.modules if one == name or one.startswith(f"{name}.")]

    def has(self, name: str) -> bool:
        """Whether it is a module of the project, or a folder of modules without `__init__`."""
        return name in self._places

    def defines(self, name: str, attribute: str) -> bool:
        """Whether a module has something under that name."""
        found = self.modules.get(name)
        return self.has(f"{name}.{attribute}") or (found is not None and attribute in found.bindings)

    @cached_property
    def _places(self) -> frozenset[str]:
        return frozenset(prefix for name in self.modules for prefix in prefixes(name))

    @cached_property
    def hides_the_standard_library(self) -> bool:
        """Then what the standard library itself imports may be the project's."""
        return any(name in sys.stdlib_module_names for name in self._places)

    @cached_property
    def digest(self) -> str:
        """Of every module, without comments and layout."""
        return digest({module.path: module.whole for module in self.modules.values()})


def names_of(path: str) -> list[str]:
    """The names under which a file can be imported; `src/` is on the path too."""
    pure = PurePosixPath(path)
    parts = list(pure.parts[:-1]) if pure.name == "__init__.py" else [*pure.parts[:-1], pure.stem]
    found = [".".join(parts)] if parts else []
    if len(parts) > 1 and parts[0] == "src":
        found.append(".".join(parts[1:]))
    return found


def prefixes(name: str) -> list[str]:
    """`a.b.c` as a, a.b, a.b.c."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
