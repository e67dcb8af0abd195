"""The processes under `regie up`: its children, and a serve that it adopted. Each child leads a session of its own.

So Ctrl-C reaches the supervisor alone, which ends them in order, and what a killed child leaves behind is ended with its group.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from regie.base.clock import monotonic
from regie.base.processes import STACKS, is_alive

HEALTH_S = 2.0
# How long a process may take to end before it is killed; a server finishes its answers within 10 s.
END_S = int(os.environ.get("REGIE_END_MS") or 20_000) / 1000
LOG_BYTES = 20_000_000  # a longer log is put aside at the next start
TAIL_BYTES, ANSWER_BYTES = 2_000, 100_000
LOOK_S = 0.05
STACKS_S = 0.5  # for a process that hangs to write where


@dataclass(frozen=True)
class Start:
    """How to start a process: `python -m regie WORDS`. `outlives`: it goes on when the supervisor dies."""

    name: str
    words: list[str]
    logs: Path
    address: str | None
    outlives: bool = False

    @property
    def log(self) -> Path:
        return self.logs / f"{self.name}.log"


class Process(Protocol):
    """What the supervisor needs of a process."""

    def ended(self) -> int | None:
        """Its exit code, if it has ended."""

    def clear(self) -> None:
        """End what it left behind."""

    def end(self) -> bool:
        """SIGTERM, then SIGKILL; returns when it is gone. False: it had to be killed."""


class Child:
    """A process that we started."""

    def __init__(self, start: Start) -> None:
        start.logs.mkdir(parents=True, exist_ok=True)
        if start.log.exists() and start.log.stat().st_size > LOG_BYTES:
            start.log.replace(start.log.with_suffix(".log.1"))
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        if not start.outlives:
            environment["REGIE_ENDS_WITH_PARENT"] = "1"
        with start.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "regie", *start.words], stdout=log, stderr=log, env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL if start.outlives else subprocess.PIPE,
            )  # fmt: skip
        self.pid = self._popen.pid

    def ended(self) -> int | None:
        return self._popen.poll()

    def clear(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._popen.stdin:
            self._popen.stdin.close()

    def end(self) -> bool:
        ended = True
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(END_S)
            except subprocess.TimeoutExpired:
                ended = False
                self._popen.send_signal(STACKS)
                time.sleep(STACKS_S)
        self.clear()
        self._popen.wait()
        return ended


@dataclass(frozen=True)
class Adopted:
    """A serve that a former supervisor of the home started."""

    pid: int
    since: str
    port: int

    def ended(self) -> int | None:
        """Its exit code is its former parent's to know: -1 says that it is gone."""
        return None if is_alive(self.pid, self.since) else -1

    def clear(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> bool:
        until = monotonic() + END_S
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
            while self.ended() is None and monotonic() < until:
                time.sleep(LOOK_S)
        ended = self.ended() is not None
        if not ended:
            with suppress(ProcessLookupError):
                os.kill(self.pid, STACKS)
                time.sleep(STACKS_S)
        self.clear()
        return ended


def healthy(address: str) -> bool:
    """Whether `GET /health` answers 200."""
    return asked(address, "/health")[0] == 200


def health(address: str) -> dict[str, Any]:
    """What `GET /health` says of the process; empty where nothing answers, or nothing that is understood."""
    try:
        said = json.loads(asked(address, "/health")[1])
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def asked(address: str, path: str, method: str = "GET") -> tuple[int, bytes]:
    """The status and the beginning of an answer; status 0 where nothing answers."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=HEALTH_S)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def log_tail(file: Path) -> str:
    """The last lines of a log, for an error."""
    try:
        with file.open("rb") as log:
            log.seek(max(0, file.stat().st_size - TAIL_BYTES))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-15:])
    except OSError:
        return ""
