"""What the code holds that a page of the documentation must show: commands, error codes, settings, event types, tables, actions.

`python -m tests.support.documented` writes `docs/reference/commands.md` anew.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import regie
from regie.base.errors import RegieError
from regie.cli.root import SECTIONS, root

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/regie"
PAGE = ROOT / "docs/reference/commands.md"
STORY = SOURCE / "cli/story"  # the demo's own chronicle also has a method called `event`
OPENING = """# Commands

Written by `python -m tests.support.documented` from the commands themselves; a test compares. `regie COMMAND --help` says the same.

Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 failed, 2 usage, 3 refused by a gate, guard or contract,
4 not allowed, 5 not found, 6 server unreachable, 130 interrupted. [Settings](settings.md) say where a value comes from when its
option is not given. Every command has `--help`.
"""


def modules() -> list[str]:
    """Every module of the package but entry points and migrations."""
    found = pkgutil.walk_packages(regie.__path__, "regie.")
    return [one.name for one in found if ".migrations" not in one.name and not one.name.endswith("__main__")]


def errors() -> set[type[RegieError]]:
    """Every error class of the package."""
    for name in modules():
        importlib.import_module(name)
    return {one for one in _subclasses(RegieError) if one.__module__.startswith("regie.")}


def _subclasses(of: type[RegieError]) -> Iterator[type[RegieError]]:
    for one in of.__subclasses__():
        yield one
        yield from _subclasses(one)


def offered() -> set[str]:
    """The commands that errors name as what to do, and nothing beside: a page draws these to be copied. A value in one reads `1`."""
    whole = re.search(r"^const COMMAND = /(.*)/;$", (ROOT / "ui/src/design/Problem.tsx").read_text(), re.MULTILINE)
    assert whole is not None
    paths = [one for one in SOURCE.rglob("*.py") if not {STORY, SOURCE / "app/pages"} & set(one.parents)]
    texts = [text for path in paths if '"regie ' in (text := path.read_text())]
    nodes = [node for text in texts for node in ast.walk(ast.parse(text))]
    return {said for node in nodes if (said := _said(node)).startswith("regie ") and re.match(whole[1], said)}


def _said(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else "1" for part in node.values
        )
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def understood(line: str) -> click.Command:
    """Read a command as a shell would have it read, without calling it. Raises UsageError."""
    words = shlex.split(line)[1:]
    command: click.Command | None = root
    context = click.Context(root, info_name="regie")
    while isinstance(command, click.Group) and words:
        command = command.get_command(context, words.pop(0))
    if command is None:
        raise click.UsageError(f"{line}: there is no such command")
    command.make_context(line, words, parent=context)
    return command


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Every command with its words, groups included."""
    yield from _walk("regie", root, click.Context(root, info_name="regie"))


def _walk(words: str, command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    yield words, command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _walk(f"{words} {name}", found, click.Context(found, info_name=name, parent=context))


def commands_page() -> str:
    """The whole text of the page."""
    found = {words: (command, context) for words, command, context in commands()}
    parts = [OPENING]
    for title, table in SECTIONS.items():
        parts.append(f"\n## {title}\n")
        own = [words for name in table for words in found if words.split()[1:2] == [name]]
        parts += [_entry(words, *found[words]) for words in own if not isinstance(found[words][0], click.Group)]
    return "".join(parts)


def _entry(words: str, command: click.Command, context: click.Context) -> str:
    given = [one for one in command.params if isinstance(one, click.Argument)]
    usage = " ".join([words, *(one.make_metavar(context) for one in given)])
    lines = [f"\n### `{usage}`\n", inspect.cleandoc(command.help or "").replace("\b\n", ""), ""]
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    if options:
        lines += ["| option | means |", "|---|---|", *(_option(one, context) for one in options)]
    return "\n".join(lines).rstrip() + "\n"


def _option(option: click.Option, context: click.Context) -> str:
    value = "" if option.is_flag else " " + option.make_metavar(context).replace("|", "\\|")
    extra = f" Default: {option.default}." if option.show_default and option.default not in (None, "") else ""
    again = " May be given several times." if option.multiple else ""
    needed = " Required." if option.required else ""
    names = ", ".join((*option.opts, *option.secondary_opts))
    return f"| `{names}{value}` | {' '.join((option.help or '').split())}{extra}{again}{needed} |"


def events() -> set[str]:
    """Every event type that a change writes: the first argument of `tx.event(...)`, or of a `tx_event` that was handed on."""
    trees = {path: ast.parse(path.read_text()) for path in SOURCE.rglob("*.py") if STORY not in path.parents}
    calls = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found: set[str] = set()
    for tree in trees.values():
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for call in _event_calls(function):
                found |= _types(call.args[0], tree, function, calls)
    return found


def _event_calls(function: ast.FunctionDef) -> list[ast.Call]:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and node.args]
    return [one for one in calls if getattr(one.func, "attr", "") == "event" or getattr(one.func, "id", "") == "tx_event"]


def _types(said: ast.expr, tree: ast.Module, function: ast.FunctionDef, calls: list[ast.Call]) -> set[str]:
    """What the first argument may be: a text, one of two, a value of a table, or a text with a parameter of the function in it."""
    if isinstance(said, ast.Constant):
        return {str(said.value)}
    if isinstance(said, ast.IfExp):
        return _types(said.body, tree, function, calls) | _types(said.orelse, tree, function, calls)
    if isinstance(said, ast.Subscript) and isinstance(said.value, ast.Name):
        return {text for node in tree.body for text in _values(node, said.value.id)}
    if isinstance(said, ast.JoinedStr):
        prefix, hole = said.values[0], said.values[1]
        assert isinstance(prefix, ast.Constant)
        assert isinstance(hole, ast.FormattedValue)
        assert isinstance(hole.value, ast.Name)
        place = [argument.arg for argument in function.args.args].index(hole.value.id)
        return {f"{prefix.value}{text}" for text in _given(calls, function.name, place)}
    raise AssertionError(f"{ast.unparse(said)} in {function.name}: teach this page how to read it")


def _values(node: ast.stmt, name: str) -> list[str]:
    """The values of a dictionary of that name in a module."""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    value: Any = getattr(node, "value", None)
    if not isinstance(target, ast.Name) or target.id != name or not isinstance(value, ast.Dict):
        return []
    return [str(one.value) for one in value.values if isinstance(one, ast.Constant)]


def _given(calls: list[ast.Call], function: str, place: int) -> list[str]:
    named = [call for call in calls if getattr(call.func, "attr", getattr(call.func, "id", "")) == function]
    given = [call.args[place] for call in named if len(call.args) > place]
    return [str(one.value) for one in given if isinstance(one, ast.Constant)]


if __name__ == "__main__":
    PAGE.write_text(commands_page())
