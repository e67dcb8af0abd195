"""Decide what a version that passed its gates still needs of a person before its release.

Pure: no clock, no database, no network. Times are business-clock milliseconds. The first rule that holds wins, so a refusal and
a person's silence stand above everything, and only the rules named `approval.not_asked` and `approval.granted` release.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["pending", "granted", "refused", "expired", "superseded"]
Do = Literal["release", "request", "wait", "expire", "judge_again", "never"]

OLD = "evidence.too_old"  # the only staleness for which the question, and its deadline, stay the same


@dataclass(frozen=True)
class Asked:
    """What the applied file asks: a person of a role, within so much time."""

    role: str
    within_ms: int


@dataclass(frozen=True)
class About:
    """What an approval speaks of. `attempt`: the number of the judgement, which is the evidence; `promises`: digest of what the
    file says of the release.
    """

    package: str
    attempt: int
    judged_ms: int
    champion: int | None
    promises: str

    def differs(self, other: "About") -> str:
        """The first thing in which they differ, as a rule's name; empty where they do not."""
        if self.package != other.package:
            return "package.changed"
        if (self.attempt, self.judged_ms, self.champion) != (other.attempt, other.judged_ms, other.champion):
            return "evidence.judged_again"
        return "" if self.promises == other.promises else "promise.changed"

    def same_evidence(self, other: "About") -> bool:
        return (self.package, self.attempt) == (other.package, other.attempt)


@dataclass(frozen=True)
class Approval:
    """One question that was asked, and its answer."""

    id: str
    workspace: str
    environment: str
    model: str
    version: int
    state: State
    role: str
    about: About
    spec_digest: str
    requested_ms: int
    deadline_ms: int
    decided_ms: int | None
    decided_by: str
    reason: str
    because: str
    cause: str

    @property
    def subject(self) -> str:
        """As events and audit records name it."""
        return f"{self.model}@{self.version}"


@dataclass(frozen=True)
class Seen:
    """What there is to see. `approval`: the version's newest one; `stale`: why its evidence holds no longer, or empty;
    `refused_before`: a person refused this package, as whatever version it came.
    """

    asked: Asked | None
    about: About
    approval: Approval | None = None
    stale: str = ""
    refused_before: bool = False

    @property
    def needed(self) -> bool:
        """A version for which an approval was ever asked needs one, whatever the file says by now."""
        return self.asked is not None or self.approval is not None

    def is_(self, state: State) -> bool:
        return self.approval is not None and self.approval.state == state

    @property
    def closed(self) -> bool:
        """The newest answer speaks of this evidence: a file that says something else asks nobody again."""
        return self.approval is not None and self.approval.about.same_evidence(self.about)

    @property
    def holds(self) -> bool:
        """The newest question is the one that would be asked now."""
        if self.approval is None or self.approval.about.differs(self.about):
            return False
        return self.asked is None or self.asked.role == self.approval.role


Rule = tuple[str, Callable[[Seen, int], bool], Do]
RULES: tuple[Rule, ...] = (
    ("approval.refused",   lambda s, now: s.is_("refused") and s.closed,                                       "never"),
    ("approval.refused_before", lambda s, now: s.refused_before,                                               "never"),
    ("approval.expired",   lambda s, now: s.is_("expired") and s.closed,                                       "never"),
    ("approval.too_late",  lambda s, now: s.is_("pending") and s.approval is not None
                                          and now >= s.approval.deadline_ms,                                   "expire"),
    ("approval.not_asked", lambda s, now: not s.needed,                                                        "release"),
    ("evidence.stale",     lambda s, now: bool(s.stale),                                                       "judge_again"),
    ("approval.granted",   lambda s, now: s.is_("granted") and s.holds,                                        "release"),
    ("approval.pending",   lambda s, now: s.is_("pending") and s.holds,                                        "wait"),
    ("approval.missing",   lambda s, now: True,                                                                "request"),
)  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """What to do, and by which rule."""

    do: Do
    because: str


def decide(seen: Seen, now_ms: int) -> Decision:
    """The next move of a version that passed its gates, as far as people are concerned."""
    return next(Decision(do, because) for because, holds, do in RULES if holds(seen, now_ms))


def why_again(seen: Seen) -> str:
    """Why the question is asked, or asked again, as a rule's name."""
    if seen.approval is None:
        return "gates.passed"
    return seen.approval.about.differs(seen.about) or "promise.changed"


def deadline(seen: Seen, within_ms: int, now_ms: int) -> int:
    """Until when somebody must decide. Evidence that merely grew too old is no new question: its time goes on."""
    last = seen.approval
    if last is not None and last.state == "superseded" and last.because == OLD:
        return last.deadline_ms
    return now_ms + within_ms
