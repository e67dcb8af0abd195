"""The metrics that Regie knows, as one literal table; `auc` means one thing in gates, guards and monitors.

`row` metrics are the mean of one value a row; `pooled` ones look at all rows together. `needs`: what of the model's answer is
looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from regie.base.errors import BadInput
from regie.metrics import pooled, rows
from regie.metrics.rows import FloatArray


@dataclass(frozen=True)
class Metric:
    """`function` gives the values `(rows,)` of a row metric, the one figure of a pooled one."""

    name: str
    kind: Literal["row", "pooled"]
    better: Literal["lower", "higher"]
    needs: Literal["probability", "class", "number"]
    function: Callable[[FloatArray, FloatArray], Any]
    sums: pooled.Sums | None = None

    def figure(self, truth: FloatArray, answer: FloatArray) -> float:
        """The metric of these rows; NaN where it is not defined (no rows; `auc` of one class)."""
        if not len(truth):
            return float("nan")
        given = self.function(truth, answer)
        return float(np.mean(given)) if self.kind == "row" else float(given)

    @property
    def sign(self) -> float:
        """What turns the metric into one of which more is better."""
        return 1.0 if self.better == "higher" else -1.0


CATALOGUE: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("log_loss",   "row",    "lower",  "probability", rows.log_loss),
        Metric("brier",      "row",    "lower",  "probability", rows.brier),
        Metric("accuracy",   "row",    "higher", "class",       rows.accuracy),
        Metric("error_rate", "row",    "lower",  "class",       rows.error_rate),
        Metric("auc",        "pooled", "higher", "probability", pooled.auc),
        Metric("recall",     "pooled", "higher", "class",       pooled.recall,    pooled.RECALL),
        Metric("precision",  "pooled", "higher", "class",       pooled.precision, pooled.PRECISION),
        Metric("f1",         "pooled", "higher", "class",       pooled.f1,        pooled.F1),
        Metric("mae",        "row",    "lower",  "number",      rows.mae),
        Metric("rmse",       "pooled", "lower",  "number",      pooled.rmse,      pooled.RMSE),
    )
}  # fmt: skip


def metric_of(name: str) -> Metric:
    """The metric of that name. Raises BadInput for an unknown one."""
    if name not in CATALOGUE:
        raise BadInput(f"`{name}` is no quality metric", "metrics/catalogue", f"one of: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]
