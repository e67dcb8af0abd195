"""Other processes of this machine: whether one lives, and whether it is still the one that was meant.

A pid is used again, so a process is known by its pid and the time it started, as the system writes it. Linux reads `/proc`;
elsewhere (macOS) `ps` is asked.
"""

import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

PS_S = 5


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
