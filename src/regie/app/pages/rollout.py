"""One rollout: is it safe to go on? The rule that decides now, its stages, guards, traffic, and cost; of one that ended, the whole report.

Times are business milliseconds of the workspace's clock. What is read of the log is read once for all who ask in the same moment.
"""

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from sqlalchemy import Connection

from regie.app.caller import Caller, CallerOf
from regie.app.pages import traffic
from regie.app.pages.acts import Act, Value, Why, act
from regie.app.pages.recent import Recent
from regie.app.pages.rollout_shapes import (
    AgreementShown,
    DamageShown,
    GuardShown,
    GuardWindows,
    Place,
    RolloutPage,
    RolloutTold,
    RolloutVerdict,
    StageShown,
    WatchShown,
)
from regie.loop.scene import Scene, scene
from regie.rollout import queries
from regie.rollout.types import Rollout
from regie.store import events
from regie.store.change import business_now
from regie.store.events import Event
from regie.store.nodes import NO_NODE

if TYPE_CHECKING:
    from regie.loop.readings import Reading
    from regie.loop.safety import Alike, Passage, Safety
    from regie.predictions.traffic import Traffic

router = APIRouter()
_RECENT: "Recent[Safety]" = Recent()


@router.get("/api/v1/pages/rollouts/{rollout_id}")
def one(rollout_id: str, caller: Caller, request: Request) -> RolloutPage:
    """One rollout of the workspace."""
    with caller.read("rollout.read", rollout_id) as db:
        found = queries.rollout(db, rollout_id, caller.workspace)
        now_ms = business_now(db, caller.workspace)
        here = scene(caller.store, request.app.state.predictions, caller.workspace)
        seen = _RECENT.of((str(request.app.state.predictions), found, _asked_of(here)), lambda: _look(here, db, found, now_ms))
        return _page(caller, db, found, here, seen, now_ms)


def _asked_of(here: Scene | None) -> tuple[str, int] | None:
    return (here.spec.digest, here.now_ms() if here.clock == "driven" else 0) if here else None


def _look(here: Scene | None, db: Connection, rollout: Rollout, now_ms: int) -> "Safety":
    from regie.loop import safety  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

    return safety.safety(here, db, rollout, now_ms)


def _page(
    caller: CallerOf, db: Connection, found: Rollout, here: Scene | None, seen: "Safety", now_ms: int
) -> RolloutPage:  # fmt: skip
    names = (
        "id", "workspace", "endpoint", "environment", "model", "version", "incumbent", "state", "paused", "created_ms", "started_ms",
        "ended_ms",
    )  # fmt: skip
    told = [_told(db, event) for event in seen.told]
    return RolloutPage(
        **{name: getattr(found, name) for name in names}, clock=here.clock if here else "wall", now_ms=now_ms,
        until_ms=seen.until_ms, verdict=_verdict(db, found, seen, told),
        stages=[_stage(found, passage, seen.traffic) for passage in seen.passages], unread=seen.unread,
        traffic=traffic.shown(seen.traffic, found.started_ms or found.created_ms, seen.until_ms + 1) if seen.traffic else None,
        windows=_windows() if seen.readings else None, guards=[_guard(reading) for reading in seen.readings],
        watch=_watch(here, seen), agreement=[_agreement(each) for each in seen.alike],
        damage=DamageShown(**vars(seen.damage)) if seen.damage else None, events=told, acts=_acts(caller, found),
    )  # fmt: skip


def _verdict(db: Connection, found: Rollout, seen: "Safety", told: list[RolloutTold]) -> RolloutVerdict:
    outlook = seen.outlook
    return RolloutVerdict(
        because=outlook.because, safe=outlook.safe, values=_values(db, found, seen, told), next=outlook.next,
        earliest_ms=outlook.earliest_ms, latest_ms=outlook.latest_ms,
    )  # fmt: skip


def _values(db: Connection, found: Rollout, seen: "Safety", told: list[RolloutTold]) -> dict[str, Value]:
    """What the sentence of the rule speaks of."""
    silent = sum(1 for one in seen.readings if one.silent)
    values: dict[str, Value] = {
        "stage": found.current.kind, "missing": seen.outlook.missing, "silent": silent, "version": found.version,
    }  # fmt: skip
    observed, last = seen.seen, told[-1] if told else None
    if observed is not None:
        late = [one for one in observed.nodes_behind if one != NO_NODE]
        values |= {"nodes": ", ".join(late), "broken": ", ".join(observed.broken), "failed": observed.failed}
    if found.state == "waiting":
        occupant = queries.running(db, found.workspace, found.endpoint)
        values |= {"occupant": occupant.id if occupant else "", "occupant_version": occupant.version if occupant else None}
    deed = next((one for one in reversed(told) if one.type == "rollout.paused"), None) if found.paused else last
    if deed is not None:
        values |= {"by": deed.by, "reason": deed.reason, "since_ms": deed.time_ms}
    ended = next((event for event in reversed(seen.told) if event.type == "rollout.aborted"), None)
    if ended is not None and "guard" in ended.data:
        values |= {"broken": str(ended.data["guard"]), "figure": ended.data.get("value")}
    return values


def _stage(found: Rollout, passage: "Passage", counted: "Traffic | None") -> StageShown:
    stage = passage.stage
    begun = passage.entered_ms is not None
    now = begun and passage.left_ms is None and found.state == "running"
    place: Place = "now" if now else "done" if begun else "ahead" if found.state in ("running", "waiting") else "never"
    return StageShown(
        number=passage.number, kind=stage.kind, place=place, share=stage.share if stage.kind == "canary" else None,
        for_ms=stage.for_ms, max_ms=stage.max_ms, min_requests=stage.min_requests,
        requests=_requests(found, passage, counted) if begun else None, entered_ms=passage.entered_ms, left_ms=passage.left_ms,
        because=passage.because,
    )  # fmt: skip


def _requests(found: Rollout, passage: "Passage", counted: "Traffic | None") -> int | None:
    """Of the version under the stage's generation, as a shadow where it only listened."""
    if counted is None or not counted.complete or passage.generation is None:
        return None
    kinds = ("shadow",) if passage.stage.kind == "shadow" else ("live", "instead")
    own = [flow for flow in counted.flows if flow.generation == passage.generation and flow.version == found.version]
    return sum(flow.requests for flow in own if flow.kind in kinds)


def _windows() -> GuardWindows:
    from regie.loop.guards import BROKEN, OF, WINDOW_REQUESTS  # loaded by now

    return GuardWindows(needed=BROKEN, of=OF, requests=WINDOW_REQUESTS)


def _guard(reading: "Reading") -> GuardShown:
    return GuardShown(**{name: getattr(reading, name) for name in GuardShown.model_fields if name not in ("windows", "breaks")},
                 windows=list(reading.windows), breaks=list(reading.breaks))  # fmt: skip


def _watch(here: Scene | None, seen: "Safety") -> WatchShown | None:
    watched = seen.watched
    if watched is None or here is None or here.spec.model is None:
        return None
    from regie.loop.comparison import margin_of  # loaded by now

    gate, difference = margin_of(here), watched.difference
    low_high = (difference.low, difference.high) if difference else (None, None)
    unsaid = "compared.too_few_days" if difference and difference.low is None else watched.unsaid.code if watched.unsaid else ""
    value = difference.value if difference and difference.value == difference.value else None
    return WatchShown(
        metric=gate.subject if gate else "", verdict=watched.verdict, unsaid=unsaid, value=value, low=low_high[0], high=low_high[1],
        margin=watched.margin, rows=difference.rows if difference else 0, days=difference.blocks if difference else 0,
    )  # fmt: skip


def _agreement(one: "Alike") -> AgreementShown:
    found = one.agreement
    return AgreementShown(
        stage=one.stage, rows=found.rows, answered=found.answered, same=found.same, edges=list(found.edges),
        counts=list(found.counts), p5=found.p5, p50=found.p50, p95=found.p95, whole=one.whole,
    )  # fmt: skip


def _told(db: Connection, event: Event) -> RolloutTold:
    data: dict[str, Any] = event.data
    cause = events.by_id(db, event.causationid) if event.type == "rollout.aborted" and "by" not in data else None
    if cause is not None and cause.type == "model.rolled_back":
        data = data | {name: cause.data.get(name, "") for name in ("by", "reason")}  # ended by a rollback
    return RolloutTold(
        id=event.id, type=event.type, time_ms=event.time_ms, wall_ms=event.wall_ms, because=str(data.get("because", "")),
        stage=str(data.get("stage", "")), by=str(data.get("by") or ""), reason=str(data.get("reason") or ""),
    )  # fmt: skip


def _acts(caller: CallerOf, found: Rollout) -> list[Act]:
    """What a person may do to it. It goes on by itself, or not at all: nobody can start or skip a stage."""
    ended = Why(code="rollout.ended", values={"state": found.state, "ended_ms": found.ended_ms}) if found.ended_ms else None
    waits = Why(code="rollout.waits") if found.state == "waiting" else None
    paused, going = Why(code="rollout.paused_already"), Why(code="rollout.not_paused")
    unless = {
        "pause": ended or waits or (paused if found.paused else None),
        "resume": ended or waits or (None if found.paused else going),
        "abort": ended,
    }
    return [
        act(
            caller, f"rollout.{verb}", found.id, f"/api/v1/rollouts/{found.id}/{verb}",
            f"regie rollout {verb} {found.id} --reason '...'", unless=why,
        )
        for verb, why in unless.items()
    ]  # fmt: skip
