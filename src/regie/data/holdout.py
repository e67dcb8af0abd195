"""Where the platform cuts a dataset in time. Pure; times are business milliseconds, ends excluded.

A row is *mature* when its label would be known whatever its value: time + known_after <= now. The holdout is the newest stretch of
mature rows; training is older. So no label that came early, for being of one kind, is ever used early.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regie.base.clock import DAY_MS

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bounds:
    """`inner_from_ms .. holdout_from_ms` is the inner window, on which candidates compete; then comes the holdout."""

    inner_from_ms: int
    holdout_from_ms: int
    holdout_to_ms: int


def bounds(now_ms: int, known_after_ms: int, holdout_ms: int) -> Bounds:
    """The cut as of a time. The holdout ends at the last midnight (UTC) up to which every row is mature: blocks are whole days."""
    holdout_to_ms = (now_ms - known_after_ms) // DAY_MS * DAY_MS
    holdout_from_ms = holdout_to_ms - holdout_ms
    return Bounds(holdout_from_ms - holdout_ms, holdout_from_ms, holdout_to_ms)


def mature(times_ms: Times, now_ms: int, known_after_ms: int) -> npt.NDArray[np.bool_]:
    """Which rows have a label by now, whatever its value."""
    return times_ms <= now_ms - known_after_ms


def inside(times_ms: Times, from_ms: int | None, to_ms: int | None) -> npt.NDArray[np.bool_]:
    """Which rows lie in a stretch; None is open."""
    low = np.iinfo(np.int64).min if from_ms is None else from_ms
    high = np.iinfo(np.int64).max if to_ms is None else to_ms
    return (times_ms >= low) & (times_ms < high)
