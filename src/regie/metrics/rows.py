"""Metrics that are the mean of a value per row.

Each takes the truth and the answers of the same rows and gives one value a row, shape `(rows,)`; the metric is their mean.
Truth of a classification is the index of the class (binary: 1 for the positive class), as float or integer; no nulls.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# A probability of exactly 0 or 1 would make one wrong row cost infinitely much. Clipped as scikit-learn 1.9 does for float64, at
# its eps (before 1.3 it was 1e-15), so that our figure is the one that people know: a row never costs more than 36.04.
CLIP = float(np.finfo(np.float64).eps)


def log_loss(truth: FloatArray, answer: FloatArray) -> FloatArray:
    """Minus the logarithm (in nats) of the probability given to what happened, clipped to `[CLIP, 1 - CLIP]`.

    `answer`: probability of the positive class `(rows,)`, or of each class `(rows, classes)`; these are normalised to sum 1.

    >>> log_loss(np.array([1.0, 0.0]), np.array([0.5, 0.75])).round(4).tolist()   # -ln 0.5, -ln 0.25
    [0.6931, 1.3863]
    >>> log_loss(np.array([2.0]), np.array([[0.25, 0.25, 0.5]])).round(4).tolist()
    [0.6931]
    """
    if answer.ndim == 2:
        shares = answer / answer.sum(axis=1, keepdims=True)
        given = shares[np.arange(len(truth)), truth.astype(np.intp)]
    else:
        given = np.where(truth == 1, answer, 1.0 - answer)
    return np.asarray(-np.log(np.clip(given, CLIP, 1.0 - CLIP)), np.float64)


def brier(truth: FloatArray, answer: FloatArray) -> FloatArray:
    """The squared distance between the probability of the positive class and what happened (1 or 0). Brier, 1950, halved for
    two classes.

    >>> brier(np.array([1.0, 0.0]), np.array([0.5, 0.25])).tolist()
    [0.25, 0.0625]
    """
    return np.asarray((answer - truth) ** 2, np.float64)


def accuracy(truth: FloatArray, decided: FloatArray) -> FloatArray:
    """1 where the decided class is the true one, else 0.

    >>> accuracy(np.array([1.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0])).tolist()
    [1.0, 0.0, 1.0]
    """
    return np.asarray(truth == decided, np.float64)


def error_rate(truth: FloatArray, decided: FloatArray) -> FloatArray:
    """1 where the decided class is wrong, else 0: one minus accuracy.

    >>> error_rate(np.array([1.0, 0.0, 1.0]), np.array([1.0, 1.0, 1.0])).tolist()
    [0.0, 1.0, 0.0]
    """
    return 1.0 - accuracy(truth, decided)


def mae(truth: FloatArray, answer: FloatArray) -> FloatArray:
    """The absolute error, in the unit of the label.

    >>> mae(np.array([1.0, 5.0]), np.array([3.0, 5.0])).tolist()
    [2.0, 0.0]
    """
    return np.asarray(np.abs(answer - truth), np.float64)
