"""What the files of a project say about its `regie.yaml`, without importing any of them.

A module is parsed, never run: a pipeline's function must exist, take datasets that exist, and the modules that it imports must
be found.
"""

import ast
import importlib.util
import sys
from pathlib import Path

from regie.spec.document import PipelineSpec, Spec
from regie.spec.problems import Locator, Problem
from regie.spec.scanner import nearest

Function = ast.FunctionDef | ast.AsyncFunctionDef


def problems(spec: Spec, root: Path, places: Locator) -> tuple[Problem, ...]:
    """Missing sources, modules and functions."""
    found: list[Problem] = []
    for name, dataset in spec.data.items():
        if not (root / dataset.source).exists():
            where = places.where(("data", name, "source"))
            found.append(Problem(where, f"there is no {dataset.source}", neighbour(root / dataset.source, root)))
    for pipeline in spec.pipelines.values():
        found += pipeline_problems(spec, pipeline, root, places)
    return tuple(dict.fromkeys(found))


def neighbour(missing: Path, root: Path) -> str:
    """The nearest name that does exist beside a missing file."""
    if not missing.parent.is_dir():
        return f"paths start at {root.name}/"
    return nearest(missing.name, [path.name for path in missing.parent.iterdir() if not path.name.startswith(".")])


def module_file(module: str, root: Path) -> Path | None:
    """The file of a module of the project."""
    base = root.joinpath(*module.split("."))
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def pipeline_problems(spec: Spec, pipeline: PipelineSpec, root: Path, places: Locator) -> list[Problem]:
    path = ("pipelines", pipeline.name, "run")
    file = module_file(pipeline.module, root)
    if file is None:
        modules = [one.stem for one in root.glob("*.py")]
        return [Problem(places.where(path), f"there is no module `{pipeline.module}`", nearest(pipeline.module, modules))]
    tree, broken = parsed(file, root)
    if tree is None:
        return broken
    names = top_names(tree)
    found = unfound_imports(file, root, set())
    if pipeline.function not in names:
        where = places.where(path, len(pipeline.module) + 1)
        what = f"{file.relative_to(root)} has no function `{pipeline.function}`"
        return [*found, Problem(where, what, nearest(pipeline.function, names))]
    function = names[pipeline.function]
    return found + (unknown_datasets(spec, function, file.relative_to(root)) if function else [])


def parsed(file: Path, root: Path) -> tuple[ast.Module | None, list[Problem]]:
    try:
        return ast.parse(file.read_bytes(), filename=file.name), []
    except (SyntaxError, ValueError) as wrong:
        line, column = (wrong.lineno or 1, wrong.offset or 1) if isinstance(wrong, SyntaxError) else (1, 1)
        what = f"does not import: {wrong.msg if isinstance(wrong, SyntaxError) else wrong}"
        return None, [Problem(f"{file.relative_to(root)}:{line}:{column}", what)]


def top_names(tree: ast.Module) -> dict[str, Function | None]:
    """The names that a module defines or imports; with its node where it is a function written there."""
    found: dict[str, Function | None] = {}
    for node in tree.body:
        if isinstance(node, Function):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: None for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: None for alias in node.names}
    return found


def unknown_datasets(spec: Spec, function: Function, file: Path) -> list[Problem]:
    """A parameter that is hinted as a Dataset takes the dataset of its name."""
    found = []
    for argument in (*function.args.args, *function.args.kwonlyargs):
        hint = argument.annotation
        name = hint.id if isinstance(hint, ast.Name) else hint.attr if isinstance(hint, ast.Attribute) else None
        if name == "Dataset" and argument.arg not in spec.data:
            where = f"{file}:{argument.lineno}:{argument.col_offset + 1}"
            found.append(Problem(where, f"`{argument.arg}` is not a dataset", nearest(argument.arg, spec.data)))
    return found


def unfound_imports(file: Path, root: Path, seen: set[Path]) -> list[Problem]:
    """Imports at the top of a module, and of the project's modules that it imports, that no installed package answers to.

    Imports within `try`, `if` and functions may be meant to fail; they are not looked at.
    """
    seen.add(file)
    tree, broken = parsed(file, root)
    found = list(broken)
    for node, module in imports(tree) if tree else ():
        local = module_file(module, root)
        if local and local not in seen:
            found += unfound_imports(local, root, seen)
        if not local and not known(module.partition(".")[0], root):
            where = f"{file.relative_to(root)}:{node.lineno}:{node.col_offset + 1}"
            what = f"does not import: there is no module `{module}`"
            found.append(Problem(where, what, "install it where Regie runs, or correct its name"))
    return found


def imports(tree: ast.Module) -> list[tuple[ast.stmt, str]]:
    found: list[tuple[ast.stmt, str]] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found += [(node, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append((node, node.module))
    return found


def known(package: str, root: Path) -> bool:
    """Whether a top-level name can be imported; finding it runs nothing of it."""
    if package in sys.modules or (root / package).is_dir():
        return True
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False
