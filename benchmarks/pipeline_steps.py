"""What the platform adds to a step: its record, its process, and the answer of the cache.

Steps of one number, so that all the time is the platform's. *Record*: rows, MLflow run, token, event, audit record, log and cache
entry of a step whose work takes no time; no process. *Isolated*: the same with a process of its own, whose launcher is warm.
*Cached*: 100 steps that need not run. A real store on SQLite.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from regie.app.schema import metadata
from regie.base.blobs import BlobStore
from regie.base.ids import new_id
from regie.pipelines import changes, project
from regie.pipelines.executors import ProcessExecutor, TaskResult
from regie.pipelines.runner import Runner
from regie.pipelines.types import RunRequest
from regie.store.chain import start_chain
from regie.store.change import Store
from regie.store.database import Database
from regie.store.tables import workspaces
from regie.store.types import LOCAL
from regie.tracking import changes as tracking

ROUNDS, STEPS, CACHED = 5, 20, 100
FLOW = b"""
from regie import pipeline, step

@step
def add(a: int, b: int) -> int:
    return a + b

@pipeline
def chain(length: int, start: int) -> int:
    total = start
    for number in range(length):
        total = add(total, number)
    return total
"""


class Nothing(ProcessExecutor):
    """Steps whose work takes no time: what is left is their record."""

    def run(self, payload: dict[str, Any], timeout_s: Any, log: Path, on_wait: Any, **more: Any) -> TaskResult:
        value = sum(one["value"] for one in payload["inputs"].values())
        return TaskResult("finished", {"kind": "json", "value": value}, {}, 0, 0.0)


def run() -> list[str]:
    """Lines of a table: milliseconds, the median of the rounds."""
    with tempfile.TemporaryDirectory() as folder, _home(Path(folder)) as store, ProcessExecutor() as executor:
        nobody = "http://127.0.0.1:9"  # a step of numbers asks no server for blobs
        real, bare = (Runner(store, one, nobody, Path(folder) / "scratch") for one in (executor, Nothing()))
        _timed(store, real, real, 1, -1)  # the launcher starts
        record = [_timed(store, real, bare, STEPS, 1_000 + number) / STEPS for number in range(ROUNDS)]
        isolated = [_timed(store, real, real, STEPS, 2_000 + number) / STEPS for number in range(ROUNDS)]
        _timed(store, real, bare, CACHED, 0)
        cached = [_timed(store, real, bare, CACHED, 0) for _ in range(ROUNDS)]
    return [
        "| what | milliseconds | least |",
        "|---|---|---|",
        _line("record of a step", record),
        _line("a step in a process of its own", isolated),
        _line(f"{CACHED} steps answered by the cache", cached),
    ]


def _line(what: str, figures: list[float]) -> str:
    return f"| {what} | {statistics.median(figures):.1f} | {min(figures):.1f} |"


def _timed(store: Store, planner: Runner, runner: Runner, length: int, start: int) -> float:
    """Milliseconds of executing a chain of steps; its graph is planned before."""
    code = store.blobs.put(project.pack_files({"flow.py": FLOW}))
    run_id = new_id()
    request = RunRequest(run_id, "w", "flow:chain", code, params={"length": length, "start": start})
    with store.change(LOCAL, "run.create", run_id, workspace="w") as tx:
        tracking.create_run(tx, tracking.ensure_experiment(tx, "chain"), "chain", run_id=run_id, tags={"regie.kind": "pipeline"})
        changes.queue_run(tx, run_id, "chain", "flow:chain", params=request.params, reason="", code_digest=code)
    graph = planner.plan(request)
    began = time.perf_counter()
    runner.execute(request, graph, {})
    return (time.perf_counter() - began) * 1000


@contextmanager
def _home(folder: Path) -> Iterator[Store]:
    database = Database(f"sqlite:///{folder / 'regie.db'}")
    metadata.create_all(database.engine)
    with database.write() as connection:
        start_chain(connection)
    store = Store(database, BlobStore(folder / "blobs"))
    with store.change(LOCAL, "workspace.create", "w", workspace="w") as tx:
        tx.execute(insert(workspaces).values(name="w", clock="wall", now_ms=0, secret="s", created_ms=tx.wall_ms))
    try:
        yield store
    finally:
        database.close()


if __name__ == "__main__":
    print("\n".join(run()))
