"""Run tasks as child processes of this machine.

A task sees no database, no secret and none of Regie's settings; its output goes to a log file; a time limit or a cancellation ends its
whole process group, and so does the worker's death. Safe to use from several threads. Times are seconds.
"""

import ast
import importlib.util
import json
import os
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from regie.base.canonical import canonical, digest
from regie.base.clock import monotonic
from regie.base.errors import RegieError
from regie.pipelines.modules import immediate, parsed
from regie.pipelines.sources import names_of

How = Literal["finished", "failed", "died", "killed", "timeout", "cancelled"]
TICK_S = 0.5
START_S = 60.0
MOST_LAUNCHERS = 4  # each holds its libraries in memory; the oldest idle one goes first
KILLED = "killed, probably out of memory"
# What a child must not see: settings of Regie's own (the database's address), secrets, and what changes where imports come from.
HIDDEN = re.compile(
    r"^(REGIE_|PG|MLFLOW_|PYTHON|VIRTUAL_ENV_PROMPT)|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|DATABASE_URL|DSN",
    re.IGNORECASE,
)
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
# pyarrow's allocator starts a thread when it is imported, unless it is told not to.
QUIET = {"JE_ARROW_MALLOC_CONF": "background_thread:false"}
# They start threads when they are imported, and a process with threads must not fork.
NEVER_PRELOADED = frozenset({"mlflow", "ray", "torch", "tensorflow", "jax", "pyspark"})
# The HTTP client imports its insides when the first client is made: 20 ms in each task that has a table.
OURS = ("regie.pipelines.task", "httpcore2", "truststore", "encodings.idna")


class LauncherBroken(RegieError):
    """The process that starts tasks does not come up."""

    code, status, exit_code = "pipeline.launcher", 500, 1


@dataclass(frozen=True)
class TaskResult:
    """How a task ended. `output` is set where it finished; else `error` says why: type, message, traceback."""

    how: How
    output: dict[str, Any]
    error: dict[str, Any]
    exit_code: int | None
    seconds: float

    @property
    def ok(self) -> bool:
        return self.how == "finished"


class ProcessExecutor:
    """Children of this machine. `fork=None`: by forking where that is safe (Linux), else by new interpreters.

    Close it, or use it in a `with`. A launcher is kept for each (lock, libraries), up to four.
    """

    def __init__(self, fork: bool | None = None) -> None:
        self.mode = "fork" if (sys.platform.startswith("linux") if fork is None else fork) else "spawn"
        self._launchers: dict[str, _Launcher] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "ProcessExecutor":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """End the launchers; a task that still runs ends with the call of `run` that waits for it."""
        with self._lock:
            for launcher in self._launchers.values():
                launcher.close()
            self._launchers.clear()

    def run(
        self, payload: dict[str, Any], timeout_s: float | None, log: Path, on_wait: Callable[[], bool], *, lock: str = "",
        libraries: tuple[str, ...] = (), memory_bytes: int | None = None, threads: int = 1, env: Mapping[str, str] | None = None,
    ) -> TaskResult:  # fmt: skip
        """Run one payload in a child and wait for it. `on_wait` is called twice a second; False cancels.

        `lock` and `libraries` choose the launcher. The payload's `workdir` must be an empty folder.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        limits = {name: str(threads) for name in THREADS}
        request = {"payload": payload, "log": str(log.resolve()), "memory_bytes": memory_bytes, "env": limits | dict(env or {})}
        started = monotonic()
        launcher = self._taken(lock, libraries)
        try:
            exit_code, ended_by = launcher.run(request, timeout_s, on_wait)
        finally:
            with self._lock:
                launcher.running -= 1
        return _result(Path(payload["workdir"]), exit_code, ended_by, timeout_s, monotonic() - started)

    def _taken(self, lock: str, libraries: tuple[str, ...]) -> "_Launcher":
        """The launcher for this, counted as in use; those that nobody needs any more end."""
        key = digest([lock, list(libraries)])
        with self._lock:
            found = self._launchers.get(key)
            if found is None or not found.alive:
                idle = [name for name, one in self._launchers.items() if not one.running]
                dead = [name for name, one in self._launchers.items() if not one.alive]
                for old in {*dead, *(idle[:1] if len(self._launchers) >= MOST_LAUNCHERS else ())}:
                    self._launchers.pop(old).close()
                self._launchers[key] = found = _Launcher(self.mode, libraries)
            found.running += 1
            return found


class _Launcher:
    """One launcher process, and the socket to ask it on."""

    def __init__(self, mode: str, libraries: tuple[str, ...]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="regie-"))
        self.socket = self.folder / "s"
        self.running = 0
        preload = json.dumps([*OURS, *libraries] if mode == "fork" else [])
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "regie.pipelines.launcher", str(self.socket), mode, preload],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=bare_environment(os.environ), cwd=self.folder, start_new_session=True,
        )  # fmt: skip
        self.mode = self._ready()

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def _ready(self) -> str:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as waiting:
            waiting.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if waiting.select(START_S) else b""
        if not line:
            self.close()
            raise LauncherBroken("the process that starts tasks did not come up", sys.executable, "look at the worker's output")
        return str(json.loads(line)["ready"])

    def run(self, request: dict[str, Any], timeout_s: float | None, on_wait: Callable[[], bool]) -> tuple[int | None, str]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket))
            connection.sendall(canonical(request).encode() + b"\n")
            return _wait(connection, timeout_s, on_wait)

    def close(self) -> None:
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _wait(connection: socket.socket, timeout_s: float | None, on_wait: Callable[[], bool]) -> tuple[int | None, str]:
    """(exit code, what ended it: nothing, timeout or cancelled). The exit code is None where the launcher itself died."""
    until = None if timeout_s is None else monotonic() + timeout_s
    said, ended_by = b"", ""
    while True:
        left = TICK_S if until is None or ended_by else max(0.0, min(TICK_S, until - monotonic()))
        connection.settimeout(left or 0.001)
        with suppress(TimeoutError):
            piece = connection.recv(4096)
            said += piece
            answers = [json.loads(line) for line in said.split(b"\n")[:-1]]
            codes = [answer["exit"] for answer in answers if "exit" in answer]
            if codes or not piece:
                return (codes[0] if codes else None), ended_by
            continue
        if ended_by:
            continue
        late = until is not None and monotonic() >= until
        if late or not on_wait():
            ended_by = "timeout" if late else "cancelled"
            connection.shutdown(socket.SHUT_WR)  # the keeper kills the task's group when it sees the end


def _result(workdir: Path, exit_code: int | None, ended_by: str, timeout_s: float | None, seconds: float) -> TaskResult:
    if ended_by == "timeout":
        error = {"type": "Timeout", "message": f"it ran longer than its timeout of {timeout_s:g} s", "traceback": ""}
        return TaskResult("timeout", {}, error, exit_code, seconds)
    if ended_by == "cancelled":
        return TaskResult(
            "cancelled", {}, {"type": "Cancelled", "message": "it was cancelled", "traceback": ""}, exit_code, seconds
        )
    written = workdir / "result.json"
    if written.is_file() and exit_code is not None:
        # It is written whole, and last: what happens at the interpreter's end (a native library's destructor that aborts, seen once
        # in some thousand tasks) changes nothing of it.
        result = json.loads(written.read_text())
        if result["ok"]:
            return TaskResult("finished", result["output"], {}, exit_code, seconds)
        return TaskResult("failed", {}, result["error"], exit_code, seconds)
    how: How = "killed" if exit_code == -9 else "died"
    return TaskResult(how, {}, {"type": "ProcessDied", "message": death(exit_code), "traceback": ""}, exit_code, seconds)


def death(exit_code: int | None) -> str:
    """How a process ended without a result, in words."""
    if exit_code is None:
        return "its launcher died"
    if exit_code == -9:
        return KILLED
    if exit_code < 0:
        return f"its process ended by signal {-exit_code}"
    return f"its process ended with exit code {exit_code}, without a result"


def bare_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a child sees of the worker's environment. Sets are ordered alike in every run, so that runs can be repeated."""
    kept = {name: value for name, value in environment.items() if not HIDDEN.search(name)}
    return kept | dict.fromkeys(THREADS, "1") | {"PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"} | QUIET


def libraries_of(files: Mapping[str, str]) -> tuple[str, ...]:
    """The installed third-party modules that a project imports at the top of its modules: what is worth loading once."""
    own = {name.partition(".")[0] for path in files for name in names_of(path)} | {"src", "regie"}
    roots: set[str] = set()
    for path, source in files.items():
        for top in parsed("", path, source).body:
            for node in immediate(top):
                if isinstance(node, ast.Import):
                    roots |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    roots.add(node.module.partition(".")[0])
    wanted = roots - own - NEVER_PRELOADED - set(sys.stdlib_module_names)
    return tuple(sorted(name for name in wanted if _installed(name)))


def installed(names: Iterable[str]) -> tuple[str, ...]:
    """Those modules whose top-level package is there, without importing any."""
    return tuple(name for name in names if importlib.util.find_spec(name.partition(".")[0]) is not None)


def _installed(name: str) -> bool:
    """Whether a top-level name is found where libraries are; finding it runs nothing of it."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return found is not None and "site-packages" in str(found.origin or list(found.submodule_search_locations or []))
