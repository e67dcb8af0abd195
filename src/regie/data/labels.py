"""Labels: statements about the truth, only ever added. They are read in `stated.py`.

What cannot be a label of the task is refused where it is stated (`misfit`).
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert

from regie.base.clock import wall_ms
from regie.data.tables import labels
from regie.spec.document import Spec, TaskSpec
from regie.store.change import Store

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
    return not_of_two(value, task.positive) if task.kind == "binary" else ""


def not_of_two(value: Any, positive: Any) -> str:
    """Why a value cannot be a label of a binary task with that positive value; empty where it can."""
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
