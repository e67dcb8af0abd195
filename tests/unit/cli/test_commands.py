"""The command line itself: its grammar, its streams, its exit codes, and how little it imports."""

import json
import os
import subprocess
import sys

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.errors import BadInput
from regie.cli.root import COMMANDS, root, run, there
from regie.cli.run import outcome, parameter
from regie.spec.schema import json_schema

HEAVY = ("pydantic", "httpx2", "numpy", "rich", "sqlalchemy", "pyarrow", "fastapi", "ruamel.yaml", "pandas")
BARE = {"init", "up", "open", "demo", "check", "plan", "apply", "status", "why", "gc", "doctor", "server", "worker", "serve"}
WAYS = {"import", "export"}  # groups of the other systems that they know, such as mlflow


@pytest.fixture
def regie(tmp_path):
    """Runs the command in an empty folder, on a machine without any setting."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("REGIE_")}
    environ |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "NO_COLOR": "1", "COLUMNS": "120"}

    def run(*words, folder=tmp_path, **more):
        return subprocess.run(
            [sys.executable, "-m", "regie", *words], capture_output=True, text=True, cwd=folder, env=environ | more, timeout=60,
            check=False,
        )  # fmt: skip

    return run


def tree(command, path=()):
    """Every command with its path."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from tree(command.get_command(context, name), (*path, name))


ALL = list(tree(root))


@pytest.mark.parametrize(("path", "command"), ALL, ids=[" ".join(path) or "regie" for path, _ in ALL])
def test_every_command_says_what_it_does(path, command):
    assert command.help
    assert len(command.get_short_help_str(100)) > 5
    for one in command.params:
        assert isinstance(one, click.Argument) or one.help, f"{path} {one.name}"


def test_every_command_of_the_table_can_be_loaded():
    for name in COMMANDS:
        if there(name):
            assert root.get_command(click.Context(root), name) is not None


def test_nouns_are_in_the_singular_and_take_verbs():
    for name in COMMANDS.keys() - BARE - WAYS:
        noun = root.get_command(click.Context(root), name)
        assert isinstance(noun, click.Group)
        assert not name.endswith("s")


def test_there_is_no_command_that_sets_a_champion():
    assert not [path for path, _ in ALL for word in path if "champion" in word or "promote" in word]


def test_every_write_has_a_dry_run_and_a_reason():
    writes = [
        ("pipeline", "run"),
        ("run", "cancel"),
        ("rollout", "pause"),
        ("rollout", "resume"),
        ("rollout", "abort"),
        ("apply",),
        ("actor", "add"),
        ("actor", "revoke"),
    ]
    commands = dict(ALL)
    for path in writes:
        options = {name for parameter in commands[path].params for name in parameter.opts}
        assert {"--dry-run", "--reason"} <= options, path
    for path in (("init",), ("audit", "anchor")):
        assert "--dry-run" in {name for parameter in commands[path].params for name in parameter.opts}


def test_every_read_speaks_json():
    verbs = {"list", "show", "logs", "verify", "tail", "check", "plan", "status", "why", "doctor", "export"}
    for path, command in ALL:
        if path and path[-1] in verbs and path not in {(way,) for way in WAYS}:
            assert "--json" in {name for parameter in command.params for name in parameter.opts}, path


def test_no_secret_can_be_given_by_a_flag():
    names = {name for _, command in ALL for parameter in command.params for name in parameter.opts}
    assert not [name for name in names if "token" in name or "password" in name or "secret" in name]


@pytest.mark.parametrize("code", ["import regie", "from regie.cli.root import run; run(['--help'])"])
def test_help_and_import_load_nothing_heavy(code):
    seen = f"import sys\n{code}\nprint('loaded:', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "loaded:"


def test_importing_regie_does_not_even_load_click():
    done = subprocess.run(
        [sys.executable, "-c", "import regie, sys; print('click' in sys.modules)"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_check_needs_no_http_library(regie, tmp_path):
    regie("init", "shop")
    code = "import sys; from regie.cli.root import run; code = run(['check', 'shop']); print(code, 'httpx2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "0 False"


def test_an_editor_is_given_the_grammar_without_a_project(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(["check", "--schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()


def test_an_unknown_command_names_the_nearest_and_is_a_usage_error(regie):
    done = regie("stauts")
    assert (done.returncode, done.stdout) == (2, "")
    assert "write status" in done.stderr


@pytest.mark.parametrize(
    "words", [["run", "lst"], ["status", "--jsn"], ["why"], ["event", "list", "--limit", "0"], ["up", "--port", "x"]]
)
def test_wrong_usage_is_exit_code_2_and_leaves_stdout_empty(regie, words):
    done = regie(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_without_a_server_every_read_is_exit_code_6_and_says_how_to_start_one(regie):
    for words in (["status"], ["run", "list", "--json"], ["audit", "verify"], ["why", "x@champion"]):
        done = regie(*words, REGIE_SERVER="http://127.0.0.1:1")
        assert (done.returncode, done.stdout) == (6, ""), words
        assert "regie up" in done.stderr
        assert "Traceback" not in done.stderr


def test_without_a_project_check_is_not_found(regie):
    done = regie("check")
    assert (done.returncode, done.stdout) == (5, "")
    assert "regie init" in done.stderr


def test_a_reader_that_goes_away_is_no_crash(regie, tmp_path):
    words = f"{sys.executable} -m regie init shop > /dev/null 2>&1; {sys.executable} -m regie check shop --json | head -c 1"
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.stdout == "{"
    assert "Error" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_folder_that_cannot_be_written_is_said_in_one_line(regie, tmp_path):
    (tmp_path / "file").write_text("")
    done = regie("up", "--home", str(tmp_path / "file" / "home"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / "file") in done.stderr


def test_doctor_without_a_server_works_and_tells_no_secret(regie):
    done = regie(
        "doctor", "--json", REGIE_SERVER="http://127.0.0.1:1", REGIE_TOKEN="s3cret", REGIE_DATABASE="postgresql://u:pw@h/d"
    )
    found = json.loads(done.stdout)
    assert found["server"]["answers"] is False
    assert "s3cret" not in done.stdout
    assert "u:pw" not in done.stdout


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [("depth=4", "depth", 4), ("rate=0.5", "rate", 0.5), ("on=true", "on", True), ("word=abc", "word", "abc"), ('l=["a"]', "l", ["a"]),
     ("x=", "x", ""), ("x=a=b", "x", "a=b"), ("x=NaN", "x", "NaN"), ("none=null", "none", None), ('text="4"', "text", "4")],
)  # fmt: skip
def test_a_parameter_is_json_or_a_text(words, name, value):
    assert parameter(words) == (name, value)


@given(st.text("abc_", min_size=1), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_every_json_value_arrives_as_it_was_written(name, value):
    assert parameter(f"{name}={json.dumps(value)}") == (name, value)


@pytest.mark.parametrize("words", ["depth", "=4", "a b=4", "1a=2"])
def test_what_is_no_parameter_is_refused(words):
    with pytest.raises(BadInput, match="depth=4"):
        parameter(words)


def test_the_outcome_of_a_run_is_an_exit_code():
    assert outcome("finished", "") == 0
    assert outcome("failed", "pipeline.bad_step") == 1
    assert outcome("cancelled", "") == 1
    assert outcome("failed", "data.contract_broken") == 3
