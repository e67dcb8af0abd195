"""Runs that measured something, put straight into the tables: over HTTP ten thousand of them would take minutes."""

import math
import random
from collections.abc import Iterable, Mapping

from sqlalchemy import func, insert, select

from regie.base.ids import new_id
from regie.store.change import Store
from regie.tracking import artifacts
from regie.tracking.tables import experiments, latest_metrics, metrics, params, run_tags, runs

START_MS = 1_767_225_600_000  # 2026-01-01
AT_ONCE = 2_000
MINUTE_MS = 60_000


def experiment(store: Store, workspace: str, name: str) -> str:
    """A new experiment's id."""
    identity = new_id()
    row = {
        "id": identity,
        "workspace": workspace,
        "name": name,
        "lifecycle": "active",
        "created_wall_ms": START_MS,
        "updated_wall_ms": START_MS,
    }
    with store.database.write() as db:
        db.execute(insert(experiments), [row])
    return identity


def fill(store: Store, workspace: str, experiment_id: str, count: int, *, seed: int = 7, name: str = "search") -> list[str]:
    """Runs of a search over parameters, one a minute; some failed, some lack a metric, one in 97 diverged to NaN. Their ids, oldest first."""
    ids: list[str] = []
    with store.database.write() as db:
        first = 1 + int(db.execute(select(func.max(runs.c.key))).scalar() or 0)
    drawn = random.Random(seed * 1_000_003 + first)
    for begin in range(0, count, AT_ONCE):
        made: dict[object, list[dict[str, object]]] = {table: [] for table in (runs, metrics, latest_metrics, params, run_tags)}
        for number in range(begin, min(begin + AT_ONCE, count)):
            key, start = first + number, START_MS + number * MINUTE_MS
            state = "FAILED" if number % 31 == 30 else "RUNNING" if number >= count - 2 else "FINISHED"
            ids.append(f"{start:012x}7{drawn.getrandbits(76):019x}")
            end = None if state == "RUNNING" else start + drawn.randrange(5_000, 900_000)
            made[runs].append({
                "key": key, "id": ids[-1], "workspace": workspace, "experiment_id": experiment_id, "kind": "", "status": state,
                "user": ("ada", "grace", "jean")[number % 3], "start_wall_ms": start, "end_wall_ms": end, "lifecycle": "active",
            })  # fmt: skip
            depth, rate = drawn.randrange(2, 12), 10 ** drawn.uniform(-3, -0.5)
            loss = 0.2 + abs(math.log10(rate) + 1.6) * 0.15 + abs(depth - 6) * 0.02 + drawn.gauss(0, 0.02)
            figures = {"log_loss": loss, "auc": 1 - loss / 2.2, "fit_seconds": drawn.uniform(2, 300), "leaves": float(2**depth)}
            if number % 97 == 96:
                figures["log_loss"] = math.nan
            if state == "FAILED":
                figures = {}
            for metric, value in figures.items():
                lost = math.isnan(value)
                point = {
                    "run": key,
                    "key": metric,
                    "value": 0.0 if lost else value,
                    "is_nan": lost,
                    "timestamp_wall_ms": start,
                    "step": 0,
                }
                made[metrics].append(point)
                made[latest_metrics].append(point)
            said = {
                "depth": str(depth),
                "learning_rate": f"{rate:.5f}",
                "booster": ("gbdt", "dart", "goss")[drawn.randrange(3)],
                "seed": str(number),
            }
            made[params] += [{"run": key, "key": param, "value": value} for param, value in said.items()]
            tags = {"mlflow.runName": f"{name}-{number}", "stage": ("first", "second")[number % 2]}
            made[run_tags] += [{"run": key, "key": tag, "value": value} for tag, value in tags.items()]
        with store.database.write(durable=False) as db:
            for table, rows in made.items():
                if rows:
                    db.execute(insert(table), rows)  # type: ignore[arg-type]
    return ids


def rename(store: Store, run_id: str, name: str) -> None:
    with store.database.write() as db:
        key = select(runs.c.key).where(runs.c.id == run_id).scalar_subquery()
        db.execute(run_tags.update().where(run_tags.c.run == key, run_tags.c.key == "mlflow.runName").values(value=name))


def log(store: Store, run_id: str, name: str, values: Iterable[float], *, step_ms: int = 1_000) -> None:
    """One metric's history, a point a step."""
    with store.database.write(durable=False) as db:
        key, start = db.execute(select(runs.c.key, runs.c.start_wall_ms).where(runs.c.id == run_id)).one()
        rows = [
            {"run": key, "key": name, "value": 0.0 if math.isnan(value) else value, "is_nan": math.isnan(value),
             "timestamp_wall_ms": start + step * step_ms, "step": step}
            for step, value in enumerate(values)
        ]  # fmt: skip
        db.execute(metrics.delete().where(metrics.c.run == key, metrics.c.key == name))
        db.execute(insert(metrics), rows)
        db.execute(latest_metrics.delete().where(latest_metrics.c.run == key, latest_metrics.c.key == name))
        db.execute(insert(latest_metrics), [rows[-1]])


def log_once(store: Store, run_id: str, values: Mapping[str, float]) -> None:
    """One point of each of many metrics."""
    with store.database.write(durable=False) as db:
        key, start = db.execute(select(runs.c.key, runs.c.start_wall_ms).where(runs.c.id == run_id)).one()
        rows = [
            {"run": key, "key": name, "value": value, "is_nan": False, "timestamp_wall_ms": start, "step": 0}
            for name, value in values.items()
        ]
        db.execute(insert(metrics), rows)
        db.execute(insert(latest_metrics), rows)


def learned(seed: int, points: int, best: float = 0.3) -> list[float]:
    """A loss that falls and is noisy, as they do."""
    drawn = random.Random(seed)
    return [best + math.exp(-step / (points / 5)) * 0.6 + drawn.gauss(0, 0.012) for step in range(points)]


def keep(store: Store, workspace: str, run_id: str, path: str, content: bytes) -> None:
    """A file among a run's artifacts."""
    digest = store.blobs.put(content)
    with store.measure() as batch:
        artifacts.name(batch, workspace, f"runs/{run_id}", path, digest, len(content))


def tag(store: Store, run_id: str, **said: str) -> None:
    with store.database.write() as db:
        key = db.execute(select(runs.c.key).where(runs.c.id == run_id)).scalar_one()
        db.execute(
            insert(run_tags), [{"run": key, "key": name.replace("__", "."), "value": value} for name, value in said.items()]
        )
