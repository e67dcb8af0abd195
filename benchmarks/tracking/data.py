"""Runs that are there before anything is measured: put into each server's tables directly, over HTTP they would take an hour.

A run has 10 metrics of one point, 10 parameters and 5 tags; the last one also has a long history. PostgreSQL's planner gets its statistics as
its autovacuum would give them within a minute; on SQLite nobody but the server itself would, so nothing is done there.
"""

import random
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import psycopg

from benchmarks.tracking.client import START_MS
from regie.app.caller import PERSONAL

AT_ONCE = 2_000
Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Run:
    """`id` is random, as stock's are, or ordered by time, as ours are."""

    number: int
    id: str
    start_ms: int
    metrics: list[tuple[str, float]]
    params: list[tuple[str, str]]
    tags: list[tuple[str, str]]


def runs(count: int, ordered: bool) -> Iterator[Run]:
    """The same runs for both servers."""
    drawn = random.Random(7)
    for number in range(count):
        start_ms, bits = START_MS + number * 1_000, drawn.getrandbits(128)
        identity = f"{start_ms:012x}7{bits % (1 << 76):019x}" if ordered else uuid.UUID(int=bits, version=4).hex
        yield Run(
            number, identity, start_ms,
            [(f"m{place}", drawn.random()) for place in range(10)],
            [(f"p{place}", str(drawn.randrange(100))) for place in range(10)],
            [("mlflow.runName", f"run-{number}"), *((f"t{place}", f"value {drawn.randrange(20)}") for place in range(4))],
        )  # fmt: skip


OURS = {
    "runs": ("key", "id", "workspace", "experiment_id", "kind", "user", "status", "start_wall_ms", "end_wall_ms", "lifecycle"),
    "metrics": ("run", "key", "timestamp_wall_ms", "step", "value", "is_nan"),
    "latest_metrics": ("run", "key", "value", "is_nan", "timestamp_wall_ms", "step"),
    "params": ("run", "key", "value"),
    "run_tags": ("run", "key", "value"),
}
STOCK = {
    "runs": (
        "run_uuid", "name", "source_type", "source_name", "entry_point_name", "user_id", "status", "start_time", "end_time",
        "source_version", "lifecycle_stage", "artifact_uri", "experiment_id",
    ),
    "metrics": ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
    "latest_metrics": ("key", "value", "timestamp", "step", "is_nan", "run_uuid"),
    "params": ("key", "value", "run_uuid"),
    "tags": ("key", "value", "run_uuid"),
}  # fmt: skip


class Ours:
    """Rows of our tables."""

    columns, ordered = OURS, True
    after = "SELECT setval(pg_get_serial_sequence('runs', 'key'), (SELECT max(key) FROM runs))"  # PostgreSQL counts by itself

    def __init__(self, experiment_id: str, bulk: "Bulk") -> None:
        self.experiment_id, self.first = experiment_id, 1 + (bulk.one('SELECT max("key") FROM runs') or 0)

    def add(self, run: Run, to: Rows) -> None:
        key, at, end = self.first + run.number, run.start_ms, run.start_ms + 500
        to["runs"].append((key, run.id, PERSONAL, self.experiment_id, "", "local", "FINISHED", at, end, "active"))
        to["metrics"] += [(key, name, at, 0, value, False) for name, value in run.metrics]
        to["latest_metrics"] += [(key, name, value, False, at, 0) for name, value in run.metrics]
        to["params"] += [(key, name, value) for name, value in run.params]
        to["run_tags"] += [(key, name, value) for name, value in run.tags]

    def history(self, run: Run, values: Sequence[float], to: Rows) -> None:
        key, at = self.first + run.number, run.start_ms
        to["metrics"] += [(key, "loss", at + step, step, value, False) for step, value in enumerate(values)]
        last = len(values) - 1
        to["latest_metrics"].append((key, "loss", values[last], False, at + last, last))


class Stock:
    """Rows of MLflow's tables."""

    columns, ordered, after = STOCK, False, "SELECT 1"

    def __init__(self, experiment_id: str, bulk: "Bulk") -> None:
        self.experiment_id = int(experiment_id)

    def add(self, run: Run, to: Rows) -> None:
        at, where = run.start_ms, f"mlflow-artifacts:/{self.experiment_id}/{run.id}/artifacts"
        name = run.tags[0][1]
        to["runs"].append(
            (run.id, name, "UNKNOWN", "", "", "local", "FINISHED", at, at + 500, "", "active", where, self.experiment_id)
        )
        to["metrics"] += [(name, value, at, run.id, 0, False) for name, value in run.metrics]
        to["latest_metrics"] += [(name, value, at, 0, False, run.id) for name, value in run.metrics]
        to["params"] += [(name, value, run.id) for name, value in run.params]
        to["tags"] += [(name, value, run.id) for name, value in run.tags]

    def history(self, run: Run, values: Sequence[float], to: Rows) -> None:
        at, last = run.start_ms, len(values) - 1
        to["metrics"] += [("loss", value, at + step, run.id, step, False) for step, value in enumerate(values)]
        to["latest_metrics"].append(("loss", values[last], at + last, last, False, run.id))


def fill(url: str, sort: type[Ours] | type[Stock], experiment_id: str, count: int, points: int) -> str:
    """Load `count` runs, the last one with `points` points of the metric `loss`; returns its id."""
    bulk = Bulk(url)
    try:
        shape, some, run = sort(experiment_id, bulk), runs(count, sort.ordered), None
        while batch := list(islice(some, AT_ONCE)):
            rows: Rows = defaultdict(list)
            for run in batch:
                shape.add(run, rows)
            bulk.add(sort.columns, rows)
        assert run is not None
        rows, drawn = defaultdict(list), random.Random(8)
        shape.history(run, [drawn.random() for _ in range(points)], rows)
        bulk.add(sort.columns, rows)
        bulk.done(sort.after)
        return run.id
    finally:
        bulk.close()


class Bulk:
    """Many rows at once, past every server: INSERT on SQLite, COPY on PostgreSQL."""

    def __init__(self, url: str) -> None:
        self.postgresql: psycopg.Connection | None = None
        self.sqlite: sqlite3.Connection | None = None
        if url.startswith("sqlite:///"):
            self.sqlite = sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)
        else:
            self.postgresql = psycopg.connect(url)

    def one(self, query: str) -> Any:
        """The only value."""
        row = (self.sqlite or self.postgresql).execute(query).fetchone()  # type: ignore[union-attr]
        return row[0] if row else None

    def add(self, columns: dict[str, tuple[str, ...]], rows: Rows) -> None:
        for table, names in columns.items():
            listed = ", ".join(f'"{name}"' for name in names)
            if self.sqlite is not None:
                marks = ", ".join("?" * len(names))
                self.sqlite.executemany(f"INSERT INTO {table} ({listed}) VALUES ({marks})", rows[table])
            elif self.postgresql is not None:
                with self.postgresql.cursor() as cursor, cursor.copy(f"COPY {table} ({listed}) FROM STDIN") as copy:
                    for row in rows[table]:
                        copy.write_row(row)

    def done(self, after: str) -> None:
        if self.sqlite is not None:
            self.sqlite.commit()
        elif self.postgresql is not None:
            self.postgresql.execute(after)
            self.postgresql.commit()
            self.postgresql.execute("ANALYZE")
            self.postgresql.commit()

    def close(self) -> None:
        (self.sqlite or self.postgresql).close()  # type: ignore[union-attr]
