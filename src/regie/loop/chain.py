"""The causation chain of a thing: the events that led to it, and the same events as the few links that a person tells.

Every event knows the one that led to it (`causationid`), so the chain is read, never guessed. It ends where another champion's story
begins: the crown that an age or a rollback goes back to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection

from regie.registry.types import Champion
from regie.rollout import queries as rollout
from regie.store import events
from regie.store.change import caused
from regie.store.events import Event

DEEPEST = 100
OF_ROLLOUT = (
    "rollout.finished", "rollout.aborted", "rollout.superseded", "rollout.stage_entered", "rollout.started", "rollout.waiting",
)  # fmt: skip
OF_VERSION = (
    "champion.crowned", "gates.passed", "gates.failed", "gates.inconclusive", "gates.dropped", "model.registered",
    "approval.requested", "approval.granted", "approval.refused", "approval.expired", "approval.superseded",
)  # fmt: skip

Kind = Literal[
    "breach", "reaction", "run", "registered", "gates", "approval", "rollout", "crowned", "rolled_back", "origin", "other"
]
KINDS: dict[str, Kind] = {
    "quality.breached": "breach", "drift.detected": "breach", "reaction.fired": "reaction", "run.started": "run",
    "run.finished": "run", "run.failed": "run", "model.registered": "registered", "champion.crowned": "crowned",
    "model.rolled_back": "rolled_back",
}  # fmt: skip
FAMILIES: dict[str, Kind] = {"gates": "gates", "approval": "approval", "rollout": "rollout"}
# Several events of these about one thing are one link: a question and its answer, a rollout and its stages.
FOLDED = ("approval", "rollout", "run")


@dataclass(frozen=True)
class Link:
    """One link of the chain; `events` in the order in which they happened."""

    kind: Kind
    events: tuple[Event, ...]

    @property
    def first(self) -> Event:
        return self.events[0]

    @property
    def last(self) -> Event:
        return self.events[-1]


def behind(db: Connection, event: Event) -> list[Event]:
    """The event and what led to it, the newest first; at most `DEEPEST` of them."""
    found: list[Event] = []
    link: Event | None = event
    while link is not None and len(found) < DEEPEST:
        found.append(link)
        link = events.by_id(db, link.causationid) if link.causationid else None
    return found


def crown_of(db: Connection, champion: Champion) -> Event | None:
    """The event by which a champion is champion."""
    return events.by_id(db, caused(champion).causationid)


def newest_of(db: Connection, workspace: str, model: str, version: int) -> Event | None:
    """The newest event that says what became of a version."""
    ended = [one.id for one in rollout.of_version(db, workspace, model, version)]
    about_rollout = [e for name in ended for e in events.latest(db, workspace, OF_ROLLOUT, name, 1)]
    about_version = events.latest(db, workspace, OF_VERSION, f"{model}@{version}", 1)
    return max((*about_rollout, *about_version), key=lambda e: e.seq, default=None)


def links(newest_first: Sequence[Event]) -> list[Link]:
    """A chain as links, the oldest first: from the window or the hand that began it to what it came to."""
    told = _own_story(newest_first)
    found: list[Link] = []
    for event in reversed(told):
        kind = kind_of(event)
        if event is told[-1] and kind == "crowned" and len(told) > 1:
            kind = "origin"
        last = found[-1] if found else None
        if last is not None and last.kind == kind and kind in FOLDED and last.last.subject == event.subject:
            found[-1] = Link(kind, (*last.events, event))
        else:
            found.append(Link(kind, (event,)))
    return found


def kind_of(event: Event) -> Kind:
    """What an event is in the story."""
    return KINDS.get(event.type) or FAMILIES.get(event.type.partition(".")[0], "other")


def _own_story(newest_first: Sequence[Event]) -> Sequence[Event]:
    """Up to the crown of an earlier champion: what led to that one is its own story."""
    for at, event in enumerate(newest_first):
        if at > 0 and event.type == "champion.crowned":
            return newest_first[: at + 1]
    return newest_first
