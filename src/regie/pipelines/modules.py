"""One module of a project, as its source tells it; nothing is imported.

A top-level statement either only *defines* (a function, a class, a constant: it matters where its name is reached) or has an
*effect* (it may change what others see: it matters wherever the module is imported). Whatever is not known to only define counts
as an effect.
"""

import ast
import builtins
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from regie.base.canonical import sha256

Function = ast.FunctionDef | ast.AsyncFunctionDef
# Decorators that do nothing but wrap: any other one may register what it decorates.
PURE_DECORATORS = frozenset(
    {
        "regie.step", "regie.pipeline", "regie.pipelines.steps.step", "regie.pipelines.steps.pipeline",
        "functools.cache", "functools.lru_cache", "functools.cached_property", "functools.total_ordering", "functools.wraps",
        "dataclasses.dataclass", "contextlib.contextmanager", "abc.abstractmethod",
        "typing.overload", "typing.final", "typing.no_type_check",
        "staticmethod", "classmethod", "property",
    }
)  # fmt: skip
_EXCEPTIONS = frozenset(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
)
PURE_BASES = frozenset({"object", "dict", "list", "set", "tuple", "str", "int", "float"}) | _EXCEPTIONS


@dataclass(frozen=True)
class Target:
    """What an import binds: a module, or one name of a module. `loads`: `import a.b` binds `a` and loads `a.b`."""

    module: str
    attribute: str | None = None
    loads: str = ""


@dataclass(frozen=True)
class Module:
    """A parsed module. `tree` is None where the source does not parse; then only its text counts."""

    name: str
    path: str
    source: str
    tree: ast.Module | None

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @cached_property
    def body(self) -> list[ast.stmt]:
        return [node for node in self.tree.body if not _never_runs(node)] if self.tree else []

    @cached_property
    def bindings(self) -> dict[str, list[ast.stmt]]:
        """Name to the top-level statements that bind it, in their order."""
        found: dict[str, list[ast.stmt]] = {}
        for node in self.body:
            for name in dict.fromkeys(_bound(node)):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def imports(self) -> dict[str, list[Target]]:
        """Name to what imports bind it to, compound statements included."""
        return imported([node for top in self.body for node in immediate(top)], self)

    @cached_property
    def all_imports(self) -> dict[str, list[Target]]:
        """Those inside of functions included, wherever they bind it."""
        return imported(list(ast.walk(self.tree)), self) if self.tree else {}

    @cached_property
    def effects(self) -> list[ast.stmt]:
        """Statements that may change what others see, in their order."""
        return [node for node in self.body if not self._surely_defines(node)]

    @cached_property
    def rebound(self) -> frozenset[str]:
        """Names that some function declares `global`."""
        walked = ast.walk(self.tree) if self.tree else iter(())
        return frozenset(name for node in walked if isinstance(node, ast.Global) for name in node.names)

    @cached_property
    def whole(self) -> str:
        """The digest of the whole module, without comments and layout."""
        return digest_of(self.tree, self.source)

    def _surely_defines(self, node: ast.stmt) -> bool:
        try:
            return self._only_defines(node)
        except RecursionError:  # an expression of a thousand terms
            return False

    def _only_defines(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Import | ast.Pass) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
            return True
        if isinstance(node, Function):
            return self._inert_function(node)
        if isinstance(node, ast.ClassDef):
            return self._inert_class(node)
        if isinstance(node, ast.Assign):
            return all(isinstance(target, ast.Name) for target in node.targets) and self._inert(node.value, frozenset())
        if isinstance(node, ast.AnnAssign):
            calls = any(isinstance(inner, ast.Call) for inner in ast.walk(node.annotation))
            plain = isinstance(node.target, ast.Name) and not calls
            return plain and (node.value is None or self._inert(node.value, frozenset()))
        return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)

    def _inert_function(self, node: Function) -> bool:
        arguments = node.args
        defaults = [*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)]
        hints = [one.annotation for one in ast.walk(arguments) if isinstance(one, ast.arg) and one.annotation is not None]
        calls = any(isinstance(inner, ast.Call) for hint in [*hints, node.returns] if hint for inner in ast.walk(hint))
        inert = all(self._inert(one, frozenset()) for one in defaults)
        return inert and not calls and all(self._pure_decorator(one) for one in node.decorator_list)

    def _inert_class(self, node: ast.ClassDef) -> bool:
        plain = not node.keywords and all(isinstance(base, ast.Name) and self._known(base) in PURE_BASES for base in node.bases)
        return (
            plain
            and all(self._pure_decorator(one) for one in node.decorator_list)
            and all(self._only_defines(inner) for inner in node.body)
        )

    def _pure_decorator(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            return self._pure_decorator(node.func) and all(self._inert(one, frozenset()) for one in given)
        return self._known(node) in PURE_DECORATORS

    def _known(self, node: ast.expr) -> str:
        """The full name of an imported or built-in name; empty where the module may have given it another meaning."""
        base, rest = chain(node)
        if base is None:
            return ""
        targets = self.imports.get(base, [])
        if targets:
            target = targets[0]
            parts = [target.module, *([target.attribute] if target.attribute else []), *rest]
            return ".".join(parts) if len(targets) == 1 and len(self.bindings.get(base, ())) == 1 else ""
        return "" if base in self.bindings or base in self.rebound else ".".join([base, *rest])

    def _inert(self, node: ast.expr, seen: frozenset[str]) -> bool:
        """Computing this runs no code that could change anything: constants, containers, arithmetic on plain constants."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return self._bound_before(node)
        if isinstance(node, ast.Lambda):
            defaults = [*node.args.defaults, *(one for one in node.args.kw_defaults if one is not None)]
            return all(self._inert(one, seen) for one in defaults)
        if isinstance(node, ast.Tuple | ast.List):
            return all(self._inert(one, seen) for one in node.elts)
        if isinstance(node, ast.Set):
            return all(isinstance(one, ast.Constant) for one in node.elts)
        if isinstance(node, ast.Dict):
            return all(isinstance(key, ast.Constant) for key in node.keys) and all(self._inert(one, seen) for one in node.values)
        if isinstance(node, ast.BinOp):
            return self._plain(node.left, seen) and self._plain(node.right, seen)
        if isinstance(node, ast.UnaryOp):
            return self._plain(node.operand, seen)
        return False

    def _bound_before(self, node: ast.Name) -> bool:
        """Otherwise it fails when the module is imported, or is bound in a way that is not seen here."""
        first = self.bindings.get(node.id, [])
        if not first:
            return hasattr(builtins, node.id)
        return (first[0].lineno, first[0].col_offset) < (node.lineno, node.col_offset)

    def _plain(self, node: ast.expr, seen: frozenset[str]) -> bool:
        """An operand whose operators are Python's own: a constant, or a name that only ever is one."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.BinOp):
            return self._plain(node.left, seen) and self._plain(node.right, seen)
        if isinstance(node, ast.UnaryOp):
            return self._plain(node.operand, seen)
        if not isinstance(node, ast.Name) or node.id in seen or node.id in self.rebound or node.id in self.imports:
            return False
        if not self._bound_before(node):
            return False
        bound = self.bindings.get(node.id, [])
        return bool(bound) and all(
            isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name) and self._plain(one.value, seen | {node.id})
            for one in bound
        )


def parsed(name: str, path: str, source: str) -> Module:
    try:
        return Module(name, path, source, ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Module(name, path, source, None)


def digest_of(node: ast.AST | None, source: str) -> str:
    """The digest of a statement without positions, comments and layout; of the text where the tree cannot be written out."""
    try:
        return sha256((ast.dump(node) if node is not None else source).encode("utf-8", "surrogatepass"))
    except (RecursionError, ValueError):  # a number of more than 4,300 digits, a very deep expression
        return sha256(source.encode("utf-8", "surrogatepass"))


def imported(nodes: list[ast.AST], module: Module) -> dict[str, list[Target]]:
    """What the imports among these nodes bind. `*` stands for a star import."""
    found: dict[str, list[Target]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                target = Target(alias.name if alias.asname else alias.name.partition(".")[0], loads=alias.name)
                found.setdefault(alias.asname or target.module, []).append(target)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(node, module)
            for alias in node.names:
                found.setdefault(alias.asname or alias.name, []).append(Target(origin, alias.name, origin))
    return found


def absolute(node: ast.ImportFrom, module: Module) -> str:
    """The full name of the module that `from ... import` names."""
    if not node.level:
        return node.module or ""
    parts = module.name.split(".") if module.name else []
    kept = parts[: len(parts) - node.level + (1 if module.is_package else 0)]
    return ".".join([*kept, *([node.module] if node.module else [])])


def immediate(top: ast.AST) -> Iterator[ast.AST]:
    """A node and what runs when it runs, in source order: not the bodies of functions, but their decorators and defaults."""
    todo = [top]
    while todo:
        node = todo.pop()
        yield node
        if isinstance(node, Function):
            inner: list[ast.AST] = [*node.decorator_list, node.args]
        elif isinstance(node, ast.Lambda):
            inner = [node.args]
        else:
            inner = [child for child in ast.iter_child_nodes(node) if not (isinstance(child, ast.stmt) and _never_runs(child))]
        todo += reversed(inner)


def chain(node: ast.expr) -> tuple[str | None, list[str]]:
    """`a.b.c` as ("a", ["b", "c"]); (None, []) for what does not start at a name."""
    rest: list[str] = []
    while isinstance(node, ast.Attribute):
        rest.insert(0, node.attr)
        node = node.value
    return (node.id, rest) if isinstance(node, ast.Name) else (None, [])


def _bound(node: ast.stmt) -> Iterator[str]:
    for inner in immediate(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
            yield inner.id
        elif isinstance(inner, ast.Import):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            yield from (alias.asname or alias.name for alias in inner.names)
        elif isinstance(inner, Function | ast.ClassDef):
            yield inner.name
        elif isinstance(inner, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            yield from [inner.name] if inner.name else []


def _never_runs(node: ast.stmt) -> bool:
    """`if __name__ == "__main__":` without an `else`: a task's module never is the main one."""
    if not isinstance(node, ast.If) or node.orelse or not isinstance(node.test, ast.Compare):
        return False
    test = node.test
    return (
        isinstance(test.left, ast.Name) and test.left.id == "__name__" and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)
        and isinstance(test.comparators[0], ast.Constant) and test.comparators[0].value == "__main__"
    )  # fmt: skip
