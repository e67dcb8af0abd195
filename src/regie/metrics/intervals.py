"""Two-sided 95 % intervals over blocks of time: what a figure is worth, and what a difference is worth.

Rows of one day resemble each other, so a row is no independent observation; a block (a UTC day) is taken as one. Fewer than
seven blocks give no interval: `low` and `high` are None.

* **Row metrics**: ratio of block sums with the t quantile of `blocks - 1` degrees of freedom (linearised ratio estimator:
  Cochran, Sampling Techniques, 1977, 6.3; few clusters: Cameron and Miller, 2015).
* **Pooled metrics**: whole blocks are drawn with replacement, 2,000 times with a fixed seed; the spread of the draws, corrected
  by blocks / (blocks - 1), times the same t quantile. (Percentiles of the draws are too narrow for seven blocks.)
* **Differences** are paired: both models on the same rows, in the same draws.

Coverage measured by simulation (60 to 120 rows a day, all rows of a day sharing an effect; 3,000 trials for means, 1,000 others):

| days independent | 7 days | 14 | 28 |
|---|---|---|---|
| mean of a value a row | 0.94 | 0.95 | 0.94 |
| auc, recall | 0.93, 0.94 | 0.96, 0.96 | 0.95, 0.94 |
| paired difference of auc | 0.96 | 0.97 | 0.96 |

Where one day also resembles the next (correlation of the effect 0.3, 0.6), a *level* is covered less: 0.87, 0.71 for a mean over
7 days. A *paired difference*, in which what both models share cancels, keeps 0.95. So levels are to be promised with room.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from regie.metrics.catalogue import Metric
from regie.metrics.pooled import pair_figures, pairs, ratio
from regie.metrics.rows import FloatArray

MIN_BLOCKS = 7
DRAWS = 2_000
SEED = 20131
Figures = Callable[[FloatArray], FloatArray]

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom: NIST/SEMATECH e-Handbook, 1.3.6.7.2, column 0.975.
T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
Z_975 = 1.959964


# How many rows could have said otherwise, of the metrics that are fractions.
TRIALS: dict[str, Callable[[FloatArray, FloatArray], float]] = {
    "accuracy": lambda truth, decided: len(truth),
    "error_rate": lambda truth, decided: len(truth),
    "recall": lambda truth, decided: float((truth == 1).sum()),
    "precision": lambda truth, decided: float((decided == 1).sum()),
    "f1": lambda truth, decided: float((truth == 1).sum()),
    "auc": lambda truth, answer: float(min((truth == 1).sum(), (truth != 1).sum())),
}


@dataclass(frozen=True)
class Interval:
    """A figure and its 95 % interval, from so many rows in so many blocks; without `low` and `high` where blocks are too few."""

    value: float
    low: float | None
    high: float | None
    rows: int
    blocks: int

    def moved(self, by: float) -> "Interval":
        """The same interval on a scale whose zero lies elsewhere."""
        low, high = (None if end is None else end + by for end in (self.low, self.high))
        return Interval(self.value + by, low, high, self.rows, self.blocks)

    def turned(self, sign: float) -> "Interval":
        """The interval of the figure times 1 or -1."""
        if sign > 0:
            return self
        return Interval(-self.value, _minus(self.high), _minus(self.low), self.rows, self.blocks)


def _minus(end: float | None) -> float | None:
    return None if end is None else -end


def t_quantile(freedom: int) -> float:
    """The two-sided 95 % quantile; over 30 degrees of freedom Abramowitz and Stegun 26.7.5, off by less than 0.0001.

    >>> t_quantile(6), round(t_quantile(100), 3)
    (2.447, 1.984)
    """
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    z = Z_975
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def figure_interval(metric: Metric, truth: FloatArray, answer: FloatArray, blocks: npt.NDArray[Any]) -> Interval:
    """The metric of these rows. `blocks`: the block of each row, `(rows,)`, of any sortable type."""
    if metric.kind == "row":
        return unanimous(metric, mean_interval(metric.function(truth, answer), blocks), truth, answer)
    index, count = numbered(blocks)
    return unanimous(metric, resampled(figures_by_block(metric, truth, answer, index, count), count, len(truth)), truth, answer)


def unanimous(metric: Metric, figure: Interval, truth: FloatArray, answer: FloatArray) -> Interval:
    """A fraction of exactly 0 or 1 has no spread, yet is not certain: the other end then lies 3.7 / trials away.

    The rule of three (Hanley and Lippman-Hand, 1983) for a two-sided 95 %: -ln(0.025) = 3.7.
    """
    if figure.low is None or figure.low != figure.high or figure.value not in (0.0, 1.0) or metric.name not in TRIALS:
        return figure
    margin = min(1.0, 3.7 / max(1.0, TRIALS[metric.name](truth, answer)))
    low, high = (0.0, margin) if figure.value == 0 else (1.0 - margin, 1.0)
    return Interval(figure.value, low, high, figure.rows, figure.blocks)


def difference_interval(
    metric: Metric, truth: FloatArray, answer: FloatArray, other: FloatArray, blocks: npt.NDArray[Any], times: float = 1.0
) -> Interval:
    """`figure(answer) - times * figure(other)` on the same rows; not signed: for a loss, below zero is better."""
    if metric.kind == "row":
        return mean_interval(metric.function(truth, answer) - times * metric.function(truth, other), blocks)
    index, count = numbered(blocks)
    mine = figures_by_block(metric, truth, answer, index, count)
    theirs = figures_by_block(metric, truth, other, index, count)
    return resampled(lambda weights: mine(weights) - times * theirs(weights), count, len(truth))


def improvement_interval(
    metric: Metric, truth: FloatArray, answer: FloatArray, other: FloatArray, blocks: npt.NDArray[Any]
) -> Interval:
    """By how much `answer` is better than `other` on the same rows: above zero is better, for losses too."""
    return difference_interval(metric, truth, answer, other, blocks).turned(metric.sign)


def mean_interval(values: FloatArray, blocks: npt.NDArray[Any]) -> Interval:
    """The mean over rows of a value a row, with blocks of unequal size.

    >>> mean_interval(np.array([1.0, 3.0]), np.array([0, 1]))
    Interval(value=2.0, low=None, high=None, rows=2, blocks=2)
    >>> whole = mean_interval(np.arange(7.0), np.arange(7))   # spread 2.160 / root of 7, times t 2.447
    >>> round(whole.low, 3), whole.value, round(whole.high, 3)
    (1.002, 3.0, 4.998)
    """
    index, count = numbered(blocks)
    sizes = np.bincount(index, minlength=count).astype(np.float64)
    totals = np.bincount(index, values, minlength=count)
    rows = len(values)
    value = float(totals.sum() / rows) if rows else float("nan")
    if count < MIN_BLOCKS or not np.isfinite(value):
        return Interval(value, None, None, rows, count)
    spread = float(np.sqrt(count / (count - 1) * ((totals - value * sizes) ** 2).sum()) / rows)
    return _around(value, spread, rows, count)


def numbered(blocks: npt.NDArray[Any]) -> tuple[npt.NDArray[np.intp], int]:
    """Each row's block as a number from 0, in the order of the blocks' names, and how many blocks there are."""
    names, index = np.unique(blocks, return_inverse=True)
    return index.astype(np.intp).reshape(-1), len(names)


def figures_by_block(metric: Metric, truth: FloatArray, answer: FloatArray, index: npt.NDArray[np.intp], count: int) -> Figures:
    """The metric `(draws,)` as a function of how often each block counts `(draws, blocks)`."""
    if metric.name == "auc":
        return pair_figures(*pairs(truth, answer, index, count))
    if metric.sums is None:
        values = metric.function(truth, answer)
        totals = np.stack([np.bincount(index, values, minlength=count), np.bincount(index, minlength=count)], axis=1)
        return lambda weights: _shares(weights @ totals)
    counts, combine = metric.sums.counts(truth, answer), metric.sums.combine
    sums = np.stack([np.bincount(index, column, minlength=count) for column in counts.T], axis=1)
    return lambda weights: combine(weights @ sums)


def _shares(sums: FloatArray) -> FloatArray:
    return ratio(sums[..., 0], sums[..., 1])


def resampled(figures: Figures, count: int, rows: int) -> Interval:
    """The figure of all blocks, and the spread of it when whole blocks are drawn with replacement.

    No interval where more than one draw in twenty has no figure (hardly any positive rows).
    """
    value = float(figures(np.ones((1, count)))[0]) if count else float("nan")
    if count < MIN_BLOCKS or not np.isfinite(value):
        return Interval(value, None, None, rows, count)
    weights = np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), DRAWS).astype(np.float64)
    drawn = figures(weights)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < 0.95 * DRAWS:
        return Interval(value, None, None, rows, count)
    return _around(value, float(np.sqrt(count / (count - 1)) * drawn.std()), rows, count)


def _around(value: float, spread: float, rows: int, count: int) -> Interval:
    half = t_quantile(count - 1) * spread
    return Interval(value, value - half, value + half, rows, count)
