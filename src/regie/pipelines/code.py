"""Which code does a step depend on? Answered from the source alone: user code is never imported here.

`closure` starts at one function and follows every name that it reaches: functions, classes, constants and what they are computed
from, across the project's modules. Beside what is reached by name it takes the *effects* of every module that running the step
imports: statements that may change what others see (calls, registrations, `module.name = ...`, changes in place).

In doubt it goes a level up, never down: to a whole module where a module is handed around as a value, lacks the name that is
asked of it, or rebinds it by `global`; to the whole project where code looks names up while it runs (`getattr` on a module,
`importlib`, `eval`, `globals()`, `import *`, unpickling, other processes). Comments and layout never count; docstrings do, since
libraries read them. Not seen: files, environment variables and network that a step reads without declaring them.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import PurePosixPath

from regie.base.canonical import digest
from regie.pipelines.modules import Function, Module, Target, chain, digest_of, immediate, imported, parsed

WHOLE_PROJECT = "project (whole)"
DYNAMIC_NAMES = frozenset(
    {"eval", "exec", "compile", "__import__", "globals", "locals", "__builtins__", "__loader__", "__spec__"}
)
DYNAMIC_MODULES = frozenset(
    {
        "importlib", "imp", "runpy", "pkgutil", "zipimport", "builtins", "inspect", "gc", "code", "pydoc", "subprocess",
        "pickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal",
    }
)  # fmt: skip
DYNAMIC_PLACES = frozenset(
    {
        "sys.modules", "sys.path", "sys.meta_path", "sys.path_hooks", "sys._getframe", "sys._current_frames", "sys.settrace",
        "sys.setprofile", "os.system", "os.popen", "joblib.load", "joblib.dump", "os.chdir", "typing.get_type_hints",
    }
)  # fmt: skip
DYNAMIC_ATTRIBUTES = frozenset(
    {"__globals__", "__builtins__", "__subclasses__", "__code__", "__closure__", "__loader__", "__spec__", "f_globals",
     "f_locals", "f_back", "tb_frame", "gi_frame", "cr_frame"}
)  # fmt: skip
LOOKUPS = frozenset({"getattr", "setattr", "delattr", "hasattr", "vars", "dir"})


@dataclass(frozen=True)
class CodeParts:
    """What a step's code is made of. `level`: function, module or project, the coarsest that was needed. `parts`: name to digest."""

    level: str
    parts: Mapping[str, str]

    @property
    def digest(self) -> str:
        return digest(dict(self.parts))


class Project:
    """The parsed modules of a project: path to source, as `project.files` gives it."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.modules = {name: parsed(name, path, files[path]) for path in sorted(files) for name in names_of(path)}

    def below(self, name: str) -> list[str]:
        """A module and what lies below it."""
        return [one for one in self.modules if one == name or one.startswith(f"{name}.")]

    def has(self, name: str) -> bool:
        """Whether it is a module of the project, or a folder of modules without `__init__`."""
        return name in self.modules or any(one.startswith(f"{name}.") for one in self.modules)

    @cached_property
    def digest(self) -> str:
        """Of every module, without comments and layout."""
        return digest({module.path: module.whole for module in self.modules.values()})

    def closure(self, module: str, function: str) -> CodeParts:
        """The parts of one step. A function that is not found, or a module that does not parse, means the whole project."""
        return _Reach(self).of(module, function)


def closure(files: Mapping[str, str], module: str, function: str) -> CodeParts:
    """The parts of the code that `module:function` depends on."""
    return Project(files).closure(module, function)


def names_of(path: str) -> list[str]:
    """The names under which a file can be imported; `src/` is on the path too."""
    pure = PurePosixPath(path)
    parts = list(pure.parts[:-1]) if pure.name == "__init__.py" else [*pure.parts[:-1], pure.stem]
    found = [".".join(parts)] if parts else []
    if len(parts) > 1 and parts[0] == "src":
        found.append(".".join(parts[1:]))
    return found


class _Reach:
    """One walk. Work lists instead of recursion, so that deep chains of helpers cannot overflow."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.reached: dict[tuple[str, str], None] = {}
        self.executed: dict[str, None] = {}
        self.whole: dict[str, None] = {}
        self.followed: set[tuple[str, ...]] = set()
        self.dynamic = False
        self._todo: list[tuple[Module, ast.AST]] = []

    def of(self, module: str, function: str) -> CodeParts:
        found = self.project.modules.get(module)
        top = function.partition(".")[0]
        self.execute(module)
        if found is None or found.tree is None or (top not in found.bindings and top not in found.imports):
            self.dynamic = True
        else:
            self.name(found, top, [])
        while self._todo:
            self.walk(*self._todo.pop())
        return self.result()

    def result(self) -> CodeParts:
        parts: dict[str, str] = {}
        stirring = self.stirring()
        for name in self.executed:
            parts |= self.statements(self.project.modules[name], stirring)
        for module, name in self.reached:
            found = self.project.modules[module]
            parts[f"{module}.{name}"] = digest([digest_of(node, found.source) for node in found.bindings[name]])
        for name in self.whole:
            parts[f"{name} (whole module)"] = self.project.modules[name].whole
        if self.dynamic:
            parts[WHOLE_PROJECT] = self.project.digest
        level = "project" if self.dynamic else "module" if self.whole else "function"
        return CodeParts(level, dict(sorted(parts.items())))

    def statements(self, module: Module, stirring: frozenset[str]) -> dict[str, str]:
        """The effects of an imported module, and the order of all that counts in it, where order can matter."""
        effective = {id(node) for node in module.effects} | {
            id(node) for node in module.body if self.stirs(module, node, stirring)
        }
        effects = [digest_of(node, module.source) for node in module.body if id(node) in effective]
        counted = {id(node) for name in module.bindings if (module.name, name) in self.reached for node in module.bindings[name]}
        ordered = list(_ordered(module, effective, counted))
        parts = {f"{module.name} (statements)": digest(effects)} if effects else {}
        return parts | ({f"{module.name} (order)": digest(ordered)} if len(ordered) > 1 else {})

    def stirring(self) -> frozenset[str]:
        """Imported modules whose import may change what others see: by a statement of theirs, or by what they import."""
        found = frozenset(name for name in self.executed if self.project.modules[name].effects)
        while True:
            more = frozenset(
                name
                for name in self.executed
                if any(self.stirs(self.project.modules[name], node, found) for node in self.project.modules[name].body)
            )
            if more <= found:
                return found
            found |= more

    def stirs(self, module: Module, node: ast.stmt, stirring: frozenset[str]) -> bool:
        """An import that may change what others see. One of a library may patch another; the standard library does not."""
        if not isinstance(node, ast.Import | ast.ImportFrom):
            return False
        for target in (target for targets in imported([node], module).values() for target in targets):
            loads = {target.loads, f"{target.loads}.{target.attribute}"}
            root = target.loads.partition(".")[0]
            foreign = not self.project.has(root) and root not in sys.stdlib_module_names and root != "regie"
            if foreign or not stirring.isdisjoint({part for one in loads for part in _prefixes(one)}):
                return True
        return False

    def execute(self, name: str) -> None:
        """Importing a module runs it, and the packages around it."""
        for prefix in _prefixes(name):
            module = self.project.modules.get(prefix)
            if module is None or prefix in self.executed:
                continue
            self.executed[prefix] = None
            if module.tree is None:
                self.dynamic = True
            for node in module.body:
                self.loads(imported(list(immediate(node)), module))
            for node in module.effects:
                self._todo.append((module, node))

    def loads(self, imports: dict[str, list[Target]]) -> None:
        for name, targets in imports.items():
            self.dynamic = self.dynamic or name == "*"
            for target in targets:
                self.execute(target.loads)
                if target.attribute is not None:
                    self.execute(f"{target.loads}.{target.attribute}")

    def name(self, module: Module, name: str, rest: list[str]) -> None:
        """A name of a module's, followed by attributes."""
        if (module.name, name, *rest) in self.followed:  # packages import themselves in circles
            return
        self.followed.add((module.name, name, *rest))
        for target in module.imports.get(name, ()):
            self.target(target, rest)
        if name not in module.bindings or (module.name, name) in self.reached:
            return
        self.reached[module.name, name] = None
        if name in module.rebound:
            self.module(module.name)
        self._todo += [(module, node) for node in module.bindings[name]]

    def target(self, target: Target, rest: list[str]) -> None:
        path = [target.module, *([target.attribute] if target.attribute else []), *rest]
        if self.project.has(target.module):
            self.attributes(target.module, path[1:])
        elif path[0].partition(".")[0] in DYNAMIC_MODULES or ".".join(path[:2]) in DYNAMIC_PLACES or path == ["sys"]:
            self.dynamic = True

    def attributes(self, name: str, rest: list[str]) -> None:
        """`name` is a module of the project. Without attributes it is handed around as a value."""
        if not rest:
            for one in self.project.below(name):
                self.module(one)
            return
        module, known = self.project.modules.get(name), False
        if module is not None and (rest[0] in module.bindings or rest[0] in module.imports):
            self.name(module, rest[0], rest[1:])
            known = True
        if self.project.has(f"{name}.{rest[0]}"):
            self.attributes(f"{name}.{rest[0]}", rest[1:])
            known = True
        if not known or (module is not None and "__getattr__" in module.bindings):
            for one in self.project.below(name):
                self.module(one)

    def module(self, name: str) -> None:
        """Go a level up: everything in a module counts."""
        module = self.project.modules[name]
        if name in self.whole:
            return
        self.whole[name] = None
        self.execute(name)
        if module.tree is None:
            self.dynamic = True
        else:
            self._todo.append((module, module.tree))

    def walk(self, module: Module, top: ast.AST) -> None:
        """Follow every name within a statement. A local name that hides a global one is followed too: more, never less."""
        inside = imported(list(ast.walk(top)), module)
        self.loads(inside)
        done: set[int] = set()
        for node in ast.walk(top):
            if id(node) in done:
                continue
            if isinstance(node, ast.Attribute):
                done |= self.attribute(module, node, inside)
            elif isinstance(node, ast.Name):
                self.used(module, node.id, [], inside)
            elif isinstance(node, ast.Global):
                for name in node.names:
                    self.used(module, name, [], inside)
            elif isinstance(node, ast.Call):
                self.lookup(module, node, inside)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.text(node.value)

    def attribute(self, module: Module, node: ast.Attribute, inside: dict[str, list[Target]]) -> set[int]:
        base, rest = chain(node)
        self.dynamic = self.dynamic or node.attr in DYNAMIC_ATTRIBUTES or not DYNAMIC_ATTRIBUTES.isdisjoint(rest)
        if base is None:
            return set()
        self.used(module, base, rest, inside)
        return {id(inner) for inner in ast.walk(node)}

    def used(self, module: Module, name: str, rest: list[str], inside: dict[str, list[Target]]) -> None:
        self.dynamic = self.dynamic or name in DYNAMIC_NAMES
        for target in inside.get(name, ()):
            self.target(target, rest)
        self.name(module, name, rest)

    def lookup(self, module: Module, node: ast.Call, inside: dict[str, list[Target]]) -> None:
        """`getattr` and its like on a module of the project, `vars()` without an argument."""
        if not isinstance(node.func, ast.Name) or node.func.id not in LOOKUPS:
            return
        base, rest = chain(node.args[0]) if node.args else (None, [])
        targets = [*inside.get(base or "", ()), *module.imports.get(base or "", ())]
        if not node.args or any(self.is_module(target, rest) for target in targets):
            self.dynamic = True

    def is_module(self, target: Target, rest: list[str]) -> bool:
        return self.project.has(".".join([target.module, *([target.attribute] if target.attribute else []), *rest]))

    def text(self, value: str) -> None:
        """A string that names a module of the project may be how it is looked up."""
        if len(value) > 200 or not value:
            return
        head = value.partition(":")[0]
        names = names_of(head) if head.endswith(".py") else [head, head.rpartition(".")[0]]
        for name in names:
            if name in self.project.modules:
                self.module(name)


def _prefixes(name: str) -> list[str]:
    """`a.b.c` as a, a.b, a.b.c."""
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


def _ordered(module: Module, effective: set[int], counted: set[int]) -> Iterator[str]:
    """The statements whose order can matter, by what they bind; what they say stands in other parts."""
    names: dict[int, list[str]] = {}
    for name, nodes in module.bindings.items():
        for number, node in enumerate(nodes):
            names.setdefault(id(node), []).append(f"{name} {number}")
    effects = count()
    for node in module.body:
        if id(node) in effective:
            yield f"statement {next(effects)}"
        elif id(node) in counted and not _order_is_free(module, node):
            yield ", ".join(names[id(node)])


def _order_is_free(module: Module, node: ast.stmt) -> bool:
    """A function that computes nothing when it is defined, and is bound once, may stand anywhere."""
    if not isinstance(node, Function) or len(module.bindings[node.name]) > 1:
        return False
    given = [
        one
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        for one in (*decorator.args, *decorator.keywords)
    ]
    names = any(isinstance(inner, ast.Name) for one in given for inner in ast.walk(one))
    return not names and not node.args.defaults and not any(node.args.kw_defaults)
