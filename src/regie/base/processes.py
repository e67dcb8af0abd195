"""Processes of this machine: whether another one lives and is still the one that was meant; how this one is told to end, and ends.

A pid is used again, so a process is known by its pid and the time it started, as the system writes it. Linux reads `/proc`;
elsewhere (macOS) `ps` is asked.
"""

import faulthandler
import logging
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

PS_S = 5
STACKS = signal.SIGUSR1  # asks a process of ours to write the stacks of its threads to stderr


def started(pid: int) -> str | None:
    """When the process started, in the system's own words, the same for as long as it lives; None if it lives no more."""
    if pid <= 0:
        return None
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The name, in parentheses, may hold spaces; what follows is state, parent..., and in 22nd place the start in ticks.
            fields = stat.read_bytes().rpartition(b")")[2].split()
        except (OSError, IndexError):
            return None
        return None if fields[0] in (b"Z", b"X") else fields[19].decode()
    return _asked_of_ps(pid)


def _asked_of_ps(pid: int) -> str | None:
    words = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PS_S, env={**os.environ, "LC_ALL": "C"}, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    state, _, when = done.stdout.strip().partition(" ")
    return None if done.returncode or state.startswith("Z") or not when else when.strip()


def is_alive(pid: int, since: str | None) -> bool:
    """Whether the process that started then still lives. Without a start, whether any process has the pid."""
    now = started(pid)
    return now is not None and (not since or now == since)


def end_with(descriptor: int) -> None:
    """Send this process SIGTERM when the pipe closes: whoever holds its other end has died, in whatever way."""

    def wait() -> None:
        # Read past Python's buffers: a daemon thread inside one of them would break the interpreter's end.
        with suppress(OSError):
            while os.read(descriptor, 1):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


class StopSignal:
    """Set by signals, waited for by one thread, read by any.

    `threading.Event` is not for this: its `set` takes a lock that the interrupted thread may hold, and then never returns.
    """

    def __init__(self, signals: Iterable[signal.Signals] = (signal.SIGTERM, signal.SIGINT)) -> None:
        self._set = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        for one in signals:
            signal.signal(one, self._handle)

    def set(self) -> None:
        self._set = True
        with suppress(BlockingIOError):
            os.write(self._writer, b".")

    def is_set(self) -> bool:
        return self._set

    def wait(self, seconds: float) -> bool:
        """Wait for at most so long; whether it is set."""
        if not self._set:
            select.select([self._reader], [], [], seconds)
        return self._set

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.set()


def stacks_on_request() -> None:
    """`kill -USR1` writes the stacks of all threads to stderr, so that a process that hangs can say where."""
    faulthandler.register(STACKS, all_threads=True)


def leave(code: int) -> NoReturn:
    """End this process now. The ends of native libraries, whose threads have been seen to abort or to hang there, get no say."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
