"""From what a model answered and what was stated as label to the arrays that the catalogue takes.

An output is a number (the probability of the positive class; the predicted number) or a list of numbers (a probability for each
class, in the order of `classes`), as in the prediction log. Null outputs become NaN: whoever calls decides what a failed row
costs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regie.base.errors import BadInput
from regie.metrics.catalogue import Metric
from regie.metrics.rows import FloatArray


@dataclass(frozen=True)
class ModelTask:
    """What the model is asked: `task` of `regie.yaml`. `classes`: of a multiclass model, in the order of its outputs."""

    kind: str
    positive: Any = True
    threshold: float = 0.5
    classes: tuple[Any, ...] = ()


def truth_of(task: ModelTask, labels: Sequence[Any]) -> FloatArray:
    """Labels as numbers `(rows,)`: 1 for the positive class, the index of the class, or the number itself; NaN where there
    is none.

    Raises BadInput where a label cannot belong to the task; a positive class that no label could ever equal is worse than an
    error.
    """
    if task.kind == "binary":
        return _binary(task.positive, labels)
    if task.kind == "multiclass":
        index = {value: float(at) for at, value in enumerate(task.classes)}
        known = [value for value in labels if not missing(value)]
        strange = next((value for value in known if value not in index), None)
        if strange is not None:
            raise BadInput(f"{strange!r} is none of the model's classes", "labels", f"classes: {list(task.classes)}")
        return np.array([np.nan if missing(value) else index[value] for value in labels], np.float64)
    return numbers(labels)


def _binary(positive: Any, labels: Sequence[Any]) -> FloatArray:
    seen = {value for value in labels if not missing(value)}
    if len(seen) > 2:
        shown = sorted(map(repr, seen))[:4]
        raise BadInput(f"a binary label has two values, not {', '.join(shown)}...", "labels", "task: {kind: multiclass}")
    if any(isinstance(value, str) != isinstance(positive, str) for value in seen):
        raise BadInput(f"the labels are {sorted(map(repr, seen))}; `positive` is {positive!r}", "task", "set task.positive")
    return np.array([np.nan if missing(value) else float(value == positive) for value in labels], np.float64)


def missing(value: Any) -> bool:
    """No label: null, or a number that is none."""
    return value is None or (isinstance(value, float) and value != value)


def numbers(values: Sequence[Any]) -> FloatArray:
    """Numbers `(rows,)`, NaN for null."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def outputs_of(task: ModelTask, outputs: Sequence[Any]) -> FloatArray:
    """Outputs as numbers: `(rows,)`, or `(rows, classes)` for a multiclass task; a null output is NaN throughout."""
    if task.kind != "multiclass":
        return numbers(outputs)
    width = len(task.classes)
    return np.array([[np.nan] * width if value is None else value for value in outputs], np.float64).reshape(-1, width)


def usable(task: ModelTask, outputs: FloatArray) -> npt.NDArray[np.bool_]:
    """Rows whose output is one that the task allows: finite, and for probabilities between 0 and 1."""
    fine = np.isfinite(outputs)
    if task.kind != "regression":
        fine &= (outputs >= 0) & (outputs <= 1)
    return np.asarray(fine.all(axis=1) if fine.ndim == 2 else fine)


def answer_for(metric: Metric, task: ModelTask, outputs: FloatArray) -> FloatArray:
    """What the metric looks at: the probability, the decided class (at the threshold; the likeliest), or the number.

    >>> from regie.metrics.catalogue import CATALOGUE
    >>> answer_for(CATALOGUE["recall"], ModelTask("binary", threshold=0.4), np.array([0.39, 0.4])).tolist()
    [0.0, 1.0]
    """
    if metric.needs != "class":
        return outputs
    if outputs.ndim == 2:
        return np.asarray(outputs.argmax(axis=1), np.float64)
    return np.asarray(outputs >= task.threshold, np.float64)
