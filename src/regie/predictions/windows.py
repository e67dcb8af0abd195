"""Windows of event time: stretches of equal length, numbered from 1970, so that everybody cuts alike.

Pure. A window holds `from_ms <= time < to_ms`. It is closed when the watermark (the time up to which every live node has
delivered) has passed its end: what comes later is counted as late, never judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from regie.base.errors import BadInput


@dataclass(frozen=True, order=True)
class Window:
    """A stretch of event time, milliseconds."""

    from_ms: int
    to_ms: int

    def holds(self, time_ms: int) -> bool:
        return self.from_ms <= time_ms < self.to_ms


def window_of(time_ms: int, length_ms: int) -> Window:
    """The window in which a time lies."""
    if length_ms <= 0:
        raise BadInput(f"a window of {length_ms} ms has no length")
    start = time_ms // length_ms * length_ms
    return Window(start, start + length_ms)


def closed_windows(after_ms: int, watermark_ms: int, length_ms: int) -> list[Window]:
    """The windows that lie wholly in `after_ms .. watermark_ms`, oldest first.

    Pass the end of the last judged window as `after_ms`, and each window is judged once, whatever was slept through.
    """
    start = window_of(after_ms + length_ms - 1, length_ms).from_ms
    end = watermark_ms // length_ms * length_ms
    return [Window(at, at + length_ms) for at in range(start, end, length_ms)]


def last_window(watermark_ms: int, length_ms: int) -> Window:
    """The newest closed window."""
    end = watermark_ms // length_ms * length_ms
    return Window(end - length_ms, end)


def sliding(now_ms: int, length_ms: int) -> Window:
    """The stretch of a length that ends now; for guards, which look back at each tick."""
    return Window(now_ms - length_ms, now_ms)


def watermark(delivered_ms: dict[str, int]) -> int | None:
    """The time up to which every node has delivered; None while there is no node."""
    return min(delivered_ms.values(), default=None)


def missing(delivered_ms: dict[str, int], window: Window) -> list[str]:
    """The nodes that keep a window open."""
    return sorted(node for node, time_ms in delivered_ms.items() if time_ms < window.to_ms)


def broken_of(broken: Sequence[bool], needed: int, of: int) -> bool:
    """Whether at least `needed` of the newest `of` windows broke a promise. The newest stands last."""
    if not 0 < needed <= of:
        raise BadInput(f"{needed} of {of} windows is not a rule")
    return sum(broken[-of:]) >= needed


def numbers(times_ms: NDArray[numpy.int64], length_ms: int) -> NDArray[numpy.int64]:
    """The number of the window of each time `(rows,)`; rows of one number lie in one window."""
    return numpy.floor_divide(times_ms, length_ms)
