"""Log loss of the answers, of the frozen first model, and of no model at all: on the same rows, overall and rolling."""

from dataclasses import dataclass

import numpy as np

from regie.cli.story.stream import Stream

SMALLEST = 1e-15
NAIVE_DAYS = 7
MATURE_DAYS = 1


@dataclass(frozen=True)
class Losses:
    """Log loss of each row from the first served day on, `(rows,)` each."""

    closed_loop: np.ndarray
    frozen: np.ndarray
    naive: np.ndarray

    def means(self) -> dict[str, float]:
        return {name: float(values.mean()) for name, values in vars(self).items()}


def log_loss(probability: np.ndarray, late: np.ndarray) -> np.ndarray:
    """The log loss of each row, `(rows,)`."""
    sure = np.clip(probability, SMALLEST, 1 - SMALLEST)
    loss: np.ndarray = -np.log(np.where(late, sure, 1 - sure))
    return loss


def base_rate(stream: Stream, first_day: int) -> np.ndarray:
    """What one would say without a model: the share of late flights of the last seven days whose labels are known."""
    said = []
    for day in range(first_day, stream.days):
        known = slice(stream.edges[max(day - MATURE_DAYS - NAIVE_DAYS, 0)], stream.edges[max(day - MATURE_DAYS, 0)])
        said.append(np.full(len(stream.rows(day)), stream.late[known].mean() if known.stop > known.start else 0.5))
    return np.concatenate(said)


def rolling(stream: Stream, losses: np.ndarray, first_day: int, days: int) -> np.ndarray:
    """The mean loss of the last `days` days up to each day from `first_day` on, `(days,)`; NaN before there are so many."""
    rows = stream.edges[first_day:] - stream.edges[first_day]
    sums = np.concatenate([[0.0], np.cumsum(losses)])[rows]
    out = np.full(len(rows) - 1, np.nan)
    if days <= len(out):
        count = rows[days:] - rows[:-days]
        out[days - 1 :] = (sums[days:] - sums[:-days]) / np.maximum(count, 1)
    return out
