"""The control room, the home page: who needs me now? One line a model, over every workspace that the caller sees.

At most `MOST` lines in one answer, those that need somebody first; the counts in `summary` are of all of them. Times are business
milliseconds of the line's own clock, but for `_wall_ms`.
"""

from collections import Counter
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import Connection, select

from regie.app.caller import Caller, CallerOf
from regie.app.pages.acts import Shown, Why
from regie.app.pages.recent import Recent
from regie.loop import approve, overview, standing
from regie.loop.overview import Overview
from regie.loop.scene import scene
from regie.loop.standing import Name, Need, Standing, State
from regie.store import access, actors
from regie.store.tables import head
from regie.tracking import queries as tracking

router = APIRouter()
MOST, USUAL = 500, 200
Page = Literal["data", "run", "model", "review", "rollout", "monitors"]


class LoopStation(Shown):
    """One of the five stations of the loop. `page`, `id`: where one sees more of it, or acts."""

    station: Name
    state: State
    because: Why
    since_ms: int | None
    until_ms: int | None
    page: Page
    id: str


class Waits(Shown):
    """Whom a model waits for: who holds the role that may do it, and whether the caller may."""

    action: str
    role: str
    holders: list[str]
    you: bool
    until_ms: int | None
    command: str


class PromisedMetric(Shown):
    """The promised metric's newest windows, oldest first: each figure with what it was held against. `below`: kept below its bound.

    `broken`: the places of the windows that broke the promise; `crowned`: of the first window of each other champion.
    """

    monitor: str
    below: bool
    from_ms: int | None
    to_ms: int | None
    values: list[float]
    bounds: list[float | None]
    broken: list[int]
    crowned: list[int]


class ModelLine(Shown):
    """One model. `foremost`: the station that a person should look at first; `since_ms`: since when it is so."""

    workspace: str
    model: str
    endpoint: str
    environment: str
    team: str
    clock: str
    now_ms: int
    need: Need
    foremost: Name
    since_ms: int | None
    champion: int | None
    champion_ms: int | None
    nodes: int
    stations: list[LoopStation]
    waits: Waits | None
    spark: PromisedMetric | None


class TrackedWorkspace(Shown):
    """A workspace in which runs are tracked, without a `regie.yaml`."""

    workspace: str
    experiments: int
    newest_wall_ms: int


class NeedCounts(Shown):
    """How many models there are, and how many of each need."""

    models: int
    you: int
    somebody: int
    broken: int
    working: int
    quiet: int


class ControlRoom(Shown):
    """`total`: the models that fit what was asked for; `lines` are the first of them."""

    summary: NeedCounts
    lines: list[ModelLine]
    total: int
    bare: list[TrackedWorkspace]


@router.get("/api/v1/pages/control-room", tags=["pages"])
def control_room(
    caller: Caller, request: Request, q: Annotated[str, Query(max_length=200)] = "", need: Need | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = USUAL,
) -> ControlRoom:  # fmt: skip
    """Every model that the caller sees, those that need somebody first."""
    places = {one.workspace: one for one in caller.places() if one.could("status.read", one.workspace)}
    with caller.store.read() as db:
        known = _looked(request, db)
        seen = [one for one in known if one.promised.model and one.promised.workspace in places]
        asked = _Asked(db, places, request, seen)
        lines = sorted((asked.line(one) for one in seen), key=_rank)
        bare = _bare(db, caller, {one.promised.workspace for one in known})
    counts = Counter(one.need for one in lines)
    fits = [one for one in lines if need in (None, one.need) and _speaks_of(one, q)]
    summary = NeedCounts(models=len(lines), **{name: counts[name] for name in standing.ORDER})
    return ControlRoom(summary=summary, lines=fits[:limit], total=len(fits), bare=[one for one in bare if q in one.workspace])


def _looked(request: Request, db: Connection) -> list[Overview]:
    """Every model, looked at once for all who ask until the next event: fifty open tabs cost as much as one."""
    state = request.app.state
    if not hasattr(state, "overviews"):
        state.overviews = Recent[list[Overview]](most=2)
    newest = db.execute(select(head.c.event_seq)).scalar()
    looked: list[Overview] = state.overviews.of(newest, lambda: overview.overviews(db, overview.promised(db)))
    return looked


class _Asked:
    """Whom the models wait for, asked for all of them in one look."""

    def __init__(self, db: Connection, places: dict[str, CallerOf], request: Request, seen: list[Overview]) -> None:
        self.db, self.places, self.predictions = db, places, request.app.state.predictions
        roles = [(one.promised.workspace, _role(one, station)) for one in seen for station in standing.asks(one.facts)]
        self.holders = actors.holders_in(db, roles) if roles else {}

    def line(self, one: Overview) -> ModelLine:
        said = one.promised
        asked = [(station, self._waits(one, station)) for station in standing.asks(one.facts)]
        # Of several things that wait for people, the one that waits for the caller is told.
        told = next((ask for ask in asked if ask[1].you), None) or next(iter(asked), None)
        stations = [told[0] if told is not None and told[0].station == at.station else at for at in one.stations]
        first = told[0] if told is not None else standing.foremost(stations)
        need = "you" if told is not None and told[1].you else standing.NEED[first.state]
        return ModelLine(
            workspace=said.workspace, model=said.model, endpoint=said.endpoint, environment=said.environment, team=said.team,
            clock=said.clock, now_ms=said.now_ms, need=need, foremost=first.station, since_ms=first.since_ms,
            champion=one.champion.version if one.champion else None, champion_ms=one.champion.since_ms if one.champion else None,
            nodes=one.nodes, stations=[_station(one, station) for station in stations],
            waits=told[1] if told is not None else None, spark=_spark(one),
        )  # fmt: skip

    def _waits(self, one: Overview, station: Standing) -> Waits:
        action, role, where = standing.ASKS[station.because], _role(one, station), one.promised.workspace
        return Waits(
            action=action, role=role, holders=self.holders.get((where, role), []), until_ms=station.until_ms,
            you=self._may(one, action, role), command=_command(one, station),
        )  # fmt: skip

    def _may(self, one: Overview, action: str, role: str) -> bool:
        """Whether the caller may do it; who made a version may not approve it."""
        caller = self.places[one.promised.workspace]
        if not caller.could(action, one.promised.model):
            return False
        if one.approval is None or action != standing.ASKS["approval.pending"]:
            return True
        if role not in caller.actor.roles:
            return False
        here = scene(caller.store, self.predictions, one.promised.workspace)
        return here is not None and not approve.may_not(here, self.db, caller.actor, action, one.approval)


def _role(one: Overview, station: Standing) -> str:
    """The narrowest role that may do what a station waits for."""
    if station.because == "approval.pending" and one.approval is not None:
        return one.approval.role
    action = standing.ASKS[station.because]
    return next(role for role, actions in access.ROLES.items() if action in actions)


def _command(one: Overview, station: Standing) -> str:
    """What does, or shows, in a terminal what a station waits for."""
    where = f"-w {one.promised.workspace}"
    if station.because == "approval.pending" and one.approval is not None:
        return f"regie approval show {one.approval.subject} {where}"
    if one.rollout is not None:
        word = "resume" if station.because == "rollout.paused" else "abort"
        return f"regie rollout {word} {one.rollout.id} --reason '...' {where}"
    return f"regie pipeline run {one.promised.pipeline} {where}"


def _station(one: Overview, station: Standing) -> LoopStation:
    page, thing = _where(one, station)
    because = Why(code=station.because, values=_values(one, station))
    return LoopStation(
        station=station.station, state=station.state, because=because, since_ms=station.since_ms, until_ms=station.until_ms,
        page=page, id=thing,
    )  # fmt: skip


def _where(one: Overview, station: Standing) -> tuple[Page, str]:
    """Where one sees more of a station, or acts."""
    if station.station == "data":
        return "data", one.broken.dataset if one.broken is not None else ""
    if station.station == "run" and one.run is not None:
        return "run", one.run.run_id
    if station.because == "approval.pending" and one.approval is not None:
        return "review", one.approval.subject
    if station.station == "release" and one.rollout is not None:
        return "rollout", one.rollout.id
    if station.station == "watch" and station.state != "none":
        return "monitors", ""
    if station.station == "gates" and one.judged is not None:
        return "model", str(one.judged.version)
    return "model", ""


def _values(one: Overview, station: Standing) -> dict[str, str | int | float | bool | None]:
    """What the station's sentence speaks of."""
    if station.station == "data":
        return {"dataset": one.broken.dataset} if one.broken is not None else {}
    if station.station == "run" and one.run is not None:
        return {"pipeline": one.run.pipeline, "run": one.run.run_id, "by": one.run.by}
    if station.station == "gates":
        version = one.judged.version if one.judged is not None else None
        return {"version": version, "attempt": one.judged.attempts + 1 if one.judged is not None else None}
    if station.station == "release":
        return _released(one, station)
    if station.station != "watch":
        return {}
    newest = one.windows[-1] if one.windows else None
    kind = {"quality.breached": "quality", "drift.detected": "drift"}.get(station.because)
    monitor = next((breach.monitor for breach in one.breaches if breach.kind == kind), one.promised.quality)
    return {
        "monitor": monitor, "value": newest.value if newest else None, "bound": newest.bound if newest else None,
        "nodes": one.nodes, "behind": one.facts.nodes_behind, "version": one.champion.version if one.champion else None,
    }  # fmt: skip


def _released(one: Overview, station: Standing) -> dict[str, str | int | float | bool | None]:
    if station.because == "approval.pending" and one.approval is not None:
        return {"version": one.approval.version, "role": one.approval.role}
    if station.because == "champion.serves" and one.champion is not None:
        return {"version": one.champion.version}
    if one.rollout is not None:
        stage = one.rollout.current
        share = stage.share if stage.kind == "canary" else None
        return {"version": one.rollout.version, "stage": stage.kind, "share": share, "requests": stage.min_requests}
    return {"version": one.judged.version if one.judged is not None else None}


def _spark(one: Overview) -> PromisedMetric | None:
    if not one.promised.quality:
        return None
    windows = one.windows
    return PromisedMetric(
        monitor=one.promised.quality, below=one.below, from_ms=windows[0].to_ms if windows else None,
        to_ms=windows[-1].to_ms if windows else None, values=[_short(at.value) for at in windows],
        bounds=[None if at.bound is None else _short(at.bound) for at in windows],
        broken=[place for place, at in enumerate(windows) if at.verdict == "broken"],
        crowned=[place for place in range(1, len(windows)) if windows[place].version != windows[place - 1].version],
    )  # fmt: skip


def _short(value: float) -> float:
    """As many digits as a line of the size of a word can show."""
    return float(f"{value:.4g}")


def _rank(line: ModelLine) -> tuple[int, int, int, str, str]:
    """By need; then by what is nearest: a deadline, or what has been so for longest."""
    worst = next(station for station in line.stations if station.station == line.foremost)
    due = line.waits.until_ms if line.waits is not None else None
    return standing.ORDER.index(line.need), -standing.WEIGHT[worst.state], due or line.since_ms or 0, line.workspace, line.model


def _speaks_of(line: ModelLine, q: str) -> bool:
    return all(word in f"{line.workspace} {line.model} {line.endpoint} {line.team}".casefold() for word in q.casefold().split())


def _bare(db: Connection, caller: CallerOf, known: set[str]) -> list[TrackedWorkspace]:
    sees = caller.known.sees
    rows = [one for one in tracking.tracked(db) if one.workspace not in known and (sees is None or one.workspace in sees)]
    return [
        TrackedWorkspace(workspace=one.workspace, experiments=one.experiments, newest_wall_ms=one.newest_wall_ms)
        for one in rows[:MOST]
        if caller.at(one.workspace, db).could("status.read", one.workspace)
    ]
