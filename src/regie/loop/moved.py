"""Did the world change, or the model? What the open breaches and the newest windows say together.

Pure: no clock, no database, no network. The first rule that holds wins. Drift looks at the inputs alone, quality at answers beside
what turned out to be true: so quality alone says that the same inputs now mean something else, or that the model is at fault.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Side = Literal["broken", "kept", "unsaid", "unpromised"]
Moved = Literal["world", "model", "both", "neither", "unknown"]


@dataclass(frozen=True)
class Seen:
    """What the monitors of each kind say: `broken` while a breach is open; `kept` by every newest window of the champion that says
    something; `unsaid` where none does; `unpromised` where there is no monitor.
    """

    champion: bool
    quality: Side
    drift: Side


RULES: tuple[tuple[str, Callable[[Seen], bool], Moved], ...] = (
    ("nothing.promised",       lambda s: s.quality == s.drift == "unpromised",                "unknown"),
    ("champion.none",          lambda s: not s.champion,                                      "unknown"),
    ("both.broken",            lambda s: s.quality == s.drift == "broken",                    "both"),
    ("quality.broken",         lambda s: s.quality == "broken" and s.drift == "kept",         "model"),
    ("quality.broken.alone",   lambda s: s.quality == "broken",                               "unknown"),
    ("drift.broken",           lambda s: s.drift == "broken" and s.quality == "kept",         "world"),
    ("drift.broken.alone",     lambda s: s.drift == "broken",                                 "world"),
    ("both.kept",              lambda s: s.quality == s.drift == "kept",                      "neither"),
    ("quality.kept.alone",     lambda s: s.quality == "kept",                                 "neither"),
    ("drift.kept.alone",       lambda s: s.drift == "kept",                                   "neither"),
    ("nothing.said",           lambda s: True,                                                "unknown"),
)  # fmt: skip


def moved(seen: Seen) -> tuple[Moved, str]:
    """What moved, and the rule that says so.

    >>> moved(Seen(True, quality="kept", drift="broken"))
    ('world', 'drift.broken')
    """
    return next((what, because) for because, holds, what in RULES if holds(seen))


def side(promised: bool, open_now: bool, verdicts: list[str]) -> Side:
    """What the monitors of one kind say; `verdicts`: of the newest window of each, for the champion.

    >>> side(True, False, ["kept", "none"])
    'unsaid'
    """
    if open_now:
        return "broken"
    if not promised:
        return "unpromised"
    return "kept" if verdicts and all(one == "kept" for one in verdicts) else "unsaid"


@dataclass(frozen=True)
class Answer:
    """What the loop does about a kind of breach. `run`: the last run that this breach started, and its state."""

    promised: bool
    run: str = ""
    run_state: str = ""
    waits: str = ""  # the rule by which the reaction does not fire now


DOING: tuple[tuple[str, Callable[[Answer], bool]], ...] = (
    ("run.live",        lambda a: a.run_state in ("queued", "running")),
    ("reaction.none",   lambda a: not a.promised),
    ("reaction.waits",  lambda a: a.waits not in ("", "fire")),
    ("run.ended",       lambda a: bool(a.run)),
    ("reaction.fires",  lambda a: True),
)  # fmt: skip


def doing(answer: Answer) -> str:
    """What the loop does now: the first rule that holds."""
    return next(rule for rule, holds in DOING if holds(answer))
