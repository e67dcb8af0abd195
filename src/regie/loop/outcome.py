"""What became of a version: one table of rules, the first that holds wins.

Pure: no clock, no database, no network.
"""

from collections.abc import Callable
from dataclasses import dataclass

from regie.registry.types import CANDIDATE, CHALLENGER


@dataclass(frozen=True)
class Observed:
    """What there is to see of one version. A word is empty where there is no such thing."""

    champion: bool = False
    was_champion: bool = False
    role: str = ""
    gates: str = ""
    approval: str = ""
    rollout: str = ""


Rule = tuple[str, Callable[[Observed], bool]]
RULES: tuple[Rule, ...] = (
    ("champion",           lambda o: o.champion),
    ("rollout.running",    lambda o: o.rollout == "running"),
    ("rollout.waiting",    lambda o: o.rollout == "waiting"),
    ("approval.pending",   lambda o: o.approval == "pending"),
    ("champion.taken_back", lambda o: o.was_champion and o.rollout == "aborted"),
    ("champion.former",    lambda o: o.was_champion),
    ("rollout.aborted",    lambda o: o.rollout == "aborted"),
    ("approval.refused",   lambda o: o.approval == "refused"),
    ("approval.expired",   lambda o: o.approval == "expired"),
    ("rollout.superseded", lambda o: o.rollout == "superseded" and o.role != CHALLENGER),
    ("gates.judging",      lambda o: o.gates == "judging"),
    ("gates.waiting",      lambda o: o.gates == "waiting"),
    ("gates.failed",       lambda o: o.gates == "failed"),
    ("gates.dropped",      lambda o: o.gates == "dropped"),
    ("release.next",       lambda o: o.gates == "passed" and o.role == CHALLENGER),
    ("gates.passed",       lambda o: o.gates == "passed"),
    ("gates.next",         lambda o: o.role == CHALLENGER),
    ("candidate",          lambda o: o.role == CANDIDATE),
    ("registered",         lambda o: True),
)  # fmt: skip


def outcome(seen: Observed) -> str:
    """The name of the rule that says what became of it."""
    return next(name for name, holds in RULES if holds(seen))
