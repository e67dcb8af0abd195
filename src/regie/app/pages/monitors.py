"""Monitors, *did the world change, or the model?*: drift, quality and service over one axis of time, and the breaches on it."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf, Count, Moment
from regie.app.pages.acts import Shown
from regie.app.pages.recent import Recent
from regie.app.pages.traffic import TrafficShown
from regie.app.pages.traffic import shown as traffic_shown
from regie.base.clock import DAY_MS
from regie.base.errors import BadInput, NotFound
from regie.loop import watched
from regie.loop.scene import Scene, scene
from regie.loop.watched import Broken, Moving, Watched, Watching
from regie.monitoring import queries
from regie.monitoring.types import STRANGE
from regie.store.change import business_now
from regie.store.events import Event

router = APIRouter()
RANGE_DAYS = 90
LONGEST_MS = 20 * 366 * DAY_MS
SLOTS = 400
STEPS_MS = tuple(minutes * 60_000 for minutes in (1, 5, 15, 60, 360, 1_440, 10_080, 43_200))
Because = str
Level = Literal[0, 1, 2, 3, 4, 5]
_traffic: Recent[TrafficShown] = Recent()


class MovedDoing(Shown):
    """What the loop does about the open breaches of one kind, by a rule. `waits`: the rule of the reaction, `detail`: for what."""

    kind: str
    rule: str
    since_ms: int
    reaction: str
    run: str
    run_state: str
    waits: str
    detail: str


class MovedShown(Shown):
    """What moved, by which rule, since when; what each kind of monitor says."""

    moved: Literal["world", "model", "both", "neither", "unknown"]
    because: Because
    since_ms: int | None
    quality: Literal["broken", "kept", "unsaid", "unpromised"]
    drift: Literal["broken", "kept", "unsaid", "unpromised"]
    doing: list[MovedDoing]


class SignalWindow(Shown):
    """One judged window. `because`: the rule behind the verdict; of a drift window `alarm` says whether it was strange by itself."""

    from_ms: int
    to_ms: int
    version: int
    value: float | None
    low: float | None
    high: float | None
    bound: float | None
    rows: int
    coverage: float | None
    verdict: str
    because: Because
    alarm: bool
    p_value: float | None


class WindowGap(Shown):
    """Windows that were not judged: where the first and the last of them end, and why."""

    from_ms: int
    to_ms: int
    because: Because


class StripRow(Shown):
    """One row of the heat strip: a value a window and its level, 0 as in the reference, from 3 on above the bound; None where it was not
    kept. `strange`: in how many windows it is above the bound.
    """

    name: str
    values: list[float | None]
    levels: list[Level | None]
    strange: int


class MonitorShown(Shown):
    """One promise and its windows, the oldest first. `better`, `number`: how its figure is read. `from_ms`: before it, windows are left
    out. `bound`, `features`, `needed` of the newest `of`: of a drift monitor.
    """

    name: str
    kind: Literal["quality", "drift"]
    over_ms: int
    step_ms: int
    from_ms: int
    better: str
    number: str
    windows: list[SignalWindow]
    gaps: list[WindowGap]
    bound: float | None
    needed: int
    of: int
    features: list[StripRow]
    command: str


class MonitorReign(Shown):
    """A version's time as champion; `to_ms` is None for the one that serves."""

    version: int
    from_ms: int
    to_ms: int | None


class RouteShare(Shown):
    """One variant of a route."""

    version: int
    role: str
    mode: str
    share: float


class TimeMark(Shown):
    """Something that happened at one moment: a crown, a route, an abort, a breach or its end."""

    time_ms: int
    type: str
    subject: str
    event: str
    version: int | None
    because: Because
    shares: list[RouteShare]


class BreachStarted(Shown):
    """What a breach started."""

    reaction: str
    pipeline: str
    run: str
    run_state: str
    fired_ms: int
    versions: list[int]


class MonitorBreach(Shown):
    """One breach. `window`: what was seen as it opened; `ended`: the rule that closed it, empty while it is open."""

    id: str
    event: str
    monitor: str
    kind: str
    version: int
    state: str
    opened_ms: int
    closed_ms: int | None
    window: SignalWindow | None
    ended: str
    started: list[BreachStarted]


class ServiceFelt(Shown):
    """What clients felt in the whole stretch."""

    requests: int
    failed: int
    availability: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class ServiceSlots(Shown):
    """What clients felt, a number a slot of `step_ms` from `from_ms` on. Latencies in milliseconds, off by 1 % at most; `availability`: the
    share of requests that were answered. Where `complete` is false, only what came since `since_ms` is counted yet.
    """

    from_ms: int
    step_ms: int
    since_ms: int
    complete: bool
    requests: list[int]
    failed: list[int]
    availability: list[float | None]
    p50: list[float | None]
    p95: list[float | None]
    p99: list[float | None]
    all: ServiceFelt


class MonitorsPage(Shown):
    """`applied`: whether there is a regie.yaml. `first_ms`: the oldest moment that there is something of."""

    workspace: str
    applied: bool
    now_ms: int
    model: str
    endpoint: str
    environment: str
    champion: int | None
    from_ms: int
    to_ms: int
    first_ms: int | None
    answer: MovedShown | None
    monitors: list[MonitorShown]
    reigns: list[MonitorReign]
    marks: list[TimeMark]
    breaches: list[MonitorBreach]
    service: ServiceSlots | None
    command: str


class DistributionBin(Shown):
    """A bin of the reference and the share of rows in it: of the reference, its least and most by block, and of the window; `outside`:
    no block of the reference had so few or so many.
    """

    sort: Literal["number", "value", "rest", "null"]
    low: float | None
    high: float | None
    value: str
    reference: float
    least: float
    most: float
    window: float
    outside: bool


class DistributionPage(Shown):
    """One feature of one window beside its reference. `value`: its drift there, None where it was not kept."""

    monitor: str
    feature: str
    version: int
    from_ms: int
    to_ms: int
    value: float | None
    bound: float
    rows: int
    reference_rows: int
    blocks: int
    bins: list[DistributionBin]


@router.get("/api/v1/pages/monitors", response_model=MonitorsPage)
def page(caller: Caller, request: Request, from_ms: Moment | None = None, to_ms: Moment | None = None) -> MonitorsPage:
    """Of the windows that end in a stretch of business time: the newest 90 days where none is asked for."""
    here = scene(caller.store, request.app.state.predictions, caller.workspace)
    with caller.read("monitor.read", caller.workspace) as db:
        if here is None:
            return _empty(caller, business_now(db, caller.workspace))
        now_ms = here.now_ms()
        first, last = _stretch(now_ms, from_ms, to_ms)
        at = watched.watching(here, db, first, last)
        found = [_monitor(one) for one in watched.monitors(at)]
        champion = here.champion(db)
        made = MonitorsPage(
            workspace=caller.workspace, applied=True, now_ms=now_ms, model=here.model,
            endpoint=here.serves.endpoint if here.serves else "", environment=here.environment,
            champion=champion.version if champion else None, from_ms=first, to_ms=last, first_ms=_first(at, found),
            answer=_answer(watched.moving(at)), monitors=found,
            reigns=[MonitorReign(version=one.version, from_ms=one.from_ms, to_ms=one.to_ms) for one in at.champions
                    if one.from_ms <= last and (one.to_ms is None or one.to_ms >= first)],
            marks=[_mark(one) for one in watched.marks(at)], breaches=[_breach(one) for one in watched.breaches(at)],
            service=None, command="regie monitor list",
        )  # fmt: skip
    return made.model_copy(update={"service": _service(here, first, min(last, now_ms))})


@router.get("/api/v1/pages/monitors/distribution", response_model=DistributionPage)
def distribution(caller: Caller, request: Request, monitor: str, feature: str, window: Count) -> DistributionPage:
    """A feature before and after: the reference of the version that served the window which ends at `window`, and the window."""
    here = scene(caller.store, request.app.state.predictions, caller.workspace)
    with caller.read("monitor.read", monitor) as db:
        seen = queries.windows_of(db, caller.workspace, monitor, window - 1, window, 1) if here else []
        if here is None or not seen or seen[0]["kind"] != "drift":
            raise NotFound(
                f"{monitor} has no window that ends there", caller.workspace, f"regie monitor show {shlex.quote(monitor)}"
            )
        return _distribution(here, db, seen[0], feature)


def _distribution(here: Scene, db: Connection, window: Mapping[str, Any], feature: str) -> DistributionPage:
    from regie.loop import distribution  # numpy and pyarrow come with it: 50 MB that a server at rest does not hold

    found = distribution.distribution(here, db, dict(window), feature)
    kept = dict(window["detail"].get("top", []))
    return DistributionPage(
        monitor=window["monitor"], feature=feature, version=window["version"], from_ms=window["from_ms"], to_ms=window["to_ms"],
        value=kept.get(feature), bound=STRANGE, rows=found.rows, reference_rows=found.reference_rows, blocks=found.blocks,
        bins=[DistributionBin.model_validate(asdict(one) | {"outside": one.outside}) for one in found.bins],
    )  # fmt: skip


def _stretch(now_ms: int, from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    """The stretch that is shown. Raises BadInput."""
    last = -(-now_ms // DAY_MS) * DAY_MS if to_ms is None else to_ms
    first = max(0, last - RANGE_DAYS * DAY_MS) if from_ms is None else from_ms
    if not 0 < last - first <= LONGEST_MS:
        raise BadInput(
            "the stretch of time ends before it begins, or lasts more than 20 years", "from_ms, to_ms", "ask for another"
        )
    return first, last


def _empty(caller: CallerOf, now_ms: int) -> MonitorsPage:
    return MonitorsPage(
        workspace=caller.workspace, applied=False, now_ms=now_ms, model="", endpoint="", environment="", champion=None, from_ms=0,
        to_ms=now_ms, first_ms=None, answer=None, monitors=[], reigns=[], marks=[], breaches=[], service=None,
        command="regie apply",
    )  # fmt: skip


def _first(at: Watching, found: Sequence[MonitorShown]) -> int | None:
    firsts = [queries.first_window(at.db, at.scene.workspace, one.name) for one in found]
    known = [*(ms for ms in firsts if ms is not None), *(one.from_ms for one in at.champions[:1])]
    return min(known, default=None)


def _answer(found: Moving) -> MovedShown:
    return MovedShown(
        moved=found.moved, because=found.because, since_ms=found.since_ms, quality=found.quality, drift=found.drift,
        doing=[MovedDoing(**asdict(one)) for one in found.doing],
    )  # fmt: skip


def _monitor(found: Watched) -> MonitorShown:
    drift = found.kind == "drift"
    return MonitorShown(
        name=found.monitor, kind=found.kind, over_ms=found.over_ms, step_ms=found.step_ms, from_ms=found.from_ms,
        better=found.better, number=found.number, windows=[_window(one) for one in found.windows],
        gaps=[WindowGap(**asdict(one)) for one in found.gaps], bound=STRANGE if drift else None, needed=found.needed, of=found.of,
        features=[StripRow.model_validate(asdict(one)) for one in found.rows],
        command=f"regie monitor show {shlex.quote(found.monitor)} --limit {max(1, len(found.windows))}",
    )  # fmt: skip


def _window(row: Mapping[str, Any]) -> SignalWindow:
    names = ("from_ms", "to_ms", "version", "value", "low", "high", "bound", "rows", "coverage", "verdict", "because")
    detail = row.get("detail")
    said = detail if isinstance(detail, dict) else {}
    return SignalWindow(**{name: row[name] for name in names}, alarm=bool(said.get("alarm")), p_value=said.get("p_value"))


def _mark(event: Event) -> TimeMark:
    version = event.data.get("version")
    shares = [
        RouteShare(**{name: one[name] for name in ("version", "role", "mode", "share")}) for one in event.data.get("variants", [])
    ]
    return TimeMark(
        time_ms=event.time_ms, type=event.type, subject=event.subject, event=event.id,
        version=version if isinstance(version, int) else None, because=str(event.data.get("because", "")), shares=shares,
    )  # fmt: skip


def _breach(found: Broken) -> MonitorBreach:
    row = found.row
    started = [BreachStarted(**(asdict(one) | {"versions": list(one.versions)})) for one in found.started]
    return MonitorBreach(
        id=row.id, event=found.event, monitor=row.monitor, kind=row.kind, version=row.version, state=row.state,
        opened_ms=row.opened_ms, closed_ms=row.closed_ms, window=_window(found.window._mapping) if found.window else None,
        ended=found.ended, started=started,
    )  # fmt: skip


def _service(here: Scene, from_ms: int, to_ms: int) -> ServiceSlots | None:
    """The traffic of the stretch, counted once for all who look at it in the same moment."""
    if here.serves is None or to_ms <= from_ms:
        return None
    step_ms = next((step for step in STEPS_MS if (to_ms - from_ms) / step <= SLOTS), STEPS_MS[-1])
    key = (str(here.predictions), here.workspace, here.serves.endpoint, from_ms, to_ms, step_ms)
    found = _traffic.of(key, lambda: _counted(here, from_ms, to_ms, step_ms))
    slots = zip(found.felt_requests, found.felt_failed, strict=True)
    felt = {name: getattr(found.felt, name) for name in ("requests", "failed", "p50", "p95", "p99")}
    return ServiceSlots(
        from_ms=found.from_ms, step_ms=found.step_ms, since_ms=found.since_ms, complete=found.complete, requests=found.felt_requests,
        failed=found.felt_failed, availability=[_answered(*one) for one in slots], p50=found.felt_p50, p95=found.felt_p95,
        p99=found.felt_p99, all=ServiceFelt(**felt, availability=_answered(found.felt.requests, found.felt.failed)),
    )  # fmt: skip


def _counted(here: Scene, from_ms: int, to_ms: int, step_ms: int) -> TrafficShown:
    from regie.predictions import traffic  # numpy and pyarrow come with it: 50 MB that a server at rest does not hold

    assert here.serves is not None
    found = traffic.count(here.predictions, here.workspace, here.serves.endpoint, from_ms, to_ms, step_ms)
    return traffic_shown(found, from_ms, to_ms)


def _answered(requests: int, failed: int) -> float | None:
    return 1 - failed / requests if requests else None
