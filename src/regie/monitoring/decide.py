"""Decide what a window says of its promise, and what that does to the monitor's breach.

Pure: no clock, no database, no network. The first rule that holds wins. Too little data says nothing: it neither opens nor
closes a breach.
"""

from collections.abc import Callable
from dataclasses import dataclass

from regie.metrics.intervals import Interval
from regie.monitoring.types import Breach, Decision, Verdict
from regie.spec.expressions import Expression

MIN_ROWS = 100
MIN_COVERAGE = 0.8


@dataclass(frozen=True)
class Observed:
    """A window of a quality monitor. `closed`: all of it is mature, and every serving node has delivered it. `reference`:
    the figure of the champion that the promise is relative to, None where it is not known. `rows`: predictions that could be
    judged.
    """

    promise: Expression
    closed: bool
    figure: Interval
    coverage: float
    reference: float | None = None


def bound_of(seen: Observed) -> float | None:
    """The number that the figure is compared with; None for a relative promise without its reference."""
    return None if seen.promise.relative and seen.reference is None else seen.promise.bound.value(seen.reference)


def broken(seen: Observed) -> bool:
    """Whether the whole interval lies on the wrong side of the bound."""
    bound, low, high = bound_of(seen), seen.figure.low, seen.figure.high
    if bound is None or low is None or high is None:
        return False
    return low > bound if seen.promise.operator[0] == "<" else high < bound


def kept(seen: Observed) -> bool:
    """Whether the figure itself lies on the right side."""
    return seen.promise.holds(seen.figure.value, seen.reference)


Rule = tuple[str, Callable[[Observed], bool], Verdict]
RULES: tuple[Rule, ...] = (
    ("window.open",        lambda s: not s.closed,                                          "none"),
    ("reference.unknown",  lambda s: bound_of(s) is None,                                   "none"),
    ("rows.too_few",       lambda s: s.figure.rows < MIN_ROWS,                              "none"),
    ("coverage.too_low",   lambda s: s.coverage < MIN_COVERAGE,                             "none"),
    ("blocks.too_few",     lambda s: s.figure.low is None,                                  "none"),
    ("promise.broken",     broken,                                                          "broken"),
    ("promise.kept",       kept,                                                            "kept"),
    # The figure is on the wrong side, yet not by more than chance can do.
    ("interval.undecided", lambda s: True,                                                  "none"),
)  # fmt: skip


def verdict(seen: Observed) -> tuple[Verdict, str]:
    """What the window says, and by which rule."""
    return next((says, because) for because, holds, says in RULES if holds(seen))


@dataclass(frozen=True)
class State:
    """What decides about a breach: the verdict of the newest window, the version that serves, the open breach if there is one."""

    verdict: Verdict
    version: int
    breach: Breach | None = None


BREACH_RULES: tuple[tuple[str, Callable[[State], bool], str], ...] = (
    ("version.gone",   lambda s: s.breach is not None and s.breach.version != s.version,  "close"),
    ("breach.stays",   lambda s: s.breach is not None and s.verdict != "kept",            "wait"),
    ("promise.kept",   lambda s: s.breach is not None,                                    "close"),
    ("promise.broken", lambda s: s.verdict == "broken",                                   "open"),
    ("nothing.broken", lambda s: True,                                                    "wait"),
)  # fmt: skip


def decide(seen: State) -> Decision:
    """What happens to the monitor's breach: there is one open at a time, and it belongs to one version."""
    return next(Decision(do, because) for because, holds, do in BREACH_RULES if holds(seen))  # type: ignore[arg-type]


def drift_verdict(alarms: list[bool], count: int, of: int) -> tuple[Verdict, str]:
    """`breach: 3 of 5`: of the newest windows with a signal (the newest last), so many alarmed. With fewer the promise is kept.

    >>> drift_verdict([True, False, True, True], 3, 5)
    ('broken', 'windows.broken')
    >>> drift_verdict([True, True, True, True, False], 3, 5)
    ('none', 'windows.undecided')
    """
    newest = alarms[-of:]
    if not newest:
        return "none", "windows.none"
    if sum(newest) >= count:
        return ("broken", "windows.broken") if newest[-1] else ("none", "windows.undecided")
    return "kept", "windows.kept"
