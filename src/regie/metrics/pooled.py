"""Metrics of many rows together: they are no mean over rows, so blocks are resampled to know their spread.

Two forms. **Sums**: the figure is a function of sums over rows (`recall = sum(hits) / sum(positives)`); `counts` gives the
summands `(rows, k)`, `combine` turns sums `(..., k)` into figures `(...)`. **Pairs**: `auc` compares each positive row with
each negative row. A figure that is not defined (no positive row) is NaN, never an invented 0.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sums:
    """A metric that is a function of sums over rows."""

    counts: Callable[[FloatArray, FloatArray], FloatArray]
    combine: Callable[[FloatArray], FloatArray]

    def __call__(self, truth: FloatArray, answer: FloatArray) -> float:
        return float(self.combine(self.counts(truth, answer).sum(axis=0)))


def ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """The quotient, NaN where nothing was counted."""
    undefined = np.full(np.shape(below), np.nan)
    return np.asarray(np.divide(above, below, out=undefined, where=np.asarray(below) > 0), np.float64)


def hits(truth: FloatArray, decided: FloatArray) -> FloatArray:
    """Summands `(rows, 3)` of recall, precision and f1: hit, truly positive, decided positive."""
    positive, called = truth == 1, decided == 1
    return np.stack([positive & called, positive, called], axis=1).astype(np.float64)


def squares(truth: FloatArray, answer: FloatArray) -> FloatArray:
    """Summands `(rows, 2)` of rmse: squared error, 1."""
    return np.stack([(answer - truth) ** 2, np.ones(len(truth))], axis=1)


RECALL = Sums(hits, lambda sums: ratio(sums[..., 0], sums[..., 1]))
PRECISION = Sums(hits, lambda sums: ratio(sums[..., 0], sums[..., 2]))
F1 = Sums(hits, lambda sums: ratio(2 * sums[..., 0], sums[..., 1] + sums[..., 2]))
RMSE = Sums(squares, lambda sums: np.sqrt(ratio(sums[..., 0], sums[..., 1])))


def recall(truth: FloatArray, decided: FloatArray) -> float:
    """The share of the positive rows that were decided positive.

    >>> recall(np.array([1.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0, 1.0])) == 2 / 3
    True
    """
    return RECALL(truth, decided)


def precision(truth: FloatArray, decided: FloatArray) -> float:
    """The share of the rows decided positive that are positive.

    >>> precision(np.array([1.0, 0.0, 0.0, 1.0]), np.array([1.0, 1.0, 0.0, 0.0]))
    0.5
    """
    return PRECISION(truth, decided)


def f1(truth: FloatArray, decided: FloatArray) -> float:
    """The harmonic mean of recall and precision.

    >>> f1(np.array([1.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])) == 2 / 3   # recall 1/2, precision 1
    True
    """
    return F1(truth, decided)


def rmse(truth: FloatArray, answer: FloatArray) -> float:
    """The root of the mean squared error, in the unit of the label.

    >>> rmse(np.array([0.0, 0.0]), np.array([1.0, 7.0]))   # root of (1 + 49) / 2
    5.0
    """
    return RMSE(truth, answer)


def auc(truth: FloatArray, answer: FloatArray) -> float:
    """The probability that a positive row is ranked above a negative one; a tie counts a half. Mann and Whitney, 1947.

    >>> auc(np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.5, 0.5, 0.1]))   # of 4 pairs 3 won, 1 tied
    0.875
    """
    return float(pair_figures(*pairs(truth, answer, np.zeros(len(truth), np.intp), 1))(np.ones((1, 1)))[0])


def pairs(
    truth: FloatArray, answer: FloatArray, block: npt.NDArray[np.intp], blocks: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What `auc` needs of blocks: won pairs `(blocks, blocks)` (positives of one, negatives of the other), positives and
    negatives `(blocks,)`.

    So each resampling costs a product of small matrices instead of a sort of all rows.
    """
    positive = truth == 1
    held = np.bincount(block[positive], minlength=blocks).astype(np.float64)
    against = np.bincount(block[~positive], minlength=blocks).astype(np.float64)
    scores, owner = answer[positive], block[positive]
    won = np.zeros((blocks, blocks))
    for other in range(blocks):
        below = np.sort(answer[~positive & (block == other)])
        beaten = (np.searchsorted(below, scores, "left") + np.searchsorted(below, scores, "right")) / 2
        won[:, other] = np.bincount(owner, beaten, minlength=blocks)
    return won, held, against


def pair_figures(won: FloatArray, held: FloatArray, against: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """AUC `(draws,)` as a function of how often each block counts `(draws, blocks)`."""
    return lambda weights: ratio(((weights @ won) * weights).sum(axis=1), (weights @ held) * (weights @ against))
