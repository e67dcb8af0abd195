"""A platform under load whose processes are killed: what was acknowledged is written down, and looked for afterwards.

The load is four clients: one asks the endpoint, one states labels, one makes changes (experiments, blobs, runs that train and are
released), one drives the clock. Each tries again what was not answered and writes down what was. A process is killed with `kill -9`,
sometimes with its children left alive, stays away for a moment and is started again.
"""

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from regie.app.invariants import broken
from regie.base.canonical import sha256
from regie.base.clock import DAY_MS, HOUR_MS, iso
from regie.base.errors import RegieError
from regie.predictions import lake
from regie.store.database import Database
from tests.support.platform import SETTLE_S, START_DAY, Platform, Process, World, made, midnight, released, until

FLOW = """
from regie import Dataset, Model, Table, pipeline, step
from sklearn.linear_model import LogisticRegression


@step(retries=2)
def take(rows: Dataset) -> Table:
    return rows.read()


@step(retries=2)
def fit(rows: Table, number: int = 0) -> Model:
    return Model(LogisticRegression(max_iter=100 + number % 50).fit(rows.features, rows.label))


@pipeline
def train(rows: Dataset, number: int = 0) -> Model:
    return fit(take(rows), number)
"""
# A canary is soon over, and never aborted by chance: what fails here must be ours.
PROMISES = {
    "gates": "log_loss <= champion + 0.5",
    "rollout": "canary 30% for 1d, full, watch 1d",
    "quality": "log_loss <= 9 over 7d",
}
STEP_MS = 8 * HOUR_MS
SUPERVISED = ("up", "up", "up", "up", "server", "worker", "serve")
TARGETS = ("server", "server", "worker", "worker", "serve", "serve", "task", "task", "server worker", "server worker serve")
TASK_S = 20.0
RUN_EACH_MS = 48 * HOUR_MS


class Supervised(Platform):
    """The same under `regie up`: its processes are started again by it, and it is started again by us."""

    def __init__(self, folder: Path, **environ: str) -> None:
        super().__init__(folder, **environ)
        words = [
            sys.executable,
            "-m",
            "regie",
            "up",
            "--home",
            str(self.home),
            "--port",
            str(self.port),
            "--serve-port",
            str(self.serve_port),
        ]
        replay = ["--replay-from", iso(midnight(START_DAY))]
        self.processes = {"up": Process([*words, *replay], folder / "up.log", self.environ)}

    def start(self) -> None:
        self.begin("up")

    def begin(self, name: str) -> None:
        """The supervisor is started, where it was killed; all answer when it returns, serve under the supervisor's eyes."""
        up = self.processes["up"]
        if up.popen is None or up.popen.poll() is not None:
            up.start()
        until(lambda: self._answers("up", self.address) and self._answers("up", self.serve_address), f"all answer after {name}")
        until(lambda: json_of(self.home / "up.json").get("pid") == up.popen.pid, "the supervisor is there")  # type: ignore[union-attr]

    def pid(self, name: str) -> int:
        """Of a process under the supervisor."""
        if name == "serve":
            return int(json_of(self.home / "serve" / "serve.json")["pid"])
        up = self.processes["up"].popen
        assert up is not None
        return int(
            until(lambda: [pid for pid, words in descendants(up.pid).items() if f"regie {name} " in words], f"{name} runs")[0]
        )

    def stop(self) -> None:
        self.processes["up"].end()
        with suppress(OSError, KeyError):
            os.kill(self.pid("serve"), signal.SIGKILL)


@dataclass
class Acknowledged:
    """What the platform has answered for, and what was sent without an answer."""

    predictions: dict[str, int] = field(default_factory=dict)  # id to row
    labels: dict[str, int] = field(default_factory=dict)  # source of an accepted batch to its size
    tried: dict[str, int] = field(default_factory=dict)  # source of every batch to its size
    experiments: list[str] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    now_ms: int = midnight(17)
    unanswered: list[str] = field(default_factory=list)  # requests that failed while nobody had killed serve


class Chaos:
    """One home, its load and its kills. `seed` decides who is killed when; `strokes` are what else may happen, by name.

    Targets and strokes are drawn like cards: each comes once before any comes again, in another order every time.
    """

    def __init__(
        self, folder: Path, seed: int, kind: type[Platform] = Platform, targets: tuple[str, ...] = TARGETS,
        strokes: dict[str, Callable[[], None]] | None = None, **environ: str,
    ) -> None:  # fmt: skip
        self.platform = kind(folder, REGIE_LEASE_MS="2000", **environ)
        self.targets, self.strokes = targets, strokes or {}
        self._deck: list[str] = []
        self.chance, self.killed = random.Random(seed), Counter[str]()
        self.said = Acknowledged()
        self.url = environ.get("REGIE_DATABASE") or f"sqlite:///{self.platform.home / 'regie.db'}"
        self._stop = threading.Event()
        self._serve_down = threading.Event()
        self._down_times, self._next_run_ms = 0, 0
        self._numbers = itertools.count(1)

    @contextmanager
    def under_load(self) -> Iterator["Chaos"]:
        """A released version answers when the block begins; the load has ended, and all is up and settled, when it ends."""
        self.platform.start()
        try:
            self.world: World = released(self.platform, "chaos", made(300, 12, strength=2.0), FLOW, **PROMISES)
            self.world.day = 17
            clients = [
                threading.Thread(target=self._again, args=(act,), name=act.__name__)
                for act in (self._ask, self._state, self._change, self._drive)
            ]
            for one in clients:
                one.start()
            try:
                yield self
            finally:
                self._stop.set()
                for one in clients:
                    one.join(SETTLE_S)
            self.come_to_rest()
        finally:
            self.platform.stop()
            if hasattr(self, "world"):
                self.world.close()

    def alive(self) -> None:
        """Nobody ended who was not killed."""
        for name, process in self.platform.processes.items():
            assert process.popen is not None
            if process.popen.poll() is None:
                continue
            said = self.platform.log(name)[-3000:]
            # Who comes up in the moment in which the database restarts says so and ends; `regie up` would start it again.
            met = "restart" in self.strokes and "the database does not answer" in said
            assert met, f"{name} ended by itself:\n{said}"
            process.start()

    def kill(self) -> None:
        """Kill something somewhere in the middle of its work, and start it again. Between some kills the loop gets to move on."""
        if sum(self.killed.values()) % 4 == 3:
            before = self.said.now_ms
            until(lambda: self.said.now_ms > before, "the clock moves on", 120)
        time.sleep(self.chance.random())
        target = self._drawn()
        if target == "task":
            self._kill_task()
            return
        if target in self.strokes:
            self.strokes[target]()
            self.killed[target] += 1
            return
        names = target.split()
        if "serve" in names:
            self._serve_down.set()
            self._down_times += 1
        for name in names:
            self._kill_process(name)
        time.sleep(self.chance.random() * 0.3)
        for name in names:
            self.platform.begin(name)
        if "serve" in names:
            self._serve_down.clear()

    def check(self) -> None:
        """Every invariant holds, at work or at rest."""
        database = Database(self.url)
        try:
            assert broken(database, self.platform.home) == []
        finally:
            database.close()

    def come_to_rest(self) -> None:
        """All runs have ended, everything is delivered and settled."""
        client = self.world.client
        until(
            lambda: not [one for one in client.runs.list() if one["state"] in ("queued", "running")], "every run has ended", 120
        )
        # The last step of the clock may have been taken without an answer.
        self.said.now_ms = max(self.said.now_ms, int(client.clock.show()["now_ms"]))
        client.clock.advance(self.said.now_ms + HOUR_MS, SETTLE_S)

    def _kill_process(self, name: str) -> None:
        if isinstance(self.platform, Supervised) and name != "up":
            os.kill(self.platform.pid(name), signal.SIGKILL)
            self.killed[name] += 1
            return
        process = self.platform.processes[name]
        assert process.popen is not None
        assert process.popen.poll() is None, f"{name} ended by itself:\n{self.platform.log(name)[-3000:]}"
        os.kill(process.popen.pid, signal.SIGKILL)
        process.popen.wait()
        self.killed[name] += 1
        if (
            name != "up" and self.chance.random() < 0.5
        ):  # else a killed worker's task goes on for a while, with nobody to report to
            process.clear()

    def _drawn(self) -> str:
        if not self._deck:
            self._deck = [*self.targets, *self.strokes]
            self.chance.shuffle(self._deck)
        return self._deck.pop()

    def _kill_task(self) -> None:
        """A child in which a step runs; where none does, a run is started for it."""
        popen = self.platform.processes["worker"].popen
        assert popen is not None
        if not steps_of(popen.pid):
            self.said.runs.append(self.world.client.pipelines.run("train", {"number": next(self._numbers)})["run_id"])
        end = time.monotonic() + TASK_S
        while time.monotonic() < end:
            if children := steps_of(popen.pid):
                time.sleep(self.chance.random() * 0.05)  # somewhere in its work; it may be over by then
                with suppress(ProcessLookupError):
                    os.kill(self.chance.choice(children), signal.SIGKILL)
                    self.killed["task"] += 1
                    return
            time.sleep(0.01)

    # --- the load ---

    def _again(self, act: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                act()
            except (RegieError, httpx2.HTTPError):  # somebody is dead: what was not acknowledged is tried again
                self._stop.wait(0.05)

    def _ask(self) -> None:
        row = int(self._rows(self.said.now_ms)[next(self._numbers) % 12])
        downs, down = self._down_times, self._serve_down.is_set()
        before = len(self.world.failures)
        status = self.world.ask(row, self.said.now_ms)
        if status == 200:
            self.said.predictions[self.world.ids[row]] = row
        elif not (down or self._serve_down.is_set() or downs != self._down_times):
            self.said.unanswered += self.world.failures[before:]
        self._stop.wait(0.01 if status == 200 else 0.05)

    def _state(self) -> None:
        known = list(self.said.predictions.copy().items())[-20:]
        source = f"batch {next(self._numbers)}"
        self.said.tried[source] = len(known)
        if known:
            label = self.world.data.label
            self.world.client.labels.state(
                [{"prediction_id": one, "value": bool(label[row]), "source": source} for one, row in known]
            )
            self.said.labels[source] = len(known)
        self._stop.wait(0.05)

    def _change(self) -> None:
        number = next(self._numbers)
        with self.platform.http("chaos") as http:
            name = f"experiment {number}"
            http.post("/api/2.0/mlflow/experiments/create", json={"name": name}).raise_for_status()
            self.said.experiments.append(name)
            content = np.random.default_rng(number).bytes(200_000)
            http.put(f"/api/v1/blobs/{sha256(content)}", content=content).raise_for_status()
            self.said.blobs[sha256(content)] = content
        if self.said.now_ms >= self._next_run_ms:  # while a run lives, the clock stands
            self.said.runs.append(self.world.client.pipelines.run("train", {"number": number})["run_id"])
            self._next_run_ms = self.said.now_ms + RUN_EACH_MS
        self._stop.wait(0.1)

    def _drive(self) -> None:
        to_ms = self.said.now_ms + STEP_MS
        self.world.client.clock.advance(to_ms, 20)
        self.said.now_ms = to_ms
        self._stop.wait(0.1)

    def _rows(self, at_ms: int) -> Any:
        return self.world.data.of_day((at_ms - midnight(0)) // DAY_MS)

    # --- what must be there ---

    def lost(self) -> list[str]:
        """What was acknowledged and is not there, or is there in part or more than once. After `under_load`."""
        return [*self._lost_predictions(), *self._lost_labels(), *self._lost_changes(), *self.said.unanswered]

    def _lost_predictions(self) -> Iterator[str]:
        root = self.platform.home / "predictions"
        rows = lake.read(root, "chaos", "chaos", 0, self.said.now_ms + DAY_MS, ("id", "mode"))
        live = Counter(one for one, mode in zip(rows["id"].to_pylist(), rows["mode"].to_pylist(), strict=True) if mode == "live")
        yield from (f"prediction {one} is there {live[one]} times" for one in self.said.predictions if live[one] != 1)

    def _lost_labels(self) -> Iterator[str]:
        stored = {row["source"]: int(row["n"]) for row in self._query("SELECT source, count(*) AS n FROM labels GROUP BY source")}
        for source, size in self.said.tried.items():
            there = stored.get(source, 0)
            if there not in ((size,) if source in self.said.labels else (0, size)):
                yield f"{source}: {there} of {size} labels are there"

    def _lost_changes(self) -> Iterator[str]:
        names = Counter(row["name"] for row in self._query("SELECT name FROM experiments"))
        yield from (f"{name} is there {names[name]} times" for name in self.said.experiments if names[name] != 1)
        state = {row["run_id"]: row["state"] for row in self._query("SELECT run_id, state FROM pipeline_runs")}
        yield from (f"run {one} is {state.get(one)}" for one in self.said.runs if state.get(one) not in ("finished", "failed"))
        for digest, content in self.said.blobs.items():
            path = self.platform.home / "blobs" / digest[7:9] / digest[9:]
            if not path.exists() or path.read_bytes() != content:
                yield f"blob {digest} is not what was stored"

    def _query(self, words: str) -> list[dict[str, Any]]:
        database = Database(self.url)
        try:
            with database.read() as db:
                return [dict(row._mapping) for row in db.exec_driver_sql(words)]
        finally:
            database.close()

    @property
    def named(self) -> str:
        return self.url.split(":")[0]

    @property
    def blows(self) -> str:
        """How often each target was killed, and each stroke fell."""
        return ", ".join(
            f"{name} {self.killed[name]}" for name in dict.fromkeys([*" ".join(self.targets).split(), *self.strokes])
        )

    def summary(self) -> str:
        """What happened, in a few lines."""
        said, ended = self.said, Counter(row["state"] for row in self._query("SELECT state FROM rollouts"))
        runs = Counter(row["state"] for row in self._query("SELECT state FROM pipeline_runs"))
        return (
            f"{sum(self.killed.values())} kills: {self.blows}\n"
            f"acknowledged: {len(said.predictions)} predictions, {sum(said.labels.values())} labels, "
            f"{len(said.experiments)} experiments, {len(said.blobs)} blobs, {len(said.runs)} runs\n"
            f"runs: {dict(runs)}; rollouts: {dict(ended)}; the clock went {(said.now_ms - midnight(17)) // DAY_MS} days\n"
            f"requests that failed, while serve was down: {len(self.world.failures)}"
        )


def steps_of(worker: int) -> list[int]:
    """The children in which steps run, and their keepers: below the worker's launchers, which stay between steps."""
    alive = living()
    return [one for one in below(alive, worker) if alive[one][0] != worker]


def descendants(pid: int) -> dict[int, str]:
    """The living processes below one, with their words."""
    alive = living()
    return {one: alive[one][1] for one in below(alive, pid)}


def living() -> dict[int, tuple[int, str]]:
    """The parent and the words of every process."""
    printed = subprocess.run(["ps", "-axwwo", "pid=,ppid=,stat=,command="], capture_output=True, text=True, check=True).stdout
    split = [line.split(None, 3) for line in printed.splitlines()]
    return {int(p): (int(parent), words) for p, parent, stat, words in split if not stat.startswith("Z")}


def below(alive: dict[int, tuple[int, str]], pid: int) -> list[int]:
    found: list[int] = []
    front = {pid}
    while front:
        front = {one for one, (parent, _) in alive.items() if parent in front}
        found += front
    return found


def json_of(path: Path) -> dict[str, Any]:
    """What a file says; nothing while it is not there."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found
