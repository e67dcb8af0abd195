"""One walk through a project's sources, from a function to all that it depends on; the rules are those of `code.py`."""

import ast
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count, pairwise

from regie.base.canonical import digest
from regie.pipelines.modules import Function, Module, Target, chain, digest_of, immediate, imported
from regie.pipelines.sources import Sources, names_of, prefixes

WHOLE_PROJECT = "project (whole)"
OUTSIDE = "imports (outside)"  # what is imported and is not in the project: an import that fails today may succeed tomorrow
DYNAMIC_NAMES = frozenset(
    {
        "eval", "exec", "compile", "__import__", "globals", "locals", "__builtins__", "__loader__", "__spec__", "__file__", "__path__",
    }
)  # fmt: skip
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
        "pandas.read_pickle", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell", "os.posix_spawn", "os.posix_spawnp",
        *(f"os.{way}{how}" for way in ("exec", "spawn") for how in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
    }
)  # fmt: skip
DYNAMIC_ATTRIBUTES = frozenset(
    {"__globals__", "__builtins__", "__subclasses__", "__code__", "__closure__", "__loader__", "__spec__", "__file__", "__path__",
     "f_globals", "f_locals", "f_back", "tb_frame", "gi_frame", "cr_frame"}
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


class Reach:
    """One walk. Work lists instead of recursion, so that deep chains of helpers cannot overflow."""

    def __init__(self, project: Sources) -> None:
        self.project = project
        self.reached: dict[tuple[str, str], None] = {}
        self.executed: dict[str, None] = {}
        self.whole: dict[str, None] = {}
        self.handed: set[str] = set()
        self.outside: set[str] = set()
        self.followed: set[tuple[str, ...]] = set()
        self.dynamic = project.hides_the_standard_library
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
        if self.outside:
            parts[OUTSIDE] = digest(sorted(self.outside))
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
            if foreign or not stirring.isdisjoint({part for one in loads for part in prefixes(one)}):
                return True
        return False

    def execute(self, name: str) -> None:
        """Importing a module runs it, and the packages around it."""
        for prefix in prefixes(name):
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
                self.found(target)

    def found(self, target: Target) -> None:
        """Note an import that the project does not answer."""
        root = target.loads.partition(".")[0]
        if not self.project.has(root):
            self.outside |= {root} - sys.stdlib_module_names - {"regie"}
        elif not self.project.has(target.loads):
            self.outside.add(target.loads)
        elif target.attribute not in (None, "*") and not self.project.defines(target.loads, target.attribute or ""):
            self.outside.add(f"{target.loads}.{target.attribute}")

    def name(self, module: Module, name: str, rest: list[str]) -> None:
        """A name of a module's, followed by attributes."""
        if (module.name, name, *rest) in self.followed:  # packages import themselves in circles
            return
        self.followed.add((module.name, name, *rest))
        for target in module.imports.get(name, ()):
            self.target(target, rest)
        if name in module.rebound:
            self.module(module.name)
            for target in module.all_imports.get(name, ()):
                self.target(target, rest)
        if name not in module.bindings or (module.name, name) in self.reached:
            return
        self.reached[module.name, name] = None
        self._todo += [(module, node) for node in module.bindings[name]]

    def target(self, target: Target, rest: list[str]) -> None:
        path = [target.module, *([target.attribute] if target.attribute else []), *rest]
        if self.project.has(target.module):
            self.attributes(target.module, path[1:])
            return
        names = ".".join(path).split(".")
        pairs = {f"{one}.{two}" for one, two in pairwise(names)}  # `os.sys.modules`, too
        if names[0] in DYNAMIC_MODULES or names[-1] == "sys" or not DYNAMIC_PLACES.isdisjoint(pairs):
            self.dynamic = True

    def attributes(self, name: str, rest: list[str]) -> None:
        """`name` is a module of the project. Without attributes it is handed around as a value."""
        if not rest:
            self.hand_around(name)
            return
        module, known = self.project.modules.get(name), False
        if module is not None and (rest[0] in module.bindings or rest[0] in module.imports):
            self.name(module, rest[0], rest[1:])
            known = True
        if self.project.has(f"{name}.{rest[0]}"):
            self.attributes(f"{name}.{rest[0]}", rest[1:])
            known = True
        if not known or (module is not None and "__getattr__" in module.bindings):
            self.hand_around(name)

    def hand_around(self, name: str) -> None:
        """A module as a value: whoever has it has all that is in it, and the modules that it imports."""
        for one in self.project.below(name):
            if one not in self.handed:
                self.handed.add(one)
                self.module(one)
                for targets in self.project.modules[one].all_imports.values():
                    for target in targets:
                        self.target(target, [])

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
        called: set[int] = set()
        for node in ast.walk(top):
            if id(node) in done:
                continue
            if isinstance(node, ast.Attribute):
                done |= self.attribute(module, node, inside)
            elif isinstance(node, ast.Name):
                self.dynamic = self.dynamic or (node.id == "vars" and id(node) not in called)
                self.used(module, node.id, [], inside)
            elif isinstance(node, ast.Global):
                for name in node.names:
                    self.used(module, name, [], inside)
            elif isinstance(node, ast.Call):
                called.add(id(node.func))
                self.lookup(module, node, inside)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.text(node.value)
            elif isinstance(node, ast.ClassDef):
                self.members(module, node)
            self.hints(module, node)

    def members(self, module: Module, node: ast.ClassDef) -> None:
        """What a class's body imports is found under the class afterwards."""
        for targets in imported(list(immediate(node)), module).values():
            for target in targets:
                self.target(target, [])

    def hints(self, module: Module, node: ast.AST) -> None:
        """Type hints in quotes are read when a graph is built, a result is checked, a dataclass is made."""
        for hint in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            for inner in ast.walk(hint) if isinstance(hint, ast.expr) else ():
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                        self._todo.append((module, ast.parse(inner.value.strip(), mode="eval")))

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
        names = names_of(head) if head.endswith(".py") else prefixes(head)
        found = [name for name in names if name in self.project.modules]
        if found:  # of `pkg.module.Class`, the module; importing it runs the packages around it
            self.hand_around(found[-1])


def _ordered(module: Module, effective: set[int], counted: set[int]) -> Iterator[str]:
    """The statements whose order can matter, by what they bind; what they say stands in other parts."""
    names: dict[int, list[str]] = {}
    for name, nodes in module.bindings.items():
        for number, node in enumerate(nodes):
            names.setdefault(id(node), []).append(f"{name} {number}")
    effects, needed = count(), _needed(module, [node for node in module.body if id(node) in effective])
    for node in module.body:
        if id(node) in effective:
            yield f"statement {next(effects)}"
        elif id(node) in counted and (needed.intersection(names[id(node)][0].split()) or not _order_is_free(module, node)):
            yield ", ".join(names[id(node)])


def _needed(module: Module, effects: list[ast.stmt]) -> set[str]:
    """The module's own names that its effects may use while it is imported: they must be there by then."""
    found: set[str] = set()
    todo: list[ast.AST] = list(effects)
    while todo:
        used = {inner.id for inner in ast.walk(todo.pop()) if isinstance(inner, ast.Name)} & module.bindings.keys()
        todo += [node for name in used - found for node in module.bindings[name]]
        found |= used
    return found


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
