"""Small projects made at random, and random edits of them; and what a step of theirs answers when it is really run.

Everything follows from one number, so that a case can be repeated. Modules import only those behind them in `MODULES`.
"""

import ast
import contextlib
import copy
import importlib.abc
import importlib.machinery
import io
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

MODULES = ("flow", "rules", "pk", "pk.deep", "tables", "base")
PATHS = {
    "flow": "flow.py",
    "rules": "rules.py",
    "pk": "pk/__init__.py",
    "pk.deep": "pk/deep.py",
    "tables": "tables.py",
    "base": "base.py",
}
OPTIONAL = ("fast", "faster")  # modules that are looked for, and are not there at first
SHORT = {name: name.replace(".", "_") for name in MODULES}
Files = dict[str, str]


def project(number: int) -> Files:
    """A project whose step is `flow:fit`."""
    chance = random.Random(number)
    sort = chance.choice(("static", "static", "static", "static", "module", "module", "dynamic"))
    return {PATHS[name]: _module(name, sort, chance) for name in MODULES}


def _module(name: str, sort: str, chance: random.Random) -> str:
    behind = [
        one for one in MODULES[MODULES.index(name) + 1 :] if not (name == "pk" and one == "pk.deep" and chance.random() < 0.5)
    ]
    lines: list[str] = []
    terms = ["x", str(chance.randint(1, 9))]
    for other in chance.sample(behind, min(len(behind), chance.randint(1, 3))):
        said, gained = _import(other, sort, chance)
        lines.append(said)
        terms += gained
    short = SHORT[name]
    lines.append(f"K_{short} = {chance.randint(1, 9)}")
    lines.append(f"L_{short} = K_{short} * {chance.randint(2, 5)}")
    terms += [f"K_{short}", f"L_{short}"]
    forms = FORMS if sort != "dynamic" else (*FORMS, _dynamic)
    for make in chance.sample(forms, chance.randint(2, 5)):
        said, gained = make(short, terms, chance)
        lines.append(said)
        terms += gained
    lines.append(
        f"def f_{short}(x, y={chance.randint(1, 9)}):\n    z = y + {_sum(terms, chance)}\n    return z - {_sum(terms, chance)}"
    )
    if name == "flow":
        lines.append(f"def fit(x):\n    return f_flow(x) + {_sum(terms, chance)}")
    lines.append(f"def unused_{short}(x):\n    return {_sum(terms, chance)}")
    return "\n".join(lines) + "\n"


def _import(other: str, sort: str, chance: random.Random) -> tuple[str, list[str]]:
    short = SHORT[other]
    parent, _, last = other.rpartition(".")
    ways = [
        (f"import {other}", [f"{other}.f_{short}(x)", f"{other}.K_{short}"]),
        (f"import {other} as m_{short}", [f"m_{short}.f_{short}(x)", f"m_{short}.L_{short}"]),
        (f"from {other} import f_{short}, K_{short} as q_{short}", [f"f_{short}(x)", f"q_{short}"]),
        (f"from {other} import f_{short} as g_{short}", [f"g_{short}(x)", f"(lambda v: g_{short}(v))(x)"]),
        (f"try:\n    from {other} import f_{short} as t_{short}\nexcept ImportError:\n    t_{short} = abs", [f"t_{short}(x)"]),
        (f"def in_{short}(x):\n    import {other} as here\n    return here.f_{short}(x) + here.K_{short}", [f"in_{short}(x)"]),
        (
            f"class M_{short}:\n    from {other} import f_{short} as call, K_{short}",
            [f"M_{short}.call(x)", f"M_{short}.K_{short}"],
        ),
    ]
    if parent:
        ways.append((f"from {parent} import {last} as p_{short}", [f"p_{short}.f_{short}(x)", f"p_{short}.K_{short}"]))
    if sort == "module":  # a module as a value, in an attribute, under a global name
        ways += [
            (f"import {other} as v_{short}\nBOX_{short} = [v_{short}]", [f"BOX_{short}[0].K_{short}", f"BOX_{short}[0].f_{short}(x)"]),
            (f"class N_{short}:\n    import {other} as inner", [f"N_{short}.inner.K_{short}", f"N_{short}().inner.f_{short}(x)"]),
            (f"def load_{short}():\n    global late_{short}\n    import {other} as late_{short}\nload_{short}()",
             [f"late_{short}.K_{short}", f"late_{short}.f_{short}(x)"]),
            (f"import {other} as u_{short}\nfrom operator import attrgetter as a_{short}",
             [f"a_{short}('K_' + '{short}')(u_{short})", f"a_{short}('f_' + '{short}')(u_{short})(x)"]),
        ]  # fmt: skip
    if sort == "dynamic":
        ways += [
            (f"from {other} import *", [f"f_{short}(x)", f"K_{short}"]),
            (f"import {other} as w_{short}", [f"getattr(w_{short}, 'K_' + '{short}')", f"vars(w_{short})['L_' + '{short}']"]),
        ]
    return chance.choice(ways)


Form = Callable[[str, list[str], random.Random], tuple[str, list[str]]]


def _class(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    said = f"class C_{short}:\n    size = {chance.randint(1, 9)}\n    def go(self, x):\n        return self.size + {_sum(terms, chance)}"
    return said, [f"C_{short}().go(x)", f"C_{short}.size"]


def _heir(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    said = (
        f"class B_{short}:\n    def go(self, x):\n        return {_sum(terms, chance)}\n"
        f"class H_{short}(B_{short}):\n    def more(self, x):\n        return self.go(x) * 2"
    )
    return said, [f"H_{short}().more(x)"]


def _decorated(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    said = (
        f"def d_{short}(inner):\n    def outer(x):\n        return inner(x) + {_sum(terms, chance)}\n    return outer\n"
        f"@d_{short}\ndef e_{short}(x):\n    return {_sum(terms, chance)}"
    )
    return said, [f"e_{short}(x)"]


def _registry(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    said = (
        f"ALL_{short} = {{}}\ndef add_{short}(n):\n    def w(f):\n        ALL_{short}[n] = f\n        return f\n    return w\n"
        f"@add_{short}('a')\ndef r_{short}(x):\n    return {_sum(terms, chance)}"
    )
    return said, [f"ALL_{short}['a'](x)", f"len(ALL_{short})"]


def _closure(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    said = (
        f"def make_{short}(n):\n    def inner(x):\n        return n * {_sum(terms, chance)}\n    return inner\n"
        f"i_{short} = make_{short}({chance.randint(1, 9)})"
    )
    return said, [f"i_{short}(x)"]


def _table(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    return f"T_{short} = {{'a': lambda x: {_sum(terms, chance)}, 'b': {chance.randint(1, 9)}}}", [
        f"T_{short}['a'](x)",
        f"T_{short}['b']",
    ]


def _default(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    return f"def o_{short}(x, y=L_{short}, *, z=[K_{short}]):\n    return x + y + z[0]", [f"o_{short}(x)"]


def _state(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    said = f"S_{short} = [1]\ndef push_{short}(v):\n    S_{short}.append(v)\npush_{short}(K_{short})\nS_{short}[0] = {chance.randint(1, 9)}"
    return said, [f"sum(S_{short})"]


def _global(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    said = f"G_{short} = 1\ndef set_{short}(v):\n    global G_{short}\n    G_{short} = v + K_{short}\nset_{short}({chance.randint(1, 9)})"
    return said, [f"G_{short}"]


def _branch(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    return f"if K_{short} > 4:\n    def c_{short}(x): return {_sum(terms, chance)}\nelse:\n    def c_{short}(x): return x", [
        f"c_{short}(x)"
    ]


def _optional(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    name = chance.choice(OPTIONAL)
    return f"try:\n    import {name}\n    HAS_{short} = 1\nexcept ImportError:\n    HAS_{short} = 0", [f"HAS_{short}"]


def _dynamic(short: str, terms: list[str], chance: random.Random) -> tuple[str, list[str]]:
    ways = [
        f"globals()['K_' + '{short}']",
        f"eval('K_{short} + x')",
        "__import__('ba' + 'se').K_base",
        f"vars()['x'] if x else K_{short}",
    ]
    return f"def y_{short}(x):\n    return {chance.choice(ways)}", [f"y_{short}(x)"]


FORMS: tuple[Form, ...] = (
    _class, _heir, _decorated, _registry, _closure, _table, _default, _state, _global, _branch, _optional,
)  # fmt: skip


def _sum(terms: list[str], chance: random.Random) -> str:
    return " + ".join(chance.choice(terms) for _ in range(chance.randint(1, 3)))


# ---- edits


def edited(files: Files, chance: random.Random) -> Files:
    """The project after one edit somewhere."""
    edit = chance.choice(
        (_number, _number, _operator, _name, _attribute, _drop, _swap, _import_elsewhere, _added, _added, _new_file)
    )
    return edit(dict(files), chance)


def _with(files: Files, chance: random.Random, change: Callable[[ast.Module], bool]) -> Files:
    path = chance.choice(sorted(files))
    tree = ast.parse(files[path])
    return files | {path: ast.unparse(tree) + "\n"} if change(tree) else files


def _picked(tree: ast.Module, kind: Any, chance: random.Random) -> Any:
    found = [node for node in ast.walk(tree) if isinstance(node, kind)]
    return chance.choice(found) if found else None


def _number(files: Files, chance: random.Random) -> Files:
    def change(tree: ast.Module) -> bool:
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, int)]
        if found:
            chance.choice(found).value = chance.randint(10, 99)
        return bool(found)

    return _with(files, chance, change)


def _operator(files: Files, chance: random.Random) -> Files:
    def change(tree: ast.Module) -> bool:
        node = _picked(tree, ast.BinOp, chance)
        if node is not None:
            node.op = chance.choice((ast.Add(), ast.Sub(), ast.Mult()))
        return node is not None

    return _with(files, chance, change)


def _name(files: Files, chance: random.Random) -> Files:
    def change(tree: ast.Module) -> bool:
        node, other = _picked(tree, ast.Name, chance), _picked(tree, ast.Name | ast.FunctionDef, chance)
        if node is None:
            return False
        node.id = other.id if isinstance(other, ast.Name) else other.name
        return True

    return _with(files, chance, change)


def _attribute(files: Files, chance: random.Random) -> Files:
    def change(tree: ast.Module) -> bool:
        node, other = _picked(tree, ast.Attribute, chance), _picked(tree, ast.Attribute, chance)
        if node is not None:
            node.attr = chance.choice([other.attr, node.attr.replace("K_", "L_"), node.attr.replace("L_", "f_")])
        return node is not None

    return _with(files, chance, change)


def _drop(files: Files, chance: random.Random) -> Files:
    def change(tree: ast.Module) -> bool:
        tree.body.pop(chance.randrange(len(tree.body)))
        return bool(tree.body)

    return _with(files, chance, change)


def _swap(files: Files, chance: random.Random) -> Files:
    def change(tree: ast.Module) -> bool:
        one, other = chance.randrange(len(tree.body)), chance.randrange(len(tree.body))
        tree.body[one], tree.body[other] = tree.body[other], tree.body[one]
        return True

    return _with(files, chance, change)


def _import_elsewhere(files: Files, chance: random.Random) -> Files:
    def change(tree: ast.Module) -> bool:
        node = _picked(tree, ast.Import | ast.ImportFrom, chance)
        if node is None:
            return False
        other = chance.choice((*MODULES[1:], *OPTIONAL))
        if isinstance(node, ast.ImportFrom):
            node.module = other
            for alias in node.names:
                if alias.name != "*" and other in SHORT:
                    alias.name, alias.asname = f"{alias.name[:2]}{SHORT[other]}", alias.asname or alias.name
        else:
            node.names[0] = ast.alias(other, node.names[0].asname)
        return True

    return _with(files, chance, change)


def _added(files: Files, chance: random.Random) -> Files:
    """One more statement, at the end or somewhere between."""
    of, number = SHORT[chance.choice(MODULES)], chance.randint(10, 99)
    other = chance.choice(MODULES[1:])
    short = SHORT[other]
    said = chance.choice(
        [
            f"K_{of} = {number}", f"L_{of} += {number}", f"def f_{of}(x, y=1): return {number}",
            f"import {other}\n{other}.K_{short} = {number}",
            f"import {other} as zz\nsetattr(zz, 'K_' + '{short}', {number})", f"from {other} import *", f"sum = lambda x: {number}",
            f"def len(x): return {number}", f"import {other} as zz\nvars(zz)['L_{short}'] = {number}",
            f"def __getattr__(name): return {number}",
            f"class C_{of}:\n    size = {number}\n    def go(self, x): return {number}", f"del K_{of}", f"x = {number}",
            f"def unused_{of}(x): return {number}", f"import {other}", f"from {other} import f_{short} as f_{of}",
            f"for K_{of} in range({number}): pass", f"import sys\nsys.modules['{other}'].K_{short} = {number}",
            f"from {other} import C_{short}\nC_{short}.size = {number}", "import fast, faster", "abs = int.__neg__",
        ]
    )  # fmt: skip

    def change(tree: ast.Module) -> bool:
        at = chance.choice([len(tree.body), chance.randint(0, len(tree.body))])
        tree.body[at:at] = copy.deepcopy(ast.parse(said).body)
        return True

    return _with(files, chance, change)


def _new_file(files: Files, chance: random.Random) -> Files:
    """A module that was looked for, or one that hides another; or one less."""
    if chance.random() < 0.2:
        files.pop(chance.choice([path for path in sorted(files) if path != "flow.py"]))
        return files
    name = chance.choice(
        ("fast.py", "faster.py", "pk/fast.py", "src/base.py", "src/rules.py", "base/__init__.py", "pk.py", "operator.py")
    )
    said = [
        "", "import faster\n", f"K_base = {chance.randint(10, 99)}\ndef f_base(x): return {chance.randint(10, 99)}\n",
        "import base\nbase.K_base = 55\n", "def attrgetter(name): return lambda x: 5\n",
    ]  # fmt: skip
    return files | {name: chance.choice(said)}


# ---- the truth


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports a project from memory, as a task imports it from its folder: `src` first, packages before modules."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        where = name.replace(".", "/")
        for folder in ("src/", ""):
            for found, package in ((f"{folder}{where}/__init__.py", True), (f"{folder}{where}.py", False)):
                if found in self.files and ("." not in name or f"{folder}{where.rpartition('/')[0]}/__init__.py" in self.files):
                    spec = importlib.machinery.ModuleSpec(name, self, is_package=package)
                    spec.loader_state = found
                    return spec
        return None

    def create_module(self, spec: Any) -> Any:
        return None

    def exec_module(self, module: Any) -> None:
        path = module.__spec__.loader_state
        exec(compile(self.files[path], path, "exec"), module.__dict__)

    def get_source(self, fullname: str) -> str:
        raise ImportError(fullname)


@contextlib.contextmanager
def _imported(files: Files) -> Iterator[None]:
    own = {path.removeprefix("src/").removesuffix(".py").partition("/")[0] for path in files} | set(OPTIONAL)
    own -= set(sys.stdlib_module_names)  # a task's interpreter has loaded those already
    finder = _Finder(files)
    others = _taken_away(own)  # of the same name, which another test imported
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _taken_away(own)
        sys.modules.update(others)


def _taken_away(own: set[str]) -> dict[str, Any]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in own}


def answer(files: Files) -> tuple[str, Any]:
    """("ok", numbers) of the step, ("raises", what) where the step does, ("import", what) where the project cannot be imported."""
    with _imported(files), contextlib.redirect_stdout(io.StringIO()):
        try:
            flow = importlib.import_module("flow")
        except Exception as error:  # noqa: BLE001
            return "import", type(error).__name__
        try:
            return "ok", [flow.fit(number) for number in (0, 1, 7)]
        except Exception as error:  # noqa: BLE001
            return "raises", type(error).__name__
