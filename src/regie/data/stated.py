"""What was stated about predictions, as of a time. The join itself is `predictions/labels.py`.

What was stated before the task was known, and does not fit it, counts as no label. Apart from `labels.py`, because the server, which only
takes statements, starts without numpy.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, select

from regie.data.labels import not_of_two
from regie.data.tables import labels
from regie.predictions.labels import Statements

PIECE = 2_000


def statements_for(
    db: Connection, workspace: str, ids: Sequence[str], keys: Sequence[str | None], as_of_ms: int, positive: Any = None
) -> Statements:  # fmt: skip
    """What was stated by a time of these predictions.

    Of a binary task, `positive` says which label counts as 1; any other counts as 0. Without it a label is its number.
    """
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
    """NaN where the label was taken back, or cannot belong to the task: then there is none."""
    value = row.value if row.text is None else row.text
    if value is None or (positive is None and row.text is not None):
        return float("nan")
    if positive is None:
        return float(value)
    return float("nan") if not_of_two(value, positive) else float(value == positive)


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), PIECE):
        yield values[start : start + PIECE]


def _texts(values: Sequence[str | None]) -> npt.NDArray[np.object_]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
