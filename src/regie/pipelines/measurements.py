"""What tasks measured: kept with their MLflow run, shown in the pipeline's, replayed where the cache answered.

Where two tasks logged a parameter under one name with two values, the later one is shown as `TASK.name`; what another training window
measured is shown as `WINDOW/name`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regie.store.change import Batch, Change, Store
from regie.tracking import artifacts, measure
from regie.tracking import queries as tracked
from regie.tracking.measure import Point
from regie.tracking.types import JUDGED, MAX_METRICS, MAX_PARAMS

LOGS = "logs/"
HISTORY = 1_000_000  # points of one run that are replayed
MAX_LOG_BYTES = 20_000_000
PLAIN_WINDOWS = ("", "all")


@dataclass(frozen=True)
class Log:
    """A task's output, as a blob and as an artifact of the task's MLflow run."""

    root: str
    path: str
    digest: str
    size_bytes: int

    @property
    def where(self) -> str:
        return f"{self.root}/{self.path}"


def kept_log(store: Store, task: dict[str, Any], log: Path) -> Log:
    """Store what a task printed; of a very long output, its end."""
    size = log.stat().st_size if log.exists() else 0
    if size > MAX_LOG_BYTES:
        with log.open("rb") as file:
            file.seek(size - MAX_LOG_BYTES)
            content = f"[the first {size - MAX_LOG_BYTES:,} bytes are not kept]\n".encode() + file.read()
    else:
        content = log.read_bytes() if size else b""
    path = f"{LOGS}{task['name']}-{task['attempt']}.txt"
    return Log(f"runs/{task['mlflow_run_id']}", path, store.blobs.put(content), len(content))


def name_log(tx: Change, log: Log) -> None:
    """Make it an artifact. Whatever the task itself logged: a folder and a file of one name are no reason to lose how it ended."""
    artifacts.name(Batch(tx.connection, "measurement"), tx.workspace, log.root, log.path, log.digest, log.size_bytes)


def replay(store: Store, workspace: str, source: str, target: str) -> None:
    """Give a run the metrics, parameters and files of another one, without its logs."""
    with store.read() as db:
        points, params = _points(db, source), tracked.data(db, source).params
        files = artifacts.whole(db, workspace, f"runs/{source}")
    _log(store, target, points, params)
    named = [(path, digest, size) for path, digest, size in files if not path.startswith(LOGS) and store.blobs.keep(digest)]
    with store.measure() as batch:
        for path, digest, size in named:
            artifacts.put(batch, workspace, f"runs/{target}", path, digest, size)


def show_in(store: Store, parent: str, task: dict[str, Any]) -> None:
    """Add what a successful task measured to the pipeline's run."""
    window = task["window"]
    before = "" if window in PLAIN_WINDOWS else f"{window}/"
    with store.read() as db:
        points, params = _points(db, task["mlflow_run_id"]), tracked.data(db, task["mlflow_run_id"]).params
        known = tracked.data(db, parent).params
    shown = {}
    for name, value in params.items():
        key = before + name
        shown[key if known.get(key, value) == value else f"{before}{task['name']}.{name}"] = value
    fresh = {name: value for name, value in shown.items() if name not in known}
    _log(store, parent, [(before + name, value, at, step) for name, value, at, step in points], fresh)


def _points(db: Any, run_id: str) -> list[Point]:
    """What the run itself measured: a version of its own may have been judged since, and whose figures those are stays so."""
    found = tracked.points(db, tracked.run(db, run_id).key, HISTORY)
    return [
        (metric.key, metric.value, metric.timestamp_wall_ms, metric.step) for metric in found if not metric.key.startswith(JUDGED)
    ]


def _log(store: Store, run_id: str, points: list[Point], params: dict[str, str]) -> None:
    for start in range(0, len(points), MAX_METRICS):
        measure.log_batch(store, run_id, points[start : start + MAX_METRICS])
    items = sorted(params.items())
    for start in range(0, len(items), MAX_PARAMS):
        measure.log_batch(store, run_id, params=dict(items[start : start + MAX_PARAMS]))
