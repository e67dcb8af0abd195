"""docs/tutorial.md runs: its commands, in its order, print what it shows.

Ports are free ones in place of 8700 and 8701. `...` in what is shown stands for anything. Where a machine has no curl, the standard
library asks in its place. What follows from a command a moment later (the gates, the rollout) may be asked for again for a while, as
a reader would.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs/tutorial.md"
PATIENCE_S, LIMIT_S = 40, 120
END_S = 90  # three processes, each of which is killed after 20 s if it does not end by itself
ASKS_AGAIN = ("regie status", "regie why", "regie model")
CURL = """#!{python}
import sys, urllib.error, urllib.request
words = sys.argv[1:]
assert [words[0], words[2], words[4]] == ["-s", "-H", "-d"], words
name, value = words[3].split(": ")
try:
    answer = urllib.request.urlopen(urllib.request.Request(words[1], words[5].encode(), {{name: value}}))
except urllib.error.HTTPError as refused:
    answer = refused
sys.stdout.write(answer.read().decode())
"""


def commands():
    """(command, what the page shows after it), in order."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), flags=re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            found.append((command, shown.rstrip("\n")))
    return found


def matches(shown, printed):
    pattern = ".*".join(re.escape(part) for part in re.split(r"\.\.\.", shown))
    return not shown or re.fullmatch(pattern, printed.strip(), flags=re.DOTALL) is not None


def free_ports():
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


class Reader:
    """Someone who types the page's commands into a shell."""

    def __init__(self, folder):
        self.folder, self.ports = folder, free_ports()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGIE_", "MLFLOW_", "PYTEST_"))}
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        if shutil.which("curl") is None:
            (folder / "bin").mkdir()
            (folder / "bin/curl").write_text(CURL.format(python=sys.executable))
            (folder / "bin/curl").chmod(0o755)
            programs += f"{os.pathsep}{folder / 'bin'}"
        self.environ = kept | {"PATH": programs, "XDG_CONFIG_HOME": str(folder), "NO_COLOR": "1", "PYTHONWARNINGS": "ignore"}
        self.environ |= {"REGIE_PORT": str(self.ports[0]), "REGIE_SERVE_PORT": str(self.ports[1])}

    def types(self, command, shown):
        if command.startswith("cd "):
            self.folder = self.folder / command.removeprefix("cd ")
            return
        command = command.replace(":8700", f":{self.ports[0]}").replace(":8701", f":{self.ports[1]}")
        until = time.monotonic() + (PATIENCE_S if command.startswith(ASKS_AGAIN) else 0)
        while not matches(shown, printed := self.run(command)):
            assert time.monotonic() < until, f"$ {command}\n--- the page shows\n{shown}\n--- it prints\n{printed}"
            time.sleep(0.5)

    def run(self, command):
        done = subprocess.run(
            ["sh", "-c", command], cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=LIMIT_S, check=False,
        )  # fmt: skip
        return done.stdout

    def leaves(self):
        """Whatever happened, nothing goes on running."""
        for state in list(self.folder.rglob("up.json")):
            with suppress(FileNotFoundError):  # it is just ending
                self.run(f"kill {json.loads(state.read_text())['pid']}")
        until = time.monotonic() + END_S
        while list(self.folder.rglob("up.json")):
            assert time.monotonic() < until, f"regie up did not end\n{self.logs()}"
            time.sleep(0.1)

    def logs(self):
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in sorted(self.folder.rglob("logs/*.log")))


@pytest.fixture
def reader(tmp_path):
    one = Reader(tmp_path)
    yield one
    one.folder = tmp_path
    one.leaves()


def test_every_command_of_the_tutorial_prints_what_the_tutorial_shows(reader):
    assert len(commands()) > 12
    for command, shown in commands():
        reader.types(command, shown)
    reader.leaves()
    assert "did not end" not in reader.logs()


def test_the_page_is_compared_and_not_only_run():
    assert matches("champion   parcels@1 since ...", "champion   parcels@1 since 2026-01-01T00:00:00Z\n")
    assert not matches("champion   parcels@1 since ...", "champion   none yet\n")
    assert not matches("parcels  1", "parcels  2")
