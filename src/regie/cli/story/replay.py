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


@dataclass
class Tally:
    """What the client saw. `probability`, `version`: `(rows,)`, NaN and 0 where nothing was answered."""

    probability: np.ndarray
    version: np.ndarray
    ids: dict[int, str] = field(default_factory=dict)
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    labels: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: int) -> "Tally":
        return cls(np.full(rows, np.nan), np.zeros(rows, np.int64))

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
        try:
            status, body = connection.send(one)
        except (OSError, ValueError) as error:
            status, body = 0, str(error).encode()
            connection.reopen()
        tally.take(row, status, body)


@dataclass
class Replay:
    """The year on a running home. `each_day(day)` is called when a day has settled."""

    regie: Regie
    api: Client
    stream: Stream
    chronicle: Chronicle
    screen: Screen
    tally: Tally

    def run(self, first_day: int, each_day: Callable[[int], None]) -> None:
        """From a day to the stream's end. Raises OSError where the endpoint cannot be reached at all."""
        total = len(self.stream.keys) - int(self.stream.edges[first_day])
        with Connection(HOST, self.regie.serve_port) as connection:
            for today in range(first_day, self.stream.days):
                connection.reopen()  # a retraining may have taken longer than servers keep an idle connection
                self._day(connection, today)
                each_day(today)
                self.screen.move(self.tally.requests, total, day(self.stream.starts_ms(today)))

    def _day(self, connection: Connection, today: int) -> None:
        rows = self.stream.rows(today)
        requests = streams.requests(self.stream, PATH, f"{HOST}:{self.regie.serve_port}", rows)
        self._timed("requests", lambda: send(connection, self.tally, rows, requests))
        self._timed("labels", lambda: self._label(today - 1))
        self._timed("steps", lambda: self.advance(today + 1))
        for mark in self._timed("events", self.chronicle.look):
            self.screen.event(mark.kind, mark.time_ms, mark.says)

    def _label(self, yesterday: int) -> None:
        """What happened yesterday is known when today ends."""
        known = streams.labels(self.stream, self.stream.rows(yesterday), self.tally.ids) if yesterday >= 0 else []
        if known:
            self.api.labels.state(known)
            self.tally.labels += len(known)

    def advance(self, to_day: int) -> None:
        """Step the clock to a midnight; returns when everything up to it is settled."""
        self.api.clock.advance(self.stream.starts_ms(to_day))

    def _timed(self, part: str, do: Callable[[], Result]) -> Result:
        start = monotonic()
        try:
            return do()
        finally:
            self.tally.seconds[part] = self.tally.seconds.get(part, 0.0) + monotonic() - start
