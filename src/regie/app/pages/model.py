"""The page of a model: why is this version here?

One answer holds the chain of a version, that version beside another one, the history of the champions, the way back, and the newest
`USUAL` versions; the rest of them comes by pages. Times are business milliseconds.
"""

import shlex
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf
from regie.app.pages.acts import Act, Shown, Why, act
from regie.app.pages.exports import Form, streamed
from regie.app.pages.model_chain import ChainLink, links_of
from regie.app.pages.model_sides import Beside, beside
from regie.base.errors import NotFound
from regie.gates import queries as gates
from regie.loop import chain, outcome, overview, step_back
from regie.loop.reigns import Reign, Turn, reigns
from regie.monitoring import queries as monitoring
from regie.registry import queries as registry
from regie.registry.types import Champion, Version
from regie.rollout import queries as rollout
from regie.store.change import business_now
from regie.store.events import Event

router = APIRouter()
MOST, USUAL, EXPORTED = 500, 200, 10_000
COLUMNS = ("version", "role", "outcome", "because", "by", "window", "created_ms", "run_id", "rollout")
WINDOWS = 400  # of the promised metric: a year of days, and a little


class CrownTurn(Shown):
    """How the crown changed hands, by whom and why where a person did it. `version`: the other one."""

    how: str
    because: str
    rollout: str
    by: str
    reason: str
    version: int | None


class Reigned(Shown):
    """One version's time as champion; `to_ms` is None for the one that serves."""

    version: int
    endpoint: str
    environment: str
    from_ms: int
    to_ms: int | None
    came: CrownTurn
    went: CrownTurn


class VersionRow(Shown):
    """One version: its role now, and what became of it."""

    version: int
    role: str
    outcome: Why
    window: str
    created_ms: int
    run_id: str
    rollout: str


class VersionPage(Shown):
    """The newest first; `more`: there are older ones."""

    rows: list[VersionRow]
    more: bool


class WayBack(Shown):
    """What a rollback would do: from the champion to the one before it. `ends`: the rollout that it would end."""

    act: Act
    endpoint: str
    environment: str
    from_version: int | None
    to: int | None
    ends: str
    ends_version: int | None


class QualityWindow(Shown):
    """One window of the promised metric, of the version that was champion then."""

    to_ms: int
    value: float
    low: float | None
    high: float | None
    bound: float | None
    verdict: str
    version: int


class Promised(Shown):
    """What is promised about production, and its newest windows, oldest first. `below`: whether it is kept below its bound."""

    monitor: str
    below: bool
    windows: list[QualityWindow]


class ModelPage(Shown):
    """`version`: the one whose chain is told. `crowned`: whether that is the chain of its crown. The commands are quoted for a shell."""

    workspace: str
    model: str
    description: str
    now_ms: int
    endpoint: str
    environment: str
    champion: int | None
    champion_ms: int | None
    challenger: int | None
    version: int | None
    crowned: bool
    why_command: str
    show_command: str
    train_command: str
    links: list[ChainLink]
    beside: Beside | None
    history: list[Reigned]
    quality: Promised | None
    way_back: WayBack
    versions: VersionPage


@router.get("/api/v1/pages/models/{name}", tags=["pages"])
def model(
    name: str, caller: Caller, version: Annotated[int | None, Query(ge=1, lt=1 << 31)] = None,
    beside_version: Annotated[int | None, Query(alias="beside", ge=1, lt=1 << 31)] = None,
) -> ModelPage:  # fmt: skip
    """Why a version of a model is where it is: the champion, where none is named."""
    here = caller.workspace
    with caller.read("model.read", name) as db:
        promised = next(iter(overview.promised(db, [here])), None)
        description = _described(db, here, name, promised)
        champion, rival = registry.champion(db, here, model=name), registry.challenger(db, here, name)
        chosen = _chosen(db, here, name, version, champion)
        crowned = champion is not None and chosen == champion.version
        told = reigns(db, here, name)
        other = _other(db, here, name, chosen, beside_version, champion, rival)
        return ModelPage(
            workspace=here, model=name, description=description, now_ms=business_now(db, here),
            endpoint=champion.endpoint if champion else promised.endpoint if promised and promised.model == name else "",
            environment=champion.environment if champion else promised.environment if promised else "",
            champion=champion.version if champion else None, champion_ms=champion.since_ms if champion else None,
            challenger=rival.version if rival else None, version=chosen, crowned=crowned,
            why_command=_command(here, "why", name + ("@champion" if crowned else f"@{chosen}" if chosen else "")),
            show_command=_command(here, "model show", name),
            train_command=_command(here, "pipeline run", promised.pipeline) if promised and promised.pipeline else "",
            links=links_of(db, here, _events(db, here, name, chosen, champion if crowned else None)),
            beside=beside(db, caller.store.blobs, here, name, chosen, other) if chosen is not None else None,
            history=[_time(one) for one in told], quality=_quality(db, here, promised, name),
            way_back=_way_back(db, caller, name), versions=_versions(db, here, name, None, USUAL, told, champion),
        )  # fmt: skip


@router.get("/api/v1/pages/models/{name}/versions", tags=["pages"])
def versions(
    name: str, caller: Caller, before: Annotated[int | None, Query(ge=1, lt=1 << 31)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL,
) -> VersionPage:  # fmt: skip
    """Older versions of a model."""
    with caller.read("model.read", name) as db:
        registry.model(db, caller.workspace, name)
        champion = registry.champion(db, caller.workspace, model=name)
        return _versions(db, caller.workspace, name, before, limit, reigns(db, caller.workspace, name), champion)


@router.get("/api/v1/pages/models/{name}/versions/export", tags=["pages"], response_model=None)
def exported(name: str, caller: Caller, form: Form = "csv") -> StreamingResponse:
    """Every version of a model, newest first; at most `EXPORTED`."""
    here, rows, before = caller.workspace, list[dict[str, Any]](), None
    with caller.read("model.read", name) as db:
        registry.model(db, here, name)
        champion, told = registry.champion(db, here, model=name), reigns(db, here, name)
        while len(rows) < EXPORTED:
            page = _versions(db, here, name, before, MOST, told, champion)
            rows += [{**one.model_dump(), "outcome": one.outcome.code, **one.outcome.values} for one in page.rows]
            if not page.more:
                break
            before = page.rows[-1].version
    return streamed(rows, form, "versions", COLUMNS)


def _described(db: Connection, here: str, name: str, promised: overview.Promised | None) -> str:
    """What the registry says of a model; nothing yet of one that is promised only. Raises NotFound for any other."""
    try:
        return registry.model(db, here, name).description
    except NotFound:
        if promised is None or promised.model != name:
            raise
        return ""


def _command(here: str, verb: str, thing: str, more: str = "") -> str:
    """To be pasted into a shell, whatever somebody has named a model."""
    return " ".join(part for part in (f"regie {verb} {shlex.quote(thing)}", more, f"-w {here}") if part)


def _chosen(db: Connection, here: str, name: str, version: int | None, champion: Champion | None) -> int | None:
    """The version that the page speaks of: the named one, the champion, the newest. Raises NotFound."""
    if version is not None:
        return registry.version(db, here, name, version).version
    if champion is not None:
        return champion.version
    newest = registry.newest(db, here, name, None, 1)
    return newest[0].version if newest else None


def _other(
    db: Connection, here: str, name: str, chosen: int | None, named: int | None, champion: Champion | None, rival: Version | None
) -> int | None:  # fmt: skip
    """The version that it is shown beside: the named one; the champion's challenger; else the one that it was judged against."""
    if named is not None:
        return registry.version(db, here, name, named).version
    if chosen is None:
        return None
    if champion is not None and chosen == champion.version and rival is not None and rival.version != chosen:
        return rival.version
    judged = gates.qualification(db, here, name, chosen)
    against = judged.champion if judged is not None else None
    if against is None and champion is not None:
        against = champion.former_version if chosen == champion.version else champion.version
    return against if against != chosen and against is not None and _there(db, here, name, against) else None


def _there(db: Connection, here: str, name: str, version: int) -> bool:
    try:
        registry.version(db, here, name, version)
    except NotFound:
        return False
    return True


def _events(db: Connection, here: str, name: str, chosen: int | None, champion: Champion | None) -> list[Event]:
    if chosen is None:
        return []
    newest = chain.crown_of(db, champion) if champion is not None else chain.newest_of(db, here, name, chosen)
    return chain.behind(db, newest) if newest is not None else []


def _time(one: Reign) -> Reigned:
    return Reigned(
        version=one.version, endpoint=one.endpoint, environment=one.environment, from_ms=one.from_ms, to_ms=one.to_ms,
        came=_crown(one.came), went=_crown(one.went),
    )  # fmt: skip


def _crown(one: Turn) -> CrownTurn:
    return CrownTurn(how=one.how, because=one.because, rollout=one.rollout, by=one.by, reason=one.reason, version=one.version)


def _quality(db: Connection, here: str, promised: overview.Promised | None, name: str) -> Promised | None:
    if promised is None or promised.model != name or not promised.quality:
        return None
    found = [one for one in monitoring.signals_of(db, here, promised.quality, limit=WINDOWS) if one["value"] is not None]
    windows = [QualityWindow(**{part: one[part] for part in QualityWindow.model_fields}) for one in reversed(found)]
    return Promised(monitor=promised.quality, below=overview.kept_below(promised.quality), windows=windows)


def _way_back(db: Connection, caller: CallerOf, name: str) -> WayBack:
    unless, step = None, None
    try:
        step = step_back.plan(db, caller.workspace, name)
    except step_back.NoWayBack as no:
        unless = Why(code=no.rule, values=dict(no.values))
    except NotFound:  # it is promised, and nothing is registered yet
        unless = Why(code="champion.none")
    running = step.rollout if step is not None else None
    return WayBack(
        act=act(
            caller, "model.rollback", name, f"/api/v1/models/{quote(name, safe='')}/rollback",
            _command(caller.workspace, "model rollback", name, "--reason '...'"),
            unless=unless,
        ),
        endpoint=step.champion.endpoint if step else "", environment=step.champion.environment if step else "",
        from_version=step.champion.version if step else None, to=step.to if step else None,
        ends=running.id if running else "", ends_version=running.version if running else None,
    )  # fmt: skip


def _versions(
    db: Connection, here: str, name: str, before: int | None, limit: int, told: Sequence[Reign], champion: Champion | None
) -> VersionPage:  # fmt: skip
    found = registry.newest(db, here, name, before, limit + 1)
    shown = found[:limit]
    numbers = [one.version for one in shown]
    judged, asked = gates.of_versions(db, here, name, numbers), gates.answers(db, here, name, numbers)
    had = rollout.of_versions(db, here, name, numbers)
    crowned = {one.version for one in told}
    number = champion.version if champion else None
    rows = [
        _row(one, number, crowned, judged.get(one.version), asked.get(one.version), had.get(one.version)) for one in shown
    ]  # fmt: skip
    return VersionPage(rows=rows, more=len(found) > limit)


def _row(one: Version, champion: int | None, crowned: set[int], judged: Any, asked: Any, had: Any) -> VersionRow:
    is_champion = one.version == champion
    code = outcome.outcome(
        outcome.Observed(
            champion=is_champion, was_champion=one.version in crowned, role=one.role, gates=judged.state if judged else "",
            approval=asked.state if asked else "", rollout=had.state if had else "",
        )
    )  # fmt: skip
    speaks = {"gates": judged, "approval": asked, "rollout": had, "champion": had}.get(code.partition(".")[0])
    because = getattr(speaks, "because", "") if speaks is not None else ""
    return VersionRow(
        version=one.version, role="champion" if is_champion else one.role,
        outcome=Why(code=code, values={"because": because, "by": asked.decided_by if asked else ""}), window=one.window,
        created_ms=one.created_ms, run_id=one.run_id, rollout=had.id if had else "",
    )  # fmt: skip
