"""What was predicted, and what turned out to be true, side by side, as of business now."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from sqlalchemy import Connection

from regie.data import stated
from regie.loop.scene import Scene
from regie.metrics.answers import ModelTask
from regie.predictions import lake
from regie.predictions.labels import Predictions, join, mature

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """Mature predictions `(rows,)`: their times, and their labels, NaN where none was stated yet."""

    time_ms: Times
    label: Floats
    rows: npt.NDArray[np.intp]  # which of the given predictions these are

    @property
    def coverage(self) -> float:
        return float(np.isfinite(self.label).mean()) if len(self.label) else 0.0


def task_of(scene: Scene) -> ModelTask:
    """The model's task, as metrics take it. Labels are numbers here: the positive class is 1."""
    assert scene.spec.model is not None
    task = scene.spec.model.task
    threshold = 0.5 if task.threshold is None else task.threshold
    return ModelTask(task.kind, True if task.kind == "binary" else None, threshold)


def known_after_ms(scene: Scene) -> int:
    labelled = scene.spec.labelled
    return labelled.label.known_after_ms if labelled and labelled.label else 0


def predictions(scene: Scene, from_ms: int, to_ms: int, columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of the served endpoint in a stretch of event time."""
    assert scene.serves is not None
    return lake.read(scene.predictions, scene.workspace, scene.serves.endpoint, from_ms, to_ms, columns)


def truth(scene: Scene, db: Connection, ids: Sequence[str], keys: Sequence[str | None], targets: Times) -> Truth:
    """The labels of predictions, of those that are mature by now."""
    now = scene.now_ms()
    table = Predictions(_texts(ids), _texts(keys), targets)
    positive = scene.spec.model.task.positive if scene.spec.model else None
    statements = stated.statements_for(db, scene.workspace, ids, keys, now, positive)
    joined = join(table, statements, now, known_after_ms(scene))
    values = np.full(len(table), np.nan)
    values[joined.rows] = joined.value
    ripe = np.flatnonzero(mature(targets, known_after_ms(scene), now))
    return Truth(targets[ripe], values[ripe], ripe)


def _texts(values: Sequence[str | None]) -> npt.NDArray[np.object_]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
