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

HOST = "127.0.0.1"
PORTS = (8700, 8701)
WORKSPACE = "flights"
START_S = 60
STOP_S = 20
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
    def log(self) -> Path:
        return self.home / "up.log"

    def start(self, replay_from: str) -> None:
        """`regie up` with a driven clock; returns when both doors answer. Raises DemoFailed."""
        ports = ("--port", str(self.port), "--serve-port", str(self.serve_port))
        up = (*COMMAND, "up", "--home", str(self.home), *ports, "--replay-from", replay_from)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                up, cwd=self.project, env=self._environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
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
            (*COMMAND, *args), cwd=folder or self.project, env=self._environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=ASK_S, check=False,
        )  # fmt: skip
        return Outcome(done.returncode, done.stdout, done.stderr)

    def get(self, path: str) -> Any:
        """What the workspace's API answers. Raises DemoFailed for any other status than 200."""
        return self._ask("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The same for a POST; 202 is an answer too."""
        return self._ask("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes = b"") -> Any:
        where = f"/w/{WORKSPACE}/api/v1{path}"
        with Connection(HOST, self.port, ASK_S) as connection:
            status, answer = connection.send(request(method, where, f"{HOST}:{self.port}", body))
        if status not in (200, 202):
            raise DemoFailed(f"{method} {where} answered {status}: {answer[:500].decode(errors='replace')}", self.address)
        return json.loads(answer)

    def _healthy(self, port: int) -> bool:
        try:
            with Connection(HOST, port, 5) as connection:
                return connection.send(request("GET", "/health", f"{HOST}:{port}"))[0] == 200
        except (OSError, ValueError):
            return False

    def _environment(self) -> dict[str, str]:
        """The user's, without what would point the commands at another server or database."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGIE_", "MLFLOW_"))}
        return kept | {"REGIE_HOME": str(self.home), "REGIE_URL": self.address, "NO_COLOR": "1", "COLUMNS": "160"}


COMMAND = (sys.executable, "-m", "regie")


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
