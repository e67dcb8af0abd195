"""What processes cost, as Linux tells it: CPU time, memory, and the ports they may listen on."""

import os
import socket
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it ended meanwhile
        return []


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for one in found:
        found += children(one)
    return found


def cpu_s(pid: int) -> float:
    """CPU time (user and system) of a process and all below it so far, those that ended included."""
    return sum(_own_cpu_s(one) + _ended_cpu_s(one) for one in tree(pid))


def born(pid: int) -> int:
    """When it was started, in ticks; 0 where there is none. With its id it names a process for ever."""
    fields = _fields(pid)
    return int(fields[19]) if fields else 0


def _own_cpu_s(pid: int) -> float:
    try:
        # clock_getcpuclockid(3): to the nanosecond, where /proc/PID/stat has hundredths of a second.
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def _ended_cpu_s(pid: int) -> float:
    fields = _fields(pid)
    return (int(fields[13]) + int(fields[14])) / TICKS if fields else 0.0


def _fields(pid: int) -> list[str]:
    """Of proc_pid_stat(5), from the third on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return []


def pss_mb(pid: int) -> float:
    """Memory in which a page that several processes share counts once in all."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(next(line for line in rollup.splitlines() if line.startswith("Pss:")).split()[1]) / 1000


def forget_peak(pid: int) -> None:
    """From now on the peak is that of what follows."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def resident_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process, now and at its peak."""
    said = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(said["VmRSS"].split()[0]) / 1000, int(said["VmHWM"].split()[0]) / 1000
