"""Regie as a user has it: started by its command, asked over its commands and its HTTP API, ended by a signal."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regie.base.clock import monotonic
from regie.base.errors import RegieError
from regie.cli.story.connection import Connection, request
from regie.client.http import Client

HOST = "127.0.0.1"
PORTS = (8700, 8701)
WORKSPACE = "flights"
START_S = 60
STOP_S = 45  # serve delivers what it logged, then the server ends its requests
ASK_S = 300
LEASE_MS = 5_000
LOOK_S = 0.1


class DemoFailed(RegieError):
    """A part of the demo did not start or did not answer."""

    code, status, exit_code = "demo.failed", 500, 1


@dataclass(frozen=True)
class Outcome:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


@dataclass
class Regie:
    """One home and the processes that serve it."""

    home: Path
    project: Path
    port: int
    serve_port: int
    process: subprocess.Popen[bytes] | None = None
    launched: float = 0.0

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def serve_address(self) -> str:
        return f"http://{HOST}:{self.serve_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What the commands need to find this home. A killed process is missed after `LEASE_MS`, so that nobody waits long."""
        own = {"REGIE_HOME": str(self.home), "REGIE_SERVER": self.address, "REGIE_LEASE_MS": str(LEASE_MS)}
        return {**os.environ, **own, "NO_COLOR": "1", "COLUMNS": "160"}

    @property
    def log(self) -> Path:
        return self.home / "up.log"

    def start(self, replay_from: str) -> None:
        """`regie up` with a driven clock; returns when both doors answer. Raises DemoFailed."""
        self.launch(replay_from)
        while not self.ready():
            time.sleep(LOOK_S)

    def launch(self, replay_from: str) -> None:
        """Begin `regie up`; `ready` tells when it answers."""
        ports = ("--port", str(self.port), "--serve-port", str(self.serve_port))
        up = (*COMMAND, "up", "--home", str(self.home), *ports, "--replay-from", replay_from)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                up, cwd=self.project, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C ends the story, which then ends the processes in their order
            )  # fmt: skip
        self.launched = monotonic()

    def ready(self) -> bool:
        """Whether `regie up` says that all is there, and both doors answer. Raises DemoFailed where it ended, or takes too long."""
        assert self.process is not None
        if self.process.poll() is not None or monotonic() > self.launched + START_S:
            raise DemoFailed(f"`regie up` did not start:\n{self.log.read_text(errors='replace')[-2000:]}", str(self.log))
        said = _read(self.home / "up.json")
        return said.get("pid") == self.process.pid and self._healthy(self.port) and self._healthy(self.serve_port)

    def processes(self) -> dict[str, int]:
        """The processes under `regie up`, by the word that started them: `server`, `worker`, `serve`."""
        assert self.process is not None
        listed = subprocess.run(("ps", "-A", "-o", "pid=,ppid=,args="), capture_output=True, text=True, check=True).stdout
        found = {}
        for pid, parent, *words in (line.split() for line in listed.splitlines()):
            if int(parent) == self.process.pid and "regie" in words:
                found[words[words.index("regie") + 1]] = int(pid)
        return found

    def kill(self, *pids: int) -> None:
        """`kill -9`: the supervisor first, or it would start the others again at once."""
        assert self.process is not None
        for pid in (self.process.pid, *pids):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End every process of the home; safe to call twice."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        self._end_orphan()

    def _end_orphan(self) -> None:
        """A serve outlives a supervisor that was killed."""
        said = _read(self.home / "serve" / "serve.json")
        if said.get("port") == self.serve_port and self._healthy(self.serve_port):
            with contextlib.suppress(ProcessLookupError):
                os.kill(said["pid"], signal.SIGTERM)

    def command(self, *args: str, folder: Path | None = None, token: str = "") -> Outcome:
        """Run `regie ARGS` in the project's folder, or in another one; with a token as the person whose it is."""
        person = {"REGIE_TOKEN": token} if token else {}
        done = subprocess.run(
            (*COMMAND, *args), cwd=folder or self.project, env=self.environment | person, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=ASK_S, check=False,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr)

    def client(self, token: str = "") -> Client:
        """The workspace's API, for the local user or for the person whose token it is."""
        return Client(self.address, WORKSPACE, token or None)

    def _healthy(self, port: int) -> bool:
        try:
            with Connection(HOST, port, 5) as connection:
                return connection.send(request("GET", "/health", f"{HOST}:{port}"))[0] == 200
        except (OSError, ValueError):
            return False


def _read(file: Path) -> dict[str, Any]:
    """What a process wrote about itself; empty where it has not."""
    try:
        found: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found


COMMAND = (sys.executable, "-m", "regie")


def isolate(home: Path) -> None:
    """Forget what would point the demo's commands at another server, database or tracking store."""
    for name in [name for name in os.environ if name.startswith(("REGIE_", "MLFLOW_"))]:
        del os.environ[name]
    os.environ |= {"XDG_CONFIG_HOME": str(home / "config"), "MLFLOW_DISABLE_TELEMETRY": "true"}


def free_ports() -> tuple[int, int]:
    """The usual ports where they are free, else any two that are."""
    with contextlib.ExitStack() as held:
        found = [_bound(held, port) or _bound(held, 0) for port in PORTS]
    return found[0], found[1]


def _bound(held: contextlib.ExitStack, port: int) -> int:
    taken = held.enter_context(socket.socket())
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((HOST, port))
    except OSError:
        return 0
    return int(taken.getsockname()[1])
