"""The process that starts tasks: `python -P -m regie.pipelines.launcher SOCKET fork|spawn < worker's pipe`.

It imports third-party libraries once (never user code) and then forks a child for each task, so that a task starts in milliseconds
with everything loaded. No thread, no database, no secret lives here. Between launcher and task stands a *keeper*: it waits for the task,
tells the worker how it ended, and kills the task's whole process group when the worker says so or dies. Where forking is not safe (macOS,
or a library that starts threads when it is imported) the keeper starts a new interpreter instead.

On the socket: the worker sends one line of JSON, then nothing until it closes; the keeper answers `{"pid": n}` and `{"exit": n}`.
"""

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from regie.base.canonical import canonical
from regie.base.loading import loading

DUMP_S = 0.5  # between asking a task for its traceback and killing it
POLL_MS = 20  # where the system has no pidfd


def main(argv: list[str]) -> None:
    """Serve until standard input ends. A forked child runs its task here, and leaves."""
    where, mode = argv[1], argv[2]
    with loading():  # what is loaded stays shared with the children instead of being copied when they collect
        preload(json.loads(argv[3]) if len(argv) > 3 else [])
    if mode == "fork" and threads() > 1:
        mode = "spawn"  # a lock held by another thread would stay locked in the child for ever
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(where)
    listener.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are nobody's business
    print(json.dumps({"ready": mode}), flush=True)
    request = serve(listener, mode)
    if request is not None:
        become(request)
        task = importlib.import_module("regie.pipelines.task")  # loaded before the fork
        task.prepare(request.get("memory_bytes"))
        task.main(request["payload"])
        task.leave()


def preload(names: Iterable[str]) -> None:
    """Import libraries. One that fails here will fail in the task, where somebody reads it."""
    for name in names:
        with suppress(Exception), open(os.devnull, "w") as nowhere:
            kept, sys.stdout = sys.stdout, nowhere
            try:
                importlib.import_module(name)
            finally:
                sys.stdout = kept


def threads() -> int:
    """Native threads of this process; 1 where the system does not tell."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/task"))
    return 1


def serve(listener: socket.socket, mode: str) -> dict[str, Any] | None:
    """Fork a keeper for each connection. None when the worker is gone; a request in the child that is to run it."""
    waiting = select.poll()
    waiting.register(listener, select.POLLIN)
    waiting.register(0, select.POLLIN | select.POLLHUP)
    while True:
        ready = [handle for handle, _ in waiting.poll()]
        if 0 in ready:
            return None
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return keep(connection, mode)
        connection.close()


def keep(connection: socket.socket, mode: str) -> dict[str, Any] | None:
    """The keeper: start the task, wait for it, report. Returns only in the forked task."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()  # an interrupt typed at the worker's terminal is the worker's to handle
    with connection.makefile("rb") as lines:
        request: dict[str, Any] = json.loads(lines.readline() or b"null")
    if request is None:
        os._exit(0)
    pid = spawned(request) if mode == "spawn" else os.fork()
    if pid == 0:
        connection.close()
        return request
    _tell(connection, {"pid": pid})
    _tell(connection, {"exit": watch(connection, pid)})
    os._exit(0)


def watch(connection: socket.socket, pid: int) -> int:
    """The task's exit code, negative for a signal. What it has left running dies with it."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN | select.POLLHUP)
    handle = None
    with suppress(AttributeError, OSError):
        handle = os.pidfd_open(pid)
        waiting.register(handle, select.POLLIN)
    while True:
        ready = [one for one, _ in waiting.poll(None if handle is not None else POLL_MS)]
        found, status = os.waitpid(pid, os.WNOHANG)
        if not found and connection.fileno() in ready:
            status = killed(pid)
        elif not found:
            continue
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(status)


def killed(pid: int) -> int:
    """Ask for a traceback in the log, then kill the group. Returns the wait status."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(int(DUMP_S * 1000 / POLL_MS)):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                return status
            select.select([], [], [], POLL_MS / 1000)
        for kill in (os.killpg, os.kill):  # it may not lead its group yet
            with suppress(PermissionError, ProcessLookupError):
                kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def become(request: dict[str, Any]) -> None:
    """Turn the forked child into the task's process: own group, own output, own environment."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _redirect(Path(request["log"]))
    os.environ.update(request["env"])
    os.chdir(request["payload"]["workdir"])


def spawned(request: dict[str, Any]) -> int:
    """Start the task in a new interpreter; returns its process id."""
    with Path(request["log"]).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "regie.pipelines.task"], stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
            env=os.environ | request["env"], cwd=request["payload"]["workdir"],
        )  # fmt: skip
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(canonical({"payload": request["payload"], "memory_bytes": request.get("memory_bytes")}).encode())
        process.stdin.close()
    process.returncode = 0  # the keeper waits for it itself
    return process.pid


def _redirect(log: Path) -> None:
    with open(os.devnull, "rb") as nowhere, log.open("ab") as output:
        os.dup2(nowhere.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.stdout = open(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115


def _tell(connection: socket.socket, said: dict[str, Any]) -> None:
    with suppress(OSError):
        connection.sendall(json.dumps(said).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv)
