"""Labels: statements about the truth, only ever added; read as of a time. The join itself is `predictions/labels.py`."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, insert, select

from regie.base.clock import wall_ms
from regie.data.tables import labels
from regie.predictions.labels import Statements
from regie.store.change import Store

PIECE = 2_000


def state(store: Store, workspace: str, statements: Sequence[dict[str, Any]]) -> int:
    """Add statements: `prediction_id`, or `key` and `time_ms`; `value`; `source`; `stated_ms`. All of them or none."""
    wall = wall_ms()
    rows = [
        {
            "workspace": workspace, "prediction_id": one.get("prediction_id"), "key": one.get("key"), "target_ms": one.get("time_ms"),
            "value": None if isinstance(one["value"], str) else float(one["value"]),
            "text": one["value"] if isinstance(one["value"], str) else None, "source": one.get("source") or "api",
            "stated_ms": one["stated_ms"], "wall_ms": wall,
        }
        for one in statements
    ]  # fmt: skip
    if rows:
        with store.measure() as batch:
            batch.execute(insert(labels), rows)
    return len(rows)


def statements_for(
    db: Connection, workspace: str, ids: Sequence[str], keys: Sequence[str | None], as_of_ms: int, positive: Any = None
) -> Statements:  # fmt: skip
    """What was stated by a time of these predictions. A label that is text counts as 1 where it is `positive`, else 0."""
    found: list[Any] = []
    for piece in _pieces(ids):
        found += db.execute(_query(workspace, as_of_ms).where(labels.c.prediction_id.in_(piece))).all()
    for piece in _pieces(sorted({key for key in keys if key is not None})):
        found += db.execute(_query(workspace, as_of_ms).where(labels.c.key.in_(piece), labels.c.prediction_id.is_(None))).all()
    return Statements(
        _texts([row.prediction_id for row in found]), _texts([row.key for row in found]),
        np.array([row.target_ms or 0 for row in found], np.int64),
        np.array([_number(row, positive) for row in found], np.float64),
        np.array([row.stated_ms for row in found], np.int64), np.array([row.seq for row in found], np.int64),
    )  # fmt: skip


def _query(workspace: str, as_of_ms: int) -> Any:
    return select(labels).where(labels.c.workspace == workspace, labels.c.stated_ms <= as_of_ms)


def _number(row: Any, positive: Any) -> float:
    if row.text is not None:
        return float(row.text == str(positive))
    return float("nan") if row.value is None else float(row.value)


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), PIECE):
        yield values[start : start + PIECE]


def _texts(values: Sequence[str | None]) -> npt.NDArray[np.object_]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
