"""Let the year pass: each day its requests in their order, the labels that became known, then the clock's step to midnight.

Nothing later is sent before the step has settled, so the result does not depend on the machine's speed.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from regie.base.clock import day, monotonic
from regie.cli.story import stream as streams
from regie.cli.story.chronicle import Chronicle
from regie.cli.story.connection import Connection
from regie.cli.story.running import HOST, WORKSPACE, Regie
from regie.cli.story.screen import Screen
from regie.cli.story.stream import Stream
from regie.client.http import Client

Result = TypeVar("Result")
PATH = f"/endpoints/{WORKSPACE}/invocations"
IDLE_S = 1.0  # a retraining may take longer than servers keep an idle connection


@dataclass
class Tally:
    """What the client saw. `probability`, `version`, `ms`: `(rows,)`, NaN, 0 and NaN where nothing was answered."""

    probability: np.ndarray
    version: np.ndarray
    ms: np.ndarray
    ids: dict[int, str] = field(default_factory=dict)
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    labels: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: int) -> "Tally":
        return cls(np.full(rows, np.nan), np.zeros(rows, np.int64), np.full(rows, np.nan))

    def take(self, row: int, status: int, body: bytes) -> None:
        """One answer: one probability by a named version, or a failure."""
        self.requests += 1
        try:
            answer = json.loads(body)
            (probability,), (prediction_id,) = answer["predictions"], answer["prediction_ids"]
            version = int(answer["version"])
        except (ValueError, KeyError, TypeError):
            self.failures.append(f"row {row}: {status} {body[:200].decode(errors='replace')}")
            return
        if status != 200 or not isinstance(probability, float) or not 0 <= probability <= 1:
            self.failures.append(f"row {row}: {status} {body[:200].decode(errors='replace')}")
            return
        self.probability[row], self.version[row], self.ids[row] = probability, version, prediction_id


def send(connection: Connection, tally: Tally, rows: range, requests: list[bytes]) -> None:
    """Send the requests one after the other; a broken connection is a failed request."""
    for row, one in zip(rows, requests, strict=True):
        began = monotonic()
        try:
            status, body = connection.send(one)
        except (OSError, ValueError) as error:
            status, body = 0, str(error).encode()
            connection.reopen()
        tally.take(row, status, body)
        tally.ms[row] = (monotonic() - began) * 1000


@dataclass
class Replay:
    """The year on a running home. `each_day(day)` is called when a day has settled; `today` is the day that passes now."""

    regie: Regie
    api: Client
    stream: Stream
    chronicle: Chronicle
    screen: Screen
    tally: Tally
    today: int = 0
    sent: int = 0  # the first row that was not sent yet
    connection: Connection | None = None
    used: float = 0.0

    @property
    def midnight_ms(self) -> int:
        """When the day after `today` begins: what the clock shows between two days."""
        return self.stream.starts_ms(self.today + 1)

    @property
    def is_over(self) -> bool:
        """Whether no day follows."""
        return self.today + 1 >= self.stream.days

    def run(self, first_day: int, each_day: Callable[[int], None]) -> None:
        """From a day to the stream's end. Raises OSError where the endpoint cannot be reached at all."""
        first = self.sent = int(self.stream.edges[first_day])
        total = len(self.stream.keys) - first
        with Connection(HOST, self.regie.serve_port) as self.connection:
            for today in range(first_day, self.stream.days):
                self.today = today
                self.pass_to(self.midnight_ms)
                each_day(today)
                self.screen.move(self.tally.requests, total, day(self.stream.starts_ms(today)))

    def pass_to(self, time_ms: int) -> None:
        """Send what departs before a time, then let the clock show it; at midnight the labels of the day before are known."""
        self.send_before(time_ms)
        if time_ms == self.midnight_ms:
            self._timed("labels", lambda: self._label(self.today - 1))
        self.advance(time_ms)

    def advance(self, time_ms: int) -> None:
        """Step the clock; returns when everything up to that time is settled."""
        self._timed("steps", lambda: self.api.clock.advance(time_ms))
        for mark in self._timed("events", self.chronicle.look):
            self.screen.event(mark.kind, mark.time_ms, mark.says)

    def send_before(self, time_ms: int) -> None:
        """Send what departs before a time."""
        self.send_until(int(self.stream.times_ms.searchsorted(time_ms)))

    def send_until(self, row: int) -> None:
        """Send all rows before one that were not sent yet, one after the other."""
        rows = range(self.sent, max(row, self.sent))
        if not rows:
            return
        assert self.connection is not None
        if monotonic() - self.used > IDLE_S:
            self.connection.reopen()
        requests = streams.requests(self.stream, PATH, f"{HOST}:{self.regie.serve_port}", rows)
        self._timed("requests", lambda: send(self.connection, self.tally, rows, requests))  # type: ignore[arg-type]
        self.sent, self.used = rows.stop, monotonic()

    def _label(self, yesterday: int) -> None:
        """What happened yesterday is known when today ends."""
        known = streams.labels(self.stream, self.stream.rows(yesterday), self.tally.ids) if yesterday >= 0 else []
        if known:
            self.api.labels.state(known)
            self.tally.labels += len(known)

    def _timed(self, part: str, do: Callable[[], Result]) -> Result:
        start = monotonic()
        try:
            return do()
        finally:
            self.tally.seconds[part] = self.tally.seconds.get(part, 0.0) + monotonic() - start
