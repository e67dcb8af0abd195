"""Regie as a user has it: started by its command, asked over its commands and its HTTP API, ended by a signal."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

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

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def serve_address(self) -> str:
        return f"http://{HOST}:{self.serve_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What the commands need to find this home."""
        return {**os.environ, "REGIE_HOME": str(self.home), "REGIE_SERVER": self.address, "NO_COLOR": "1", "COLUMNS": "160"}

    @property
    def log(self) -> Path:
        return self.home / "up.log"

    def start(self, replay_from: str) -> None:
        """`regie up` with a driven clock; returns when both doors answer. Raises DemoFailed."""
        ports = ("--port", str(self.port), "--serve-port", str(self.serve_port))
        up = (*COMMAND, "up", "--home", str(self.home), *ports, "--replay-from", replay_from)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                up, cwd=self.project, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C ends the story, which then ends the processes in their order
            )  # fmt: skip
        until = monotonic() + START_S
        while not (self._healthy(self.port) and self._healthy(self.serve_port)):
            if self.process.poll() is not None or monotonic() > until:
                raise DemoFailed(f"`regie up` did not start:\n{self.log.read_text(errors='replace')[-2000:]}", str(self.log))
            time.sleep(LOOK_S)

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

    def command(self, *args: str, folder: Path | None = None) -> Outcome:
        """Run `regie ARGS` in the project's folder, or in another one."""
        done = subprocess.run(
            (*COMMAND, *args), cwd=folder or self.project, env=self.environment, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=ASK_S, check=False,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr)

    def client(self) -> Client:
        """The workspace's API."""
        return Client(self.address, WORKSPACE)

    def _healthy(self, port: int) -> bool:
        try:
            with Connection(HOST, port, 5) as connection:
                return connection.send(request("GET", "/health", f"{HOST}:{port}"))[0] == 200
        except (OSError, ValueError):
            return False


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
