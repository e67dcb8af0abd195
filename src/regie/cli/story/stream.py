"""The flights as what happens: one request for each departure in its order, its label one day later.

Times are milliseconds, the local time of New York read as UTC. A day is a number from the stream's first day on.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from regie.base.clock import DAY_MS, HOUR_MS
from regie.cli.story.connection import request

KNOWN_AFTER_MS = DAY_MS
NOT_SENT = ("late",)
BY_KEY = 10  # each tenth label comes by key and time, as from a system that keeps no prediction ids
REVISED = 500  # each 500th was first stated wrongly, and put right


@dataclass(frozen=True)
class Stream:
    """All rows in the order of their time. `edges[d]` is the first row of day `d`; the last edge ends the last day."""

    frame: pd.DataFrame
    keys: list[str]
    times_ms: np.ndarray
    late: np.ndarray
    first_ms: int
    edges: np.ndarray

    @property
    def days(self) -> int:
        return len(self.edges) - 1

    def rows(self, day: int) -> range:
        """The rows of a day."""
        return range(int(self.edges[day]), int(self.edges[day + 1]))

    def starts_ms(self, day: int) -> int:
        """The midnight at which a day begins."""
        return self.first_ms + day * DAY_MS

    def day_of(self, time_ms: int) -> int:
        return (time_ms - self.first_ms) // DAY_MS


def read(path: Path) -> Stream:
    """The stream of the example's data."""
    return of(pd.read_parquet(path))


def of(frame: pd.DataFrame) -> Stream:
    """The stream of rows with `flight_id`, `time`, features and `late`."""
    times_ms = frame["time"].to_numpy("datetime64[ms]").astype(np.int64)
    first_ms = int(times_ms[0]) // DAY_MS * DAY_MS
    day = (times_ms - first_ms) // DAY_MS
    edges = day.searchsorted(np.arange(day[-1] + 2))
    return Stream(frame, frame["flight_id"].tolist(), times_ms, frame["late"].to_numpy(bool), first_ms, edges)


def features(frame: pd.DataFrame) -> pd.DataFrame:
    """What a model is asked with."""
    return frame.drop(columns=["flight_id", "time", *NOT_SENT])


def requests(stream: Stream, path: str, host: str, rows: range) -> list[bytes]:
    """One whole HTTP request for each row, encoded before the clock runs: encoding is the client's work, not the endpoint's."""
    sent = stream.frame.iloc[rows.start : rows.stop].drop(columns=list(NOT_SENT))
    sent = sent.assign(time=stream.times_ms[rows.start : rows.stop])
    records = sent.astype(object).where(sent.notna(), None).to_dict("records")
    return [
        request("POST", path, host, json.dumps({"dataframe_records": [record]}).encode(), {"Regie-Time": str(record["time"])})
        for record in records
    ]


def labels(stream: Stream, rows: range, ids: dict[int, str]) -> list[dict[str, Any]]:
    """The statements about some rows, each stated when it became known. Rows without an answer have nothing to be labelled."""
    return [statement for row in rows if row in ids for statement in _statements(stream, row, ids[row])]


def _statements(stream: Stream, row: int, prediction_id: str) -> list[dict[str, Any]]:
    time_ms, late = int(stream.times_ms[row]), bool(stream.late[row])
    about = {"key": stream.keys[row], "time_ms": time_ms} if row % BY_KEY == 0 else {"prediction_id": prediction_id}
    known_ms = time_ms + KNOWN_AFTER_MS
    final = {**about, "value": late, "stated_ms": known_ms, "source": "airport"}
    if row % REVISED:
        return [final]
    return [{**final, "value": not late, "stated_ms": known_ms - HOUR_MS, "source": "estimate"}, final]
