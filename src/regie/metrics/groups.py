"""A metric by group: the gap between groups, the worst and the best of them, with intervals over blocks of time.

Only groups with at least 100 rows count; the others are named, because a gap to a group of five rows is noise. The interval is
that of the pooled metrics: whole blocks drawn with replacement, all groups in the same draw. A gap of equal groups is above
zero by chance alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from regie.metrics.catalogue import Metric
from regie.metrics.intervals import Interval, figures_by_block, numbered, resampled
from regie.metrics.rows import FloatArray

MIN_GROUP_ROWS = 100
PARTS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "gap": lambda figures: figures.max(axis=0) - figures.min(axis=0),
    "min": lambda figures: figures.min(axis=0),
    "max": lambda figures: figures.max(axis=0),
}


@dataclass(frozen=True)
class GroupFigures:
    """The figure of each group that counts, and the rows of each that does not; groups by their name as text, null as `null`."""

    figures: dict[str, float] = field(default_factory=dict)
    too_few: dict[str, int] = field(default_factory=dict)


def names_of(groups: npt.NDArray[Any]) -> npt.NDArray[np.str_]:
    """Each row's group as text."""
    return np.array(["null" if value is None or value != value else str(value) for value in groups.tolist()], np.str_)


def group_figures(metric: Metric, truth: FloatArray, answer: FloatArray, groups: npt.NDArray[Any]) -> GroupFigures:
    """The metric of each group.

    >>> from regie.metrics.catalogue import CATALOGUE
    >>> sex, hit = np.array(["f"] * 100 + ["m"] * 100), np.array([1.0] * 150 + [0.0] * 50)
    >>> group_figures(CATALOGUE["recall"], np.ones(200), hit, sex).figures
    {'f': 1.0, 'm': 0.5}
    """
    names = names_of(groups)
    found, sizes = np.unique(names, return_counts=True)
    figures: dict[str, float] = {}
    for name in found[sizes >= MIN_GROUP_ROWS]:
        mine = names == name
        figures[str(name)] = metric.figure(truth[mine], answer[mine])
    few = sizes < MIN_GROUP_ROWS
    return GroupFigures(figures, dict(zip(map(str, found[few]), map(int, sizes[few]), strict=True)))


def group_interval(
    metric: Metric,
    part: str,
    truth: FloatArray,
    answer: FloatArray,
    groups: npt.NDArray[Any],
    blocks: npt.NDArray[Any],
    other: FloatArray | None = None,
    times: float = 1.0,
) -> Interval:
    """The part (`gap`, `min`, `max`) over groups; with `other`, its difference `part(answer) - times * part(other)`.

    NaN, without an interval, where fewer than two groups (for a gap; else fewer than one) have enough rows.
    """
    index, count = numbered(blocks)
    names = names_of(groups)
    found, sizes = np.unique(names, return_counts=True)
    kept = found[sizes >= MIN_GROUP_ROWS]
    rows = int(np.isin(names, kept).sum())
    if len(kept) < (2 if part == "gap" else 1):
        return Interval(float("nan"), None, None, rows, count)
    members = [names == name for name in kept]

    def parts(given: FloatArray, weights: FloatArray) -> FloatArray:
        figures = [figures_by_block(metric, truth[at], given[at], index[at], count)(weights) for at in members]
        return PARTS[part](np.stack(figures))

    def figures(weights: FloatArray) -> FloatArray:
        mine = parts(answer, weights)
        return mine if other is None else mine - times * parts(other, weights)

    return resampled(figures, count, rows)
