"""The heat strip of a drift monitor: feature by window, and why a window is missing.

Pure: no clock, no database, no network. Times are business milliseconds; a window ends at `to_ms`, excluded.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FEATURES = 100
# Shares of the bound up to which a value has the level of its place; beyond the last one, the level after it.
LEVELS = (0.25, 0.5, 1.0, 1.5, 2.5)


@dataclass(frozen=True)
class Row:
    """One feature, a value a window; None where it was not kept. `levels`: 0 as in the reference, 3 and more above the bound.
    `strange`: in how many windows it lies above the bound.
    """

    name: str
    values: tuple[float | None, ...]
    levels: tuple[int | None, ...]
    strange: int

    @property
    def largest(self) -> float:
        return max((value for value in self.values if value is not None), default=0.0)


def rows(tops: Sequence[Sequence[Sequence[Any]]], bound: float, most: int = FEATURES) -> list[Row]:
    """From the kept features of each window (`[name, value]` pairs), those first that were strange most often.

    >>> [(row.name, row.strange, row.values) for row in rows([[["a", 0.5], ["b", 1.5]], [["a", 1.2], ["b", 1.1]]], 1.0)]
    [('b', 2, (1.5, 1.1)), ('a', 1, (0.5, 1.2))]
    """
    windows = [{str(name): float(value) for name, value in top} for top in tops]
    names = dict.fromkeys(name for window in windows for name in window)
    made = [_row(name, windows, bound) for name in names]
    return sorted(made, key=lambda row: (-row.strange, -row.largest, row.name))[:most]


def _row(name: str, windows: Sequence[Mapping[str, float]], bound: float) -> Row:
    values = tuple(window.get(name) for window in windows)
    levels = tuple(None if value is None else bisect_left(LEVELS, value / bound) for value in values)
    return Row(name, values, levels, sum(value is not None and value > bound for value in values))


@dataclass(frozen=True)
class Gap:
    """Windows that were not judged, and by which rule. The first ends at `from_ms`, the last at `to_ms`."""

    from_ms: int
    to_ms: int
    because: str


@dataclass(frozen=True)
class Missing:
    """A window that was not judged. `champion_ms`: since when its champion was one, None where there was none; `needs_ms`: from
    when on it must have been; `ripe_ms`: up to where windows can be judged by now; `first_ms`: where the monitor's first one ends.
    """

    to_ms: int
    needs_ms: int
    champion_ms: int | None
    ripe_ms: int
    first_ms: int | None
    asked: bool
    labels: bool


RULES: tuple[tuple[str, Callable[[Missing], bool]], ...] = (
    ("champion.none",    lambda m: m.champion_ms is None),
    ("labels.not_ripe",  lambda m: m.labels and m.to_ms > m.ripe_ms),
    ("window.open",      lambda m: m.to_ms > m.ripe_ms),
    ("champion.new",     lambda m: m.champion_ms is not None and m.champion_ms > m.needs_ms),
    ("monitor.later",    lambda m: m.first_ms is None or m.to_ms < m.first_ms),
    ("nothing.asked",    lambda m: not m.asked),
    ("watch.late",       lambda m: True),
)  # fmt: skip


def because(missing: Missing) -> str:
    """Why the window was not judged: the first rule that holds."""
    return next(rule for rule, holds in RULES if holds(missing))


def gaps(missing: Sequence[Missing], step_ms: int) -> list[Gap]:
    """The missing windows in order of time, neighbours with the same reason together."""
    found: list[Gap] = []
    for one in missing:
        last, why = found[-1] if found else None, because(one)
        if last is not None and last.because == why and last.to_ms + step_ms == one.to_ms:
            found[-1] = Gap(last.from_ms, one.to_ms, why)
        else:
            found.append(Gap(one.to_ms, one.to_ms, why))
    return found
