"""The history of a model's champions: who, from when to when, how it came, and how it went.

Pure over the events of the crown. Times are business milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import Connection

from regie.store import events
from regie.store.events import Event

MOST = 200
TYPES = ("champion.crowned", "champion.vacated")
How = Literal["rollout", "came_back", "rolled_back", "aborted", "replaced", "serves"]


@dataclass(frozen=True)
class Turn:
    """How a crown changed hands: by which rollout or rule, and by whom and why where a person did it."""

    how: How
    rollout: str = ""
    because: str = ""
    by: str = ""
    reason: str = ""
    version: int | None = None  # the other one: who was champion before, or came after


@dataclass(frozen=True)
class Reign:
    """One version's time as champion of an endpoint. `to_ms` is None for the one that serves."""

    endpoint: str
    environment: str
    version: int
    from_ms: int
    to_ms: int | None
    came: Turn
    went: Turn


def reigns(db: Connection, workspace: str, model: str) -> list[Reign]:
    """The newest reigns of a model, oldest first; at most `MOST`."""
    crowns = [one for one in events.latest(db, workspace, TYPES, limit=MOST) if one.subject.rpartition("@")[0] == model]
    causes = events.by_ids(db, [one.causationid for one in crowns])
    behind = events.by_ids(db, [one.causationid for one in causes.values()])
    return told(list(reversed(crowns)), causes | behind)


def told(crowns: Sequence[Event], causes: Mapping[str, Event]) -> list[Reign]:
    """Reigns from the events of the crown in their order; each ends where the next of its endpoint begins."""
    found: list[Reign] = []
    open_at: dict[tuple[str, str], int] = {}
    for crown in crowns:
        place = (str(crown.data.get("endpoint", "")), str(crown.data.get("environment", "")))
        turn = _turn(crown, causes)
        if (at := open_at.pop(place, None)) is not None:
            version = None if crown.type == "champion.vacated" else _version(crown)
            found[at] = replace(found[at], to_ms=crown.time_ms, went=_went(turn, version))
        if crown.type == "champion.vacated":
            continue
        before = found[at].version if at is not None else None
        open_at[place] = len(found)
        came = replace(turn, version=before)
        found.append(Reign(*place, _version(crown), crown.time_ms, None, came, Turn("serves")))
    return found


def _version(crown: Event) -> int:
    return int(crown.subject.rpartition("@")[2])


def _turn(crown: Event, causes: Mapping[str, Event]) -> Turn:
    """What made the crown change hands."""
    cause = causes.get(crown.causationid)
    if cause is None:
        return Turn("rollout", str(crown.data.get("rollout", "")))
    by_hand = cause if cause.type == "model.rolled_back" else causes.get(cause.causationid)
    if by_hand is not None and by_hand.type == "model.rolled_back":
        said = by_hand.data
        return Turn(
            "rolled_back", str(said.get("rollout") or ""), "by.hand", str(said.get("by", "")), str(said.get("reason", ""))
        )
    if cause.type == "rollout.aborted":
        return Turn("came_back", cause.subject, str(cause.data.get("because", "")))
    return Turn("rollout", str(crown.data.get("rollout", "")))


def _went(turn: Turn, version: int | None) -> Turn:
    """The same turn, as the one that loses the crown sees it."""
    how: How = (
        "rolled_back" if turn.how == "rolled_back" else "aborted" if turn.how == "came_back" or version is None else "replaced"
    )
    return replace(turn, how=how, version=version)
