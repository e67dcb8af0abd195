"""Events, *who did what*: newest first, filtered, followed; the walk along causes; the list as a file."""

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from regie.app.caller import Caller, CallerOf, Count, Moment
from regie.app.pages.acts import Shown
from regie.app.pages.exports import Form, streamed
from regie.base.clock import iso
from regie.base.errors import NotFound
from regie.store import search
from regie.store.change import business_now
from regie.store.events import Event
from regie.store.search import SoughtEvents, Stretch

router = APIRouter()
PAGE, MOST, PIECE = 200, 1_000, 1_000
COLUMNS = ("sequence", "time", "type", "subject", "data", "id", "causationid", "correlationid", "source")
Words = Annotated[str, Query(max_length=12_000)]
Types = Annotated[tuple[str, ...], Query(max_length=50)]


class EventShown(Shown):
    """One event. `time_ms` is business time, `wall_ms` the wall's; `causation` is empty where nothing led to it."""

    seq: int
    id: str
    type: str
    subject: str
    time_ms: int
    wall_ms: int
    correlation: str
    causation: str
    data: dict[str, Any]


class EventsPage(Shown):
    """`older`: what to ask `before` for the next page, None at the end. `types`: those that the workspace has."""

    workspace: str
    now_ms: int
    events: list[EventShown]
    older: int | None
    types: list[str]
    command: str
    follow: str


class WalkLink(Shown):
    """One event of a walk; `depth` 0 is the first cause. `asked`: the one whose walk it is."""

    depth: int
    asked: bool
    event: EventShown


class WalkPage(Shown):
    """What led to an event and what it led to. `more`: there are further ones. `command` says the same in a terminal."""

    links: list[WalkLink]
    more: bool
    command: str


def sought(
    type: Types = (), without: Types = (), subject: Words = "", correlation: Words = "", from_ms: Moment | None = None,
    to_ms: Moment | None = None,
) -> SoughtEvents:  # fmt: skip
    """The filters of a request."""
    return SoughtEvents(type, without, subject, correlation, Stretch(from_ms=from_ms, to_ms=to_ms))


Sought = Annotated[SoughtEvents, Depends(sought)]


@router.get("/api/v1/pages/events", response_model=EventsPage)
def page(
    caller: Caller, sought: Sought, before: Count | None = None, after: Count | None = None, limit: Count = PAGE
) -> EventsPage:
    """`after`: only what is newer than that number, for those who follow."""
    limit = min(max(limit, 1), MOST)
    asked = replace(sought, within=replace(sought.within, before=before, after=after))
    with caller.read("event.read", caller.workspace) as db:
        found = search.find_events(db, caller.workspace, asked, limit)
        types = search.types_of(db, caller.workspace)
        now_ms = business_now(db, caller.workspace)
    return EventsPage(
        workspace=caller.workspace, now_ms=now_ms, events=[shown(one) for one in found],
        older=found[-1].seq if len(found) == limit else None, types=types, command=f"regie event list{_options(sought)}",
        follow=f"regie event tail{_options(replace(sought, within=Stretch()))}",
    )  # fmt: skip


@router.get("/api/v1/pages/events/export")
def export(caller: Caller, sought: Sought, form: Form = "ndjson") -> StreamingResponse:
    """Everything that the filters find, oldest first, as CloudEvents."""
    caller.may("event.read", caller.workspace)
    return streamed(_all(caller, sought), form, f"events-{caller.workspace}", COLUMNS)


@router.get("/api/v1/pages/events/{identity}/walk", response_model=WalkPage)
def walk(identity: str, caller: Caller) -> WalkPage:
    with caller.read("event.read", caller.workspace) as db:
        found = search.walk(db, caller.workspace, identity)
    if found is None:
        raise NotFound(f"event {identity} does not exist", caller.workspace, "regie event list")
    links = [WalkLink(depth=one.depth, asked=one.event.id == identity, event=shown(one.event)) for one in found.links]
    return WalkPage(links=links, more=found.more, command=f"regie why {shlex.quote(identity)}")


def shown(event: Event) -> EventShown:
    return EventShown(
        seq=event.seq, id=event.id, type=event.type, subject=event.subject, time_ms=event.time_ms, wall_ms=event.wall_ms,
        correlation=event.correlationid, causation=event.causationid, data=event.data,
    )  # fmt: skip


def _all(caller: CallerOf, sought: SoughtEvents) -> Iterator[dict[str, Any]]:
    """A page at a time, each a look of its own: whoever reads slowly holds no transaction."""
    after = 0
    while True:
        within = replace(sought.within, after=after, forwards=True)
        with caller.store.read() as db:
            found = search.find_events(db, caller.workspace, replace(sought, within=within), PIECE)
        yield from (one.cloud() for one in found)
        if len(found) < PIECE:
            return
        after = found[-1].seq


def _options(sought: SoughtEvents) -> str:
    """The same filters in a terminal."""
    types = [*(("type", one) for one in sought.types), *(("without", one) for one in sought.without)]
    said = [*types, ("subject", sought.subject), ("correlation", sought.correlation)]
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in [*said, *times(sought.within)] if value)


def times(within: Stretch) -> list[tuple[str, str]]:
    """As options of a command."""
    ends = (("from", within.from_ms), ("to", within.to_ms))
    return [(name, iso(value)) for name, value in ends if value is not None]
