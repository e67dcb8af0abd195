"""`regie up` on an empty home: time to ready, the memory of its processes at rest, and how soon a killed worker's job is taken over.

*Ready* is when everything answers, counted from the command. *Memory* is PSS, in which a page that several processes share counts
once in all; after a rest, with an empty home: no model, no endpoint. *CPU* is what all of them use in the ten seconds after it, as seconds
a minute. *Takeover*: a job is queued, the worker that claimed it is
killed with `kill -9` a moment later, and the supervisor starts another; what counts is the time from the kill to the second claim.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.processes import cpu_s, free_ports, pss_mb, tree
from regie.base.blobs import BlobStore
from regie.store import jobs
from regie.store.change import Store
from regie.store.database import Database

STARTS = 3
REST_S, WATCHED_S = 3.0, 10.0
TAKEOVERS, LEASE_MS, LIMIT_S = 3, 3_000, 60.0
NAMES = ("up", "server", "worker", "serve")


def run() -> list[str]:
    """Lines of tables; memory only where the system tells it (Linux)."""
    ready, sizes, busy = zip(*(_started() for _ in range(STARTS)), strict=True)
    lines = ["| | measured | aim |", "|---|---|---|"]
    lines.append(f"| time to ready, s | {statistics.median(ready):.1f} (first {ready[0]:.1f}) | 3 |")
    if sizes[0]:
        whole = statistics.median(sum(size.values()) for size in sizes)
        each = ", ".join(f"{name} {statistics.median(size.get(name, 0) for size in sizes):.0f}" for name in NAMES)
        lines.append(f"| idle memory of all processes, MB | {whole:.0f} ({each}) | 250 |")
        lines.append(f"| CPU of all processes at rest, s a minute | {statistics.median(busy):.1f} | |")
    took = [_taken_over() for _ in range(TAKEOVERS)]
    lease_s = LEASE_MS / 1000
    lines.append(
        f"| from a worker's death to its job's next claim, s | {statistics.median(took):.1f} | lease {lease_s:.0f} + 2 |"
    )
    return [*lines, "", f"Medians of {STARTS} starts on new homes and {TAKEOVERS} killed workers."]


class Up:
    """`regie up` on a new home, ready."""

    def __init__(self, folder: str, **environ: str) -> None:
        self.home = Path(folder) / "home"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("REGIE_")}
        ports = [str(port) for port in free_ports()]
        words = ["up", "--home", str(self.home), "--port", ports[0], "--serve-port", ports[1]]
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "regie", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=inherited | environ
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("server"), "it did not start"
        self.ready_s = time.monotonic() - began

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def named(self) -> dict[int, str]:
        """Every process below the supervisor, and itself, by its name."""
        found = {self.process.pid: "up"}
        for child in tree(self.process.pid)[1:]:
            words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            found[child] = next((name for name in NAMES if name.encode() in words[3:4]), "others")
        return found


def _started() -> tuple[float, dict[str, float], float]:
    with tempfile.TemporaryDirectory() as folder:
        up = Up(folder)
        try:
            if not Path("/proc/self/smaps_rollup").exists():
                return up.ready_s, {}, 0.0
            time.sleep(REST_S)
            sizes: dict[str, float] = {}
            for pid, name in up.named().items():
                sizes[name] = sizes.get(name, 0) + pss_mb(pid)
            before, began = cpu_s(up.process.pid), time.monotonic()
            time.sleep(WATCHED_S)
            used = (cpu_s(up.process.pid) - before) / (time.monotonic() - began) * 60
            return up.ready_s, sizes, used
        finally:
            up.end()


def _taken_over() -> float:
    with tempfile.TemporaryDirectory() as folder:
        up = Up(folder, REGIE_LEASE_MS=str(LEASE_MS))
        database = Database(f"sqlite:///{up.home / 'regie.db'}")
        store = Store(database, BlobStore(up.home / "blobs"))
        try:
            worker = next(pid for pid, name in up.named().items() if name == "worker")
            # A stopped worker can claim nothing: we claim in its place, as the process that is then killed.
            os.kill(worker, signal.SIGSTOP)
            with store.machinery(durable=True) as batch:
                jobs.enqueue(batch, "benchmark", "nothing", {})
            held = jobs.claim(store, "the worker that dies", lease_ms=LEASE_MS)
            assert held is not None
            os.kill(worker, signal.SIGKILL)
            began = time.monotonic()
            while _fence(store, held.id) == held.fence:
                assert time.monotonic() - began < LIMIT_S, "nobody took it over"
                time.sleep(0.01)
            return time.monotonic() - began
        finally:
            database.close()
            up.end()


def _fence(store: Store, job: str) -> int:
    with store.read() as db:
        return int(jobs.find(db, job)["fence"])


if __name__ == "__main__":
    print("\n".join(run()))
