"""Which code does a step depend on? Answered from the source alone: user code is never imported here.

`closure` starts at one function and follows every name that it reaches: functions, classes, constants and what they are computed
from, across the project's modules. Beside what is reached by name it takes the *effects* of every module that running the step
imports: statements that may change what others see (calls, registrations, `module.name = ...`, changes in place).

In doubt it goes a level up, never down: to a whole module where a module is handed around as a value, lacks the name that is
asked of it, or rebinds it by `global`; to the whole project where code looks names up while it runs (`getattr` on a module,
`importlib`, `eval`, `globals()`, `import *`, `__file__`, unpickling, other processes), or where the project hides a module of the
standard library. Comments and layout never count; docstrings do, since libraries read them. Not seen: files, environment variables
and network that a step reads without declaring them, and a module that a library imports by a name which no constant spells.
"""

from collections.abc import Mapping

from regie.pipelines.reach import CodeParts, Reach
from regie.pipelines.sources import Sources


class Project(Sources):
    """A project's sources, and what its steps depend on; each step is walked once."""

    def __init__(self, files: Mapping[str, str]) -> None:
        super().__init__(files)
        self._closures: dict[tuple[str, str], CodeParts] = {}

    def closure(self, module: str, function: str) -> CodeParts:
        """The parts of one step. A function that is not found, or a module that does not parse, means the whole project."""
        if (module, function) not in self._closures:
            self._closures[module, function] = Reach(self).of(module, function)
        return self._closures[module, function]


def closure(files: Mapping[str, str], module: str, function: str) -> CodeParts:
    """The parts of the code that `module:function` depends on."""
    return Project(files).closure(module, function)
