"""Audit, *is the record whole?*: who did what to which thing, with what result; what was verified, when, up to where."""

import shlex
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf, Count, Moment
from regie.app.pages.acts import Act, Shown, Why, act
from regie.app.pages.events import Words, times
from regie.app.pages.exports import Form, streamed
from regie.store import audit, search, verifications
from regie.store.search import SoughtRecords, Stretch
from regie.store.verifications import Found, Progress, Verifier

router = APIRouter()
PAGE, MOST, PIECE = 200, 1_000, 1_000
NAMED = 200  # actors and actions to choose from
COLUMNS = (
    "seq",
    "wall_ms",
    "workspace",
    "actor",
    "action",
    "target",
    "result",
    "rule",
    "reason",
    "rows",
    "now_ms",
    "hash",
    "events",
)


class AuditRecord(Shown):
    """One audit record. `now_ms` is business time, `wall_ms` the wall's; `rows` that the change wrote; `events`: their ids."""

    seq: int
    wall_ms: int
    now_ms: int
    workspace: str
    actor: str
    action: str
    target: str
    result: str
    rule: str
    reason: str
    rows: int
    causation: str
    events: list[str]
    hash: str


class VerificationShown(Shown):
    """What one verification of the whole chain found. `broken`: the first wrong record; `reason`: a code. `still`: whether the last
    record that it saw has the same hash now; `since`: how many records were added after it.
    """

    by: str
    wall_ms: int
    took_ms: int
    records: int
    events: int
    hash: str
    anchored: int | None
    broken: int | None
    reason: str
    still: bool
    since: int


class VerificationProgress(Shown):
    """A verification that is under way."""

    by: str
    since_wall_ms: int
    records: int
    of: int


class ChainHead(Shown):
    """The newest record of the chain: what an anchor keeps outside the database."""

    seq: int
    hash: str


class ChainShown(Shown):
    """The chain of the whole home, over all workspaces."""

    head: ChainHead | None
    last: VerificationShown | None
    before: list[VerificationShown]
    running: VerificationProgress | None
    verify: Act
    anchor_command: str


class AuditPage(Shown):
    """`everywhere`: the records of every workspace; `may_everywhere`: whether the caller sees them. `older`: what to ask `before`."""

    workspace: str
    everywhere: bool
    may_everywhere: bool
    records: list[AuditRecord]
    older: int | None
    actors: list[str]
    actions: list[str]
    chain: ChainShown
    command: str


def sought(
    actor: Words = "", action: Words = "", target: Words = "", result: Words = "", from_ms: Moment | None = None,
    to_ms: Moment | None = None,
) -> SoughtRecords:  # fmt: skip
    """The filters of a request."""
    return SoughtRecords(actor, action, target, result, Stretch(from_ms=from_ms, to_ms=to_ms))


Sought = Annotated[SoughtRecords, Depends(sought)]


@router.get("/api/v1/pages/audit", response_model=AuditPage)
def page(
    caller: Caller, request: Request, sought: Sought, before: Count | None = None, after: Count | None = None, limit: Count = PAGE,
    everywhere: bool = False,
) -> AuditPage:  # fmt: skip
    """`everywhere` counts for those who may read them in all workspaces only. `after`: only what is newer, for those who follow."""
    limit = min(max(limit, 1), MOST)
    whose = whose_records(caller, everywhere)
    asked = replace(sought, within=replace(sought.within, before=before, after=after))
    with caller.read("audit.read", "audit") as db:
        found = search.find_records(db, whose, asked, limit)
        named = [search.named_of(db, whose, column, NAMED) for column in ("actor", "action")]
        chain = _chain(db, caller, request.app.state.verifier)
    return AuditPage(
        workspace=caller.workspace, everywhere=whose is None, may_everywhere=caller.could_everywhere("audit.read", "audit"),
        records=[_shown(one) for one in found], older=found[-1]["seq"] if len(found) == limit else None,
        actors=named[0], actions=named[1], chain=chain, command=f"regie audit export{_options(sought)}{'' if whose is None else ' --here'}",
    )  # fmt: skip


@router.get("/api/v1/pages/audit/export")
def export(caller: Caller, sought: Sought, form: Form = "ndjson", everywhere: bool = False) -> StreamingResponse:
    """Every record that the filters find, oldest first, as written, with its hash."""
    caller.may("audit.read", "audit")
    whose = whose_records(caller, everywhere)
    return streamed(_all(caller, whose, sought), form, f"audit-{whose or 'all'}", COLUMNS)


def whose_records(caller: CallerOf, everywhere: bool) -> str | None:
    """Of which workspace a caller sees the records now; None: of every one."""
    return None if everywhere and caller.could_everywhere("audit.read", "audit") else caller.workspace


def _all(caller: CallerOf, whose: str | None, sought: SoughtRecords) -> Iterator[dict[str, Any]]:
    """A page at a time, each a look of its own: whoever reads slowly holds no transaction."""
    after = 0
    while True:
        within = replace(sought.within, after=after, forwards=True)
        with caller.store.read() as db:
            found = search.find_records(db, whose, replace(sought, within=within), PIECE)
        yield from found
        if len(found) < PIECE:
            return
        after = found[-1]["seq"]


def _chain(db: Connection, caller: CallerOf, verifier: Verifier) -> ChainShown:
    length, running = verifications.length(db), verifier.progress
    found = [_found(db, one, length) for one in verifications.latest(db)]
    head = audit.anchor(db) if caller.could("audit.anchor", "audit") else None
    return ChainShown(
        head=ChainHead(seq=head["seq"], hash=head["hash"]) if head else None,
        last=found[0] if found else None, before=found[1:], running=VerificationProgress(**asdict(running)) if running else None,
        verify=act(
            caller, "audit.read", "audit", "/api/v1/audit/verify", "regie audit verify", unless=_under_way(running)
        ),
        anchor_command="regie audit anchor --file anchor.json",
    )  # fmt: skip


def _under_way(running: Progress | None) -> Why | None:
    return (
        Why(code="audit.under_way", values={"by": running.by, "records": running.records, "of": running.of}) if running else None
    )


def _found(db: Connection, found: Found, length: int) -> VerificationShown:
    said = {name: value for name, value in asdict(found).items() if name != "what"}
    return VerificationShown(**said, still=verifications.still(db, found), since=length - found.records)


def _shown(one: dict[str, Any]) -> AuditRecord:
    names = ("seq", "wall_ms", "now_ms", "workspace", "actor", "action", "target", "result", "rule", "reason", "rows", "hash")
    said = {name: one[name] for name in names}
    return AuditRecord(**said, causation=one["causationid"], events=[event["id"] for event in one["events"]])


def _options(sought: SoughtRecords) -> str:
    """The same filters in a terminal."""
    said = [(name, str(getattr(sought, name))) for name in ("actor", "action", "target", "result")]
    return "".join(f" --{name} {shlex.quote(value)}" for name, value in [*said, *times(sought.within)] if value)
