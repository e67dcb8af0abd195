"""What can be typed, seen or asked for is documented, and nothing is documented that is not there.

`regie.yaml` and its expressions are compared in `tests/unit/spec/test_docs.py`, actions and roles in `tests/unit/store/test_access.py`.
"""

import ast
import re
from pathlib import Path

import click
import pytest

from regie.app.mlflow import answers
from regie.app.schema import metadata
from regie.base.errors import RegieError
from regie.base.settings import NAMES, NEVER_A_FLAG
from regie.metrics import intervals
from regie.monitoring import drift
from regie.spec.load import parse
from tests.support import documented

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs/reference"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first line starts with the heading."""
    text = (REFERENCE / page).read_text()
    table = text[text.index(heading) :].split("\n\n")[0]
    return [re.split(r"\s*(?<!\\)\|\s*", line.strip())[1:-1] for line in table.splitlines()[2:]]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_error_is_documented_with_its_status_and_exit_code():
    page = {(words(row[0])[0], int(row[1]), int(row[2])) for row in rows("errors.md", "| code ")}
    code = {(one.code, one.status, one.exit_code) for one in {RegieError, *documented.errors()}}
    assert page - code == set(), "documented, but no class has them"
    assert code - page == set(), "add them to docs/reference/errors.md"


def test_an_error_code_means_one_status_and_one_exit_code():
    seen = [row[0] for row in rows("errors.md", "| code ")]
    assert sorted(seen) == sorted(set(seen))


# What no page can show: a process refuses to start, a node speaks to its own log, the command line to its terminal.
NEVER_ON_A_PAGE = {
    "process.port_busy", "process.did_not_start", "access.not_loopback", "store.newer", "store.network_file_system", "log.in_use",
    "serving.bad_route", "serving.not_ours", "serving.broken_file", "serving.control_plane_away",
}  # fmt: skip
BESIDE_PAGES = ("regie.cli.", "regie.client.")


def test_every_error_that_a_page_can_show_has_french_words():
    text = (ROOT / "ui/src/design/errorWords.ts").read_text()
    ours, wire = text.split("const OF_THE_WIRE")
    french = re.findall(r'^  "?([\w.]+)"?: \{ what: "[^"]+", todo: (?:"[^"]+"|[A-Z_]+)', ours, re.MULTILINE)
    codes = {one.code for one in {RegieError, *documented.errors()} if not one.__module__.startswith(BESIDE_PAGES)}
    codes.discard("unreachable")  # of a client; the control room has its own words for a server that is gone
    assert sorted(french) == sorted(codes - NEVER_ON_A_PAGE)
    assert codes >= NEVER_ON_A_PAGE
    assert set(re.findall(r"^  ([A-Z_]+): ", wire, re.MULTILINE)) == {code for _, code, _ in answers.CODES}


def test_what_an_error_offers_as_a_command_is_one():
    offered = documented.offered()
    assert len(offered) > 20
    for line in offered:
        documented.understood(line)


def test_every_command_and_option_is_documented():
    written = documented.PAGE.read_text()
    assert written == documented.commands_page(), "write it anew: python -m tests.support.documented"


def test_every_command_and_option_says_what_it_does():
    for name, command, _ in documented.commands():
        assert command.help, name
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert [one.name for one in options if not one.help] == [], name


def test_every_setting_is_documented_with_its_variable():
    page = {words(row[0])[0]: (words(row[1]), words(row[2])) for row in rows("settings.md", "| setting ")}
    assert set(page) == set(NAMES)
    for name, (options, variables) in page.items():
        assert variables == ["REGIE_" + name.upper()]
        assert not (options and name in NEVER_A_FLAG), f"{name} is never an option"


def test_every_variable_that_the_code_reads_is_documented():
    read = {name for path in documented.SOURCE.rglob("*.py") for name in re.findall(r'"(REGIE_[A-Z_]+)"', path.read_text())}
    internal = {"REGIE_ENDS_WITH_PARENT", "REGIE_"}  # `regie up` says it to its own children
    assert [name for name in sorted(read - internal) if f"`{name}`" not in (REFERENCE / "settings.md").read_text()] == []


def test_every_event_type_is_documented_and_every_documented_one_is_emitted():
    page = {name for row in rows("events.md", "| type ") for name in words(row[0])}
    assert page == documented.events()


def test_every_table_is_documented_with_its_sort():
    page = {name: row[1].split()[0] for row in rows("tables.md", "| table ") for name in words(row[0])}
    assert page == {name: table.info["sort"] for name, table in metadata.tables.items()}


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_every_link_to_a_file_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL))
    broken = [one for one in targets if "://" not in one and not (page.parent / one).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_no_page_names_a_command_that_is_not_there(page):
    groups = {name: command for name, command, _ in documented.commands()}
    plain = re.sub(r"```(?!console).*?```", "", page.read_text(), flags=re.DOTALL)
    for line in re.findall(r"(?:^\$ |`)regie ([a-z]+(?: [a-z|]+)?)", plain, flags=re.MULTILINE):
        first, _, second = line.partition(" ")
        assert f"regie {first}" in groups, line
        if hasattr(groups[f"regie {first}"], "commands") and second:
            assert all(f"regie {first} {one}" in groups for one in second.split("|")), line


def test_the_example_of_the_readme_fits_together():
    """Its regie.yaml names a pipeline of its flow.py."""
    page = (ROOT / "README.md").read_text()
    promises, code = (re.search(rf"```{kind}\n(.*?)```", page, re.DOTALL)[1] for kind in ("yaml", "python"))
    module, function = re.search(r"run: (\w+):(\w+)", promises).groups()
    assert module == "flow"
    assert function in [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    assert parse(promises, ROOT / "README.md").spec.workspace == "flights"


def blocks():
    found = [(page, block) for page in PAGES for block in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL)]
    return [pytest.param(block, id=f"{page.name}-{number}") for number, (page, block) in enumerate(found)]


@pytest.mark.parametrize("block", blocks())
def test_the_python_of_every_page_compiles(block):
    compile(block, "page", "exec")


def test_the_measured_figures_are_those_of_the_code():
    """They stand once beside the method, and once for readers who do not open the code."""
    measured = f"{intervals.__doc__}{drift.__doc__}"
    table = [line for line in (ROOT / "docs/statistics.md").read_text().splitlines() if line.startswith("|") and "0." in line]
    assert len(table) > 5
    assert [line for line in table if line not in measured] == []


def test_every_attack_that_is_tried_is_documented():
    page = (REFERENCE / "attacks.md").read_text()
    first = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    sources = [file.read_text() for file in (ROOT / "tests/stories/attacks").glob("test_*.py")]
    tried = [name for source in sources for name in re.findall(r"^def test_(\w+)", source, re.MULTILINE)]
    assert sorted(words(cell)[0] for cell in first) == sorted(tried)
    assert len(tried) >= 20
