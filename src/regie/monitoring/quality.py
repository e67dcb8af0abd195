"""The quality of a version in a window: the metric over the predictions whose labels are mature, with an interval over UTC days.

Pure. A prediction without a label, or without a usable output, lowers the coverage: a metric of the rows that happen to have a
label says little where the others differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regie.base.clock import DAY_MS
from regie.base.errors import NotThereYet
from regie.metrics.answers import ModelTask, answer_for, outputs_of, truth_of, usable
from regie.metrics.catalogue import metric_of
from regie.metrics.groups import group_interval
from regie.metrics.intervals import Interval, figure_interval
from regie.spec.expressions import Expression


@dataclass(frozen=True)
class Quality:
    """The figure of a window. `predictions`: all of them; `coverage`: the share that could be judged."""

    figure: Interval
    predictions: int
    coverage: float


def quality(
    promise: Expression,
    task: ModelTask,
    outputs: Sequence[Any],
    labels: Sequence[Any],
    times_ms: npt.NDArray[np.int64],
    groups: npt.NDArray[Any] | None = None,
) -> Quality:
    """The promise's metric over the predictions of a window, one item a prediction in each argument; null where label or
    output is missing.

    `times_ms`: the time of each prediction, whose UTC day is its block. `groups`: the group column of a promise `by` one.
    """
    metric, truth, told = metric_of(promise.metric), truth_of(task, labels), outputs_of(task, outputs)
    known = np.isfinite(truth) & usable(task, told)
    truth, answer, days = truth[known], answer_for(metric, task, told)[known], np.asarray(times_ms)[known] // DAY_MS
    if promise.by is None:
        figure = figure_interval(metric, truth, answer, days)
    elif groups is not None:
        figure = group_interval(metric, promise.part or "gap", truth, answer, groups[known], days)
    else:
        raise NotThereYet("the prediction log holds no evaluation columns", promise.text, "promise it as a gate")
    return Quality(figure, len(known), float(known.mean()) if len(known) else 0.0)
