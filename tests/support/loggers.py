"""Sixteen real MLflow clients that log to a `regie server` while it is killed: what was acknowledged is written down and looked for.

The client repeats by itself what was not answered. It cannot know whether a run was made by a call whose answer never came, and
makes another one; so a kill may leave one empty run for each client, of which nobody was told.
"""

import itertools
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from regie.store import audit
from regie.store.database import Database
from tests.support.platform import Process, free_ports, until

CLIENTS = 16
RETRIES = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "9", "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1"}


@dataclass
class Told:
    """What one run was told, and what of it was acknowledged."""

    name: str
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    points: set[tuple[str, int]] = field(default_factory=set)
    sent: set[tuple[str, int]] = field(default_factory=set)
    ended: bool = False


class Loggers:
    """A server over a home of its own, on a port that it keeps, and its clients."""

    def __init__(self, folder: Path, **environ: str) -> None:
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = environ.get("REGIE_DATABASE") or f"sqlite:///{folder / 'home' / 'regie.db'}"
        words = [sys.executable, "-m", "regie", "server", "--home", str(folder / "home"), "--port", str(self.port)]
        self.server = Process(words, folder / "server.log", {**os.environ, **environ})
        self.told: dict[str, Told] = {}
        self.kills = self.acknowledged = 0
        self.failures: list[Exception] = []
        self._numbers, self._stop = itertools.count(), threading.Event()

    @contextmanager
    def logging(self) -> Iterator["Loggers"]:
        """All clients log while the block runs; each ends the run that it is in before the block is over."""
        self._start()
        try:
            self.experiment = MlflowClient(self.url).create_experiment("chaos")
            clients = [threading.Thread(target=self._log) for _ in range(CLIENTS)]
            for one in clients:
                one.start()
            try:
                yield self
            finally:
                self._stop.set()
                for one in clients:
                    one.join()
            self.check()
        finally:
            self.server.end()

    def kill(self, after: int) -> None:
        """`kill -9` in the middle of the work, once so many more calls were acknowledged; then start it again."""
        wanted = self.acknowledged + after
        until(lambda: self.acknowledged >= wanted or self.failures, f"{after} more calls are acknowledged", 120)
        self.server.kill()
        self.kills += 1
        self._start()

    def _start(self) -> None:
        self.server.start()
        until(self._answers, f"the server answers:\n{self.server.log.read_text()[-2000:]}")

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/health").status_code == 200
        except httpx2.HTTPError:
            return False

    # --- the load ---

    def _log(self) -> None:
        client = MlflowClient(self.url)
        try:
            while not self._stop.is_set():
                self._run(client, next(self._numbers))
        except Exception as error:  # noqa: BLE001
            self.failures.append(error)

    def _run(self, client: MlflowClient, number: int) -> None:
        run_id = client.create_run(self.experiment, run_name=f"run {number}").info.run_id
        told = self.told[run_id] = Told(f"run {number}")
        client.log_param(run_id, "number", number)
        told.params["number"] = str(number)
        for step in range(8):
            told.sent.add(("single", step))
            client.log_metric(run_id, "single", step / 2, timestamp=step, step=step)
            told.points.add(("single", step))
            self.acknowledged += 1
        told.sent |= {("batch", step) for step in range(20)}
        points = [Metric("batch", step / 2, step, step) for step in range(20)]
        client.log_batch(run_id, points, [Param("more", "x")], [RunTag("part", "one")])
        told.points |= {("batch", step) for step in range(20)}
        told.params["more"] = "x"
        told.tags["part"] = "one"
        client.set_tag(run_id, "part", "two")
        told.tags["part"] = "two"
        client.set_terminated(run_id)
        told.ended = True
        self.acknowledged += 4

    # --- the account ---

    def check(self) -> None:
        """Nothing acknowledged is lost, nothing is there twice, and nobody heard of an error."""
        assert self.failures == []
        client = MlflowClient(self.url)
        found, token = [], None
        while token != "":
            page = client.search_runs([self.experiment], max_results=1_000, page_token=token)
            found, token = found + list(page), page.token or ""
        runs = {one.info.run_id: one for one in found}
        assert len(runs) == len(found)
        assert self.told.keys() <= runs.keys()
        for run_id, told in self.told.items():
            self._check_run(client, runs[run_id], told)
        strays = [one for run_id, one in runs.items() if run_id not in self.told]
        assert len(strays) <= CLIENTS * self.kills
        assert all(not one.data.params and not one.data.metrics for one in strays)
        database = Database(self.database)
        with database.read() as db:
            assert audit.verify(db).records > len(self.told)
        database.close()

    def _check_run(self, client: MlflowClient, run: object, told: Told) -> None:
        info, data = run.info, run.data  # type: ignore[attr-defined]
        assert (info.run_name, info.status == "FINISHED") == (told.name, told.ended)
        assert data.params == told.params
        assert told.tags.items() <= data.tags.items()
        for key in ("single", "batch"):
            points = Counter((one.key, one.step) for one in client.get_metric_history(info.run_id, key))
            assert {point for point in told.points if point[0] == key} <= points.keys() <= told.sent
            assert set(points.values()) <= {1}
            if points:
                assert data.metrics[key] == max(step for _, step in points) / 2
