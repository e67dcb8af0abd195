"""What the loop did, read from its events as they happen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from regie.base.clock import parse_iso

PAGE = 1000
CROWNED = ("full", "watch")
BREACH, RETRAINING, PROMOTION, REFUSAL, ROLLBACK = "breach", "retraining", "promotion", "refusal", "rollback"
DRIFT, UNDECIDED, FAILURE = "drift", "undecided", "failure"
ABORT, APPROVAL, CRASH = "abort", "approval", "crash"
PLAIN = {
    "quality.breached": BREACH, "drift.detected": DRIFT, "reaction.fired": RETRAINING, "gates.failed": REFUSAL,
    "gates.dropped": REFUSAL, "gates.inconclusive": UNDECIDED, "rollout.aborted": ABORT, "run.failed": FAILURE,
    "champion.crowned": PROMOTION, "model.rolled_back": ROLLBACK, "approval.requested": APPROVAL,
    "approval.granted": APPROVAL, "approval.refused": APPROVAL, "approval.expired": APPROVAL,
}  # fmt: skip
Event = dict[str, Any]


@dataclass(frozen=True)
class Mark:
    """One thing worth telling. `version` 0 where it is about none."""

    kind: str
    time_ms: int
    says: str
    version: int
    event: str


@dataclass
class Chronicle:
    """Reads events in their order, each once. `fetch(after)` gives the next page."""

    fetch: Callable[[int], list[Event]]
    after: int = 0
    events: list[Event] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def look(self) -> list[Mark]:
        """The marks since the last look."""
        before = len(self.marks)
        while page := self.fetch(self.after):
            self.after = int(page[-1]["sequence"])
            for event in page:
                self.events.append(event)
                if mark := self._mark(event):
                    self.marks.append(mark)
            if len(page) < PAGE:
                break
        return self.marks[before:]

    def of(self, *types: str) -> list[Event]:
        """The events of some types, in order."""
        return [event for event in self.events if event["type"] in types]

    def count(self, kind: str) -> int:
        return sum(mark.kind == kind for mark in self.marks)

    def note(self, kind: str, time_ms: int, says: str) -> None:
        """Mark what no event tells: what was done to the system from outside."""
        self.marks.append(Mark(kind, time_ms, says, 0, ""))

    def _mark(self, event: Event) -> Mark | None:
        kind = PLAIN.get(event["type"])
        if kind == ABORT:
            kind = self._aborted(event)
        if kind is None or (kind == PROMOTION and self._given_back(event)):
            return None
        return Mark(kind, parse_iso(event["time"]), says(event), _version(event), event["id"])

    def _aborted(self, event: Event) -> str | None:
        """Once it was champion, the abort is a rollback; one by hand has an event of its own."""
        if any(one["id"] == event["causationid"] for one in self.of("model.rolled_back")):
            return None
        return ROLLBACK if event["data"].get("stage") in CROWNED else ABORT

    def _given_back(self, crowned: Event) -> bool:
        """A former champion that returns is part of a rollback, no promotion."""
        causes = {one["id"] for one in self.of("model.rolled_back", "rollout.aborted")}
        return crowned["causationid"] in causes or any(
            event["subject"] == crowned["data"]["rollout"] for event in self.of("rollout.aborted")
        )


def says(event: Event) -> str:
    """One line for a person."""
    data, subject = event["data"], event["subject"]
    because = data.get("because", "")
    return {
        "quality.breached": lambda: f"breach: {subject}: {because}",
        "drift.detected": lambda: f"drift: {subject}: {because}",
        "reaction.fired": lambda: f"retraining: {because}",
        "gates.failed": lambda: f"refused: {subject}: {because}",
        "gates.dropped": lambda: f"refused: {subject} is dropped: {because}",
        "gates.inconclusive": lambda: f"{subject}: {because}; judged again later",
        "rollout.aborted": lambda: (
            f"aborted: version {data.get('version')} in {data.get('stage')}: {data.get('guard') or because}"
        ),
        "model.rolled_back": lambda: (
            f"rollback by {data.get('by')}: version {data.get('version')}, back to {data.get('to')}: {data.get('reason')}"
        ),
        "approval.requested": lambda: f"approval asked: {subject}, of a {data.get('role')}",
        "approval.granted": lambda: f"approved: {subject} by {data.get('by')}",
        "approval.refused": lambda: f"not approved: {subject} by {data.get('by')}",
        "approval.expired": lambda: f"approval expired: {subject}",
        "run.failed": lambda: f"a run failed: {data.get('error', because)}",
        "champion.crowned": lambda: f"promotion: {subject} is champion" + _former(data),
    }[event["type"]]()


def _former(data: dict[str, Any]) -> str:
    return f", after version {data['former_version']}" if data.get("former_version") else ""


def _version(event: Event) -> int:
    named = event["subject"].rpartition("@")[2]
    return int(named) if "@" in event["subject"] and named.isdigit() else int(event["data"].get("version") or 0)
