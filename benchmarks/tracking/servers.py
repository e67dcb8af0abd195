"""The two servers, each on its own database, and what they cost while they answer.

Stock is `mlflow server --workers 1`, one process that answers as ours is one (`STOCK_WORKERS=4` in the environment: as many as it starts by
default), with nothing that reports home. Its job runner, eight more processes that poll, is switched off but where starts and memory are
measured: it would only take time from the answers that are compared.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks import peers
from benchmarks.processes import born, cpu_s, forget_peak, free_ports, pss_mb, resident_mb, tree
from benchmarks.tracking.client import Client, Refused

OURS, STOCK = "Regie", "stock MLflow"
READY_S, END_S = 180.0, 20.0
WORKERS = os.environ.get("STOCK_WORKERS", "1")
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass(frozen=True)
class Spent:
    """Of one stretch of work: time by the wall, CPU time of the server, and of PostgreSQL where it is the database."""

    wall_s: float
    cpu_s: float
    database_s: float
    grown_mb: float


class Server:
    """One that answers. `end` it, whatever happens."""

    def __init__(self, name: str, folder: Path, url: str = "", database_pid: int = 0, jobs: bool = False) -> None:
        self.name, self.folder, self.url, self.database_pid, self.jobs = name, folder, url, database_pid, jobs
        self.experiment_id = self.history_run = ""  # of the runs that were loaded
        self.searched, self.deep_token = 0, ""
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        self.port, began = free_ports()[0], time.monotonic()
        words, environ = _command(self.name, self.folder, self.url, self.port, self.jobs)
        with (self.folder / "output").open("ab") as output:
            # A group of its own, so that all of it can be ended.
            self.process = subprocess.Popen(
                words, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        try:
            self._wait(began + READY_S)
        except BaseException:
            self.end()
            raise
        self.ready_s, self.ready_cpu_s = time.monotonic() - began, cpu_s(self.process.pid)

    def _wait(self, until: float) -> None:
        client = Client(self.port)
        while client.ask("GET", "/health")[0] != 200:
            if self.process.poll() is not None or time.monotonic() > until:
                raise Refused(f"{self.name} did not start:\n{self.said()}")
            time.sleep(0.02)
        client.close()

    def said(self) -> str:
        """The end of its output."""
        return (self.folder / "output").read_text(errors="replace")[-2_000:]

    @property
    def database_url(self) -> str:
        """As a driver takes it."""
        name = "regie.db" if self.name == OURS else "mlflow.db"
        return self.url or f"sqlite:///{self.folder / name}"

    def end(self) -> None:
        """First politely; then what is left of its processes, by their ids."""
        below = {pid: born(pid) for pid in tree(self.process.pid)}
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)
        for pid, when in below.items():
            if when and born(pid) == when:  # else the id is nobody's, or another's by now
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()

    @contextmanager
    def spending(self) -> Iterator[list[Spent]]:
        """What is spent within the block is in the list after it."""
        found: list[Spent] = []
        pids = tree(self.process.pid)
        for pid in pids:
            forget_peak(pid)
        before_mb = sum(resident_mb(pid)[0] for pid in pids)
        wall_s, cpu, database_s = time.perf_counter(), cpu_s(self.process.pid), self._database_s()
        yield found
        wall_s, cpu = time.perf_counter() - wall_s, cpu_s(self.process.pid) - cpu
        grown_mb = sum(resident_mb(pid)[1] for pid in pids) - before_mb
        found.append(Spent(wall_s, cpu, self._database_s() - database_s, grown_mb))

    def _database_s(self) -> float:
        return cpu_s(self.database_pid) if self.database_pid else 0.0

    def pss_mb(self) -> float:
        return sum(pss_mb(pid) for pid in tree(self.process.pid))


def _command(name: str, folder: Path, url: str, port: int, jobs: bool) -> tuple[list[str], dict[str, str]]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("REGIE_", "MLFLOW_"))}
    if name == OURS:
        environ |= {"REGIE_DATABASE": url} if url else {}
        return [sys.executable, "-m", "regie", "server", "--home", str(folder), "--port", str(port)], environ
    python = peers.python("mlflow")
    assert python is not None, f"mlflow is {peers.ABSENT}"
    store = url.replace("postgresql://", "postgresql+psycopg://") or f"sqlite:///{folder / 'mlflow.db'}"
    words = ["-m", "mlflow", "server", "--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts")]
    environ |= QUIET | ({} if jobs else WITHOUT_JOBS)
    return [python, *words, "--host", "127.0.0.1", "--port", str(port), "--workers", WORKERS], environ


def postmaster(url: str) -> int:
    """The process of a PostgreSQL server on this machine."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return int(Path(row[0], "postmaster.pid").read_text().split()[0])
