"""Labels: statements about the truth, only ever added; read as of a time. The join itself is `predictions/labels.py`.

What cannot be a label of the task is refused where it is stated (`misfit`); what was stated before the task was known, and does
not fit it, counts as no label.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, insert, select

from regie.base.clock import wall_ms
from regie.data.tables import labels
from regie.predictions.labels import Statements
from regie.spec.document import Spec, TaskSpec
from regie.store.change import Store

PIECE = 2_000
TEXT_CHARS = 500  # of the columns `key` and `text`
LARGEST = float(1 << 53)  # whole numbers beyond it are no longer told apart


def misfit(value: Any, task: TaskSpec | None, classes: Sequence[str] = ()) -> str:
    """Why a value cannot be a label of the task; empty where it can. `classes`: what the label's column promises, if it does."""
    if not isinstance(value, str) and not abs(value) <= LARGEST:
        return "it is not a finite number below 2**53"
    if task is None:
        return ""
    if classes and task.kind != "regression":
        return "" if value in classes else f"it is none of the label's values: {', '.join(classes)}"
    if task.kind == "regression":
        return "a regression's label is a number" if isinstance(value, bool | str) else ""
    return _not_of_two(value, task.positive) if task.kind == "binary" else ""


def _not_of_two(value: Any, positive: Any) -> str:
    if isinstance(positive, str):
        return "" if isinstance(value, str) else f"this task's labels are text; the positive one is {positive!r}"
    if isinstance(value, str):
        return f"this task's labels are no text; the positive one is {positive!r}"
    if isinstance(positive, bool) and value not in (0, 1):
        return "this task's labels are true or false, or 1 and 0"
    return ""


def classes_of(spec: Spec) -> tuple[str, ...]:
    """The values that the column of the label promises; empty where it promises none."""
    labelled = spec.labelled
    column = labelled.columns.get(labelled.label.column) if labelled and labelled.label else None
    return column.type.values if column else ()


def state(store: Store, workspace: str, statements: Sequence[dict[str, Any]]) -> int:
    """Add statements: `prediction_id`, or `key` and `time_ms`; `value`; `source`; `stated_ms`. All of them or none.

    The value None takes a label back.
    """
    wall = wall_ms()
    rows = [
        {
            "workspace": workspace, "prediction_id": one.get("prediction_id"), "key": one.get("key"), "target_ms": one.get("time_ms"),
            "value": None if one["value"] is None or isinstance(one["value"], str) else float(one["value"]),
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
    return float("nan") if _not_of_two(value, positive) else float(value == positive)


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), PIECE):
        yield values[start : start + PIECE]


def _texts(values: Sequence[str | None]) -> npt.NDArray[np.object_]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made
