"""Regie as its processes, for tests: server, worker and serve on free ports over a home of its own, on a driven clock.

Each process leads a session of its own and is ended by its pid; nothing here looks into the processes. Times are milliseconds,
days are numbers from `FIRST_MS` on; a workspace's clock starts at the beginning of day `START_DAY`.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regie.base.clock import DAY_MS, iso
from regie.client.http import Client
from regie.pipelines.project import pack
from regie.spec import check
from regie.spec.load import load_with_positions

FIRST_MS = 1_767_571_200_000  # 2026-01-05, a Monday
START_DAY = 16
LIMIT_S = 60
SETTLE_S = 60
END_S = 20


@dataclass
class Process:
    """One process of the platform; `start` again after a `kill`."""

    words: list[str]
    log: Path
    environ: dict[str, str]
    popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environ, start_new_session=True
            )

    def kill(self) -> None:
        """`kill -9`, and the children that it leaves behind."""
        assert self.popen is not None
        with suppress(ProcessLookupError):
            os.kill(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        self.clear()

    def end(self) -> None:
        if self.popen is not None and self.popen.poll() is None:
            self.popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(END_S)
        self.clear()

    def clear(self) -> None:
        if self.popen is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)
            self.popen.wait()


class Platform:
    """The three processes of one home."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder, self.home = folder, folder / "home"
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.serve_port = free_ports(2)
        self.address, self.serve_address = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{self.serve_port}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGIE_", "MLFLOW_"))}
        environ = kept | {"XDG_CONFIG_HOME": str(folder), "PYTHONUNBUFFERED": "1"} | environ
        regie, home, server = [sys.executable, "-m", "regie"], ["--home", str(self.home)], ["--server", self.address]
        start = ["--replay-from", iso(midnight(START_DAY))]
        words = {
            "server": [*regie, "server", *home, "--port", str(self.port), *start],
            "worker": [*regie, "worker", *home, *server],
            "serve": [sys.executable, "-m", "regie.serving", "--home", str(self.home / "serve"), *server, "--port", str(self.serve_port)],
        }  # fmt: skip
        self.processes = {name: Process(each, folder / f"{name}.log", environ) for name, each in words.items()}
        self.environ = environ

    def start(self) -> None:
        """Everything answers when it returns; the server first, since it makes the home."""
        self.begin("server")
        self.begin("worker")
        self.begin("serve")

    def begin(self, name: str) -> None:
        self.processes[name].start()
        address = {"server": self.address, "serve": self.serve_address}.get(name)
        if address is not None:
            until(lambda: self._answers(name, address), f"{name} answers")

    def kill(self, name: str) -> None:
        self.processes[name].kill()

    def stop(self) -> None:
        """serve first: it delivers what it logged to a server that still answers."""
        for name in ("serve", "worker", "server"):
            self.processes[name].end()

    def log(self, name: str) -> str:
        return self.processes[name].log.read_text(errors="replace")

    def client(self, workspace: str) -> Client:
        return Client(self.address, workspace)

    def http(self, workspace: str = "", token: str = "") -> httpx2.Client:
        """A plain client, to see statuses."""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        base = f"{self.address}/w/{workspace}" if workspace else self.address
        return httpx2.Client(base_url=base, headers=headers, timeout=SETTLE_S, trust_env=False)

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """What the home's database holds, read from outside."""
        db = sqlite3.connect(f"file:{self.home / 'regie.db'}?mode=ro", uri=True, timeout=30)
        db.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in db.execute(query, values)]
        finally:
            db.close()

    def _answers(self, name: str, address: str) -> bool:
        popen = self.processes[name].popen
        assert popen is not None
        assert popen.poll() is None, f"{name} ended:\n{self.log(name)[-3000:]}"
        try:
            return bool(httpx2.get(f"{address}/health", timeout=2, trust_env=False).status_code == 200)
        except httpx2.TransportError:
            return False


@contextmanager
def running(folder: Path, **environ: str) -> Iterator[Platform]:
    """A platform that has started, and is ended whatever happens."""
    made = Platform(folder, **environ)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def free_ports(count: int) -> list[int]:
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in opened]
    for one in opened:
        one.close()
    return ports


def until(holds: Callable[[], Any], why: str, limit_s: float = LIMIT_S) -> Any:
    """Wait until something is to be seen; returns it."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {limit_s} s: {why}")


def midnight(day: int) -> int:
    return FIRST_MS + day * DAY_MS


# --- made data ---


@dataclass(frozen=True)
class Data:
    """Made rows: `time_ms`, `x` `(rows, 2)`, `label`. The label follows `x[:, 0]`, with a sign that may flip on some days."""

    time_ms: np.ndarray
    x: np.ndarray
    label: np.ndarray

    def of_day(self, day: int) -> np.ndarray:
        """The rows of a day, by number."""
        return np.flatnonzero((self.time_ms >= midnight(day)) & (self.time_ms < midnight(day + 1)))


def made(days: int = 60, per_day: int = 60, flips: tuple[int, ...] = (), seed: int = 7, strength: float = 3.0) -> Data:
    """`flips`: days from whose beginning on the concept has turned round, again at each of them."""
    chance = np.random.default_rng(seed)
    rows = days * per_day
    time_ms = FIRST_MS + np.repeat(np.arange(days), per_day) * DAY_MS + np.tile(np.arange(per_day), days) * (DAY_MS // per_day)
    x = chance.normal(size=(rows, 2))
    sign = np.ones(rows)
    for day in flips:
        sign[time_ms >= midnight(day)] *= -1
    label = chance.random(rows) < 1 / (1 + np.exp(-strength * sign * x[:, 0]))
    return Data(time_ms, x, label)


FLOW = """
from regie import Dataset, Model, Table, pipeline, step
from sklearn.linear_model import LogisticRegression


@step
def fit(rows: Dataset, flip: bool = False, sleep: float = 0.0) -> Model:
    import time

    time.sleep(sleep)
    table = rows.read()
    label = ~table.label.astype(bool) if flip else table.label
    return Model(LogisticRegression().fit(table.features, label))


@pipeline
def train(rows: Dataset, flip: bool = False, sleep: float = 0.0) -> Model:
    return fit(rows, flip, sleep)
"""

SPEC = """
regie: 1
workspace: {name}
data:
  rows:
    source: rows.parquet
    key: id
    time: time
    columns: {{a: float, b: float, y: {label}}}
    checks: [rows >= 100, unique(id)]
    label: {{column: y, known_after: 1d}}
    holdout: last 7d
{more_data}
pipelines: {{train: {{run: flow:train, windows: [{windows}]}}}}
model:
  name: {name}
  task: binary
  gates: [{gates}]
{approve}
serve:
  rollout: [{rollout}]
  abort_if: [errors > 5%]
  min_requests: 10
monitor:
  quality: [{quality}]
react: [{react}]
"""
DEFAULTS = {
    "windows": "all", "gates": "log_loss <= champion + 0.05", "rollout": "shadow 1d, canary 30% for 1d, full, watch 9d",
    "quality": "log_loss <= champion_at_release * 1.3 over 7d", "react": "", "more_data": "", "label": "bool", "approve": "",
}  # fmt: skip


@dataclass
class World:
    """A workspace with its project, its clock and what its client saw. `day` is the business day that begins now."""

    platform: Platform
    name: str
    data: Data
    folder: Path
    day: int = START_DAY
    ids: dict[int, str] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = self.platform.client(self.name)
        self.asks = httpx2.Client(base_url=self.platform.serve_address, timeout=30, trust_env=False)

    def apply(self, flow: str = FLOW, **promises: str) -> None:
        """Write the project and apply it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "flow.py").write_text(flow)
        (self.folder / "regie.yaml").write_text(SPEC.format(name=self.name, **(DEFAULTS | promises)))
        if not (self.folder / "rows.parquet").exists():
            self.write(table_of(self.data))
        loaded = load_with_positions(self.folder / "regie.yaml")
        check.check(loaded).refuse()
        self.client.apply(loaded.spec.to_json(), root=str(self.folder), code=pack(self.folder))

    def write(self, table: pa.Table, name: str = "rows.parquet") -> None:
        pq.write_table(table, self.folder / name)

    def settle(self, timeout_s: float = SETTLE_S) -> None:
        """Everything up to now is done."""
        self.client.clock.advance(midnight(self.day), timeout_s)

    def train(self, **params: Any) -> dict[str, Any]:
        """A run by hand; returns it when everything that follows from it now has settled."""
        run_id = self.client.pipelines.run("train", params)["run_id"]
        self.settle()
        return self.client.runs.show(run_id)

    def ask(self, row: int, at_ms: int | None = None) -> int:
        """One request of one row; returns its status."""
        at = int(self.data.time_ms[row] if at_ms is None else at_ms)
        record = {"id": f"r{row}", "time": at, "a": self.data.x[row, 0], "b": self.data.x[row, 1]}
        try:
            answer = self.asks.post(
                f"/endpoints/{self.name}/invocations", json={"dataframe_records": [record]}, headers={"Regie-Time": str(at)}
            )
        except httpx2.TransportError as error:
            self.failures.append(f"row {row}: {error!r}")
            return 0
        if answer.status_code != 200:
            self.failures.append(f"row {row}: {answer.status_code} {answer.text[:200]}")
        else:
            body = answer.json()
            self.ids[row], self.versions[row] = body["prediction_ids"][0], int(body["version"])
        return int(answer.status_code)

    def state(self, day: int) -> None:
        """The labels of a day's answered rows, as they become known."""
        rows = [int(row) for row in self.data.of_day(day) if int(row) in self.ids]
        known = [
            {
                "prediction_id": self.ids[row],
                "value": bool(self.data.label[row]),
                "stated_ms": int(self.data.time_ms[row]) + DAY_MS,
            }
            for row in rows
        ]
        if known:
            self.client.labels.state(known)

    def live(self, days: int = 1) -> None:
        """Days pass: requests in their order, yesterday's labels, the clock's step to midnight."""
        for _ in range(days):
            for row in self.data.of_day(self.day):
                self.ask(int(row))
            self.state(self.day - 1)
            self.day += 1
            self.settle()

    def live_until(self, holds: Callable[[], Any], why: str, most_days: int = 40) -> Any:
        """Days pass until something is to be seen."""
        for _ in range(most_days):
            if found := holds():
                return found
            self.live()
        raise AssertionError(f"not within {most_days} days: {why}")

    def events(self, *types: str) -> list[dict[str, Any]]:
        return [one for one in self.client.events.all() if not types or one["type"] in types]

    def champion(self) -> int | None:
        found = self.client.status()["champion"]
        return int(found["version"]) if found else None

    def stage(self) -> str:
        """The stage of the running rollout, or nothing."""
        rollout = self.client.status()["rollout"]
        return str(rollout["stage"]) if rollout else ""

    def logged(self) -> pa.Table:
        """The prediction log as it was ingested."""
        files = sorted((self.platform.home / "predictions" / self.name / self.name).glob("day=*/*.parquet"))
        tables = [pq.read_table(file, partitioning=None) for file in files]
        return pa.concat_tables(tables, promote_options="default") if tables else pa.table({})

    def answered_by(self, day: int) -> set[int]:
        """The versions that answered a day's requests."""
        return {self.versions[int(row)] for row in self.data.of_day(day) if int(row) in self.versions}

    def close(self) -> None:
        self.asks.close()
        self.client.close()


def table_of(data: Data, label: np.ndarray | None = None) -> pa.Table:
    """The rows as a table of the project."""
    return pa.table(
        {
            "id": [f"r{row}" for row in range(len(data.time_ms))], "time": pa.array(data.time_ms, pa.timestamp("ms")),
            "a": data.x[:, 0], "b": data.x[:, 1], "y": np.asarray(data.label if label is None else label, bool),
        }
    )  # fmt: skip


@contextmanager
def served(folder: Path, name: str) -> Iterator[World]:
    """A server alone, with one applied workspace."""
    platform = Platform(folder)
    try:
        platform.begin("server")
        world = World(platform, name, made(20), platform.folder / name)
        world.apply()
        yield world
        world.close()
    finally:
        platform.stop()


def released(platform: Platform, name: str, data: Data | None = None, flow: str = FLOW, **promises: str) -> World:
    """A workspace whose first version is champion and answers."""
    world = World(platform, name, made() if data is None else data, platform.folder / name)
    world.apply(flow, **promises)
    run = world.train()
    assert run["state"] == "finished", run
    until(lambda: world.champion() == 1 and world.stage() == "", "the first champion")
    return world
