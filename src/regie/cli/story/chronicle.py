"""What the loop did, read from its events as they happen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from regie.base.clock import parse_iso

PAGE = 1000
BREACH, RETRAINING, PROMOTION, REFUSAL, ROLLBACK = "breach", "retraining", "promotion", "refusal", "rollback"
DRIFT, UNDECIDED, FAILURE = "drift", "undecided", "failure"
PLAIN = {
    "quality.breached": BREACH, "drift.detected": DRIFT, "reaction.fired": RETRAINING, "gates.failed": REFUSAL,
    "gates.dropped": REFUSAL, "gates.inconclusive": UNDECIDED, "rollout.aborted": ROLLBACK, "run.failed": FAILURE,
    "champion.crowned": PROMOTION,
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

    def _mark(self, event: Event) -> Mark | None:
        kind = PLAIN.get(event["type"])
        if kind is None or (kind == PROMOTION and self._given_back(event)):
            return None
        return Mark(kind, parse_iso(event["time"]), says(event), _version(event), event["id"])

    def _given_back(self, crowned: Event) -> bool:
        """A former champion that returns is part of a rollback, no promotion."""
        return any(event["subject"] == crowned["data"]["rollout"] for event in self.of("rollout.aborted"))


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
        "rollout.aborted": lambda: f"rollback: version {data.get('version')}: {because}",
        "run.failed": lambda: f"a run failed: {data.get('error', because)}",
        "champion.crowned": lambda: f"promotion: {subject} is champion" + _former(data),
    }[event["type"]]()


def _former(data: dict[str, Any]) -> str:
    return f", after version {data['former_version']}" if data.get("former_version") else ""


def _version(event: Event) -> int:
    named = event["subject"].rpartition("@")[2]
    return int(named) if "@" in event["subject"] and named.isdigit() else int(event["data"].get("version") or 0)
