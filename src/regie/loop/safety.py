"""Is it safe to go on? One rollout with all that answers it: where it stands and why, its stages, its guards, its traffic, its cost.

Of one that ended it is the same report, as of its end. Times are business-clock milliseconds. What is read of the log is bounded: traffic
is counted a file once (predictions/traffic), the rest is told only of rollouts of at most `MOST_REQUESTS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from sqlalchemy import Connection

from regie.base.clock import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS
from regie.loop import comparison, guards, release
from regie.loop.comparison import Watched
from regie.loop.guards import Damage
from regie.loop.outlook import Outlook, outlook
from regie.loop.readings import Reading, readings
from regie.loop.scene import Scene
from regie.loop.truth import known_after_ms, task_of
from regie.predictions import lake, traffic
from regie.predictions.agreement import COLUMNS, Agreement, Kind, Side, agreement
from regie.predictions.traffic import Traffic
from regie.rollout.types import Observed, Rollout, Stage
from regie.store import events
from regie.store.events import Event

MOST_REQUESTS = 300_000
MOST_PAIRS = 50_000  # rows of which agreement is told, the newest
MOST_EVENTS = 200
SLOTS = 96
STEPS_MS = (
    MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, WEEK_MS, 4 * WEEK_MS,
)  # fmt: skip
ENDS = ("rollout.aborted", "rollout.superseded", "rollout.finished")
STEPS = ("rollout.started", "rollout.stage_entered", *ENDS)
TOLD = ("rollout.waiting", "rollout.paused", "rollout.resumed", *STEPS)


@dataclass(frozen=True)
class Passage:
    """One stage as it went: when it was entered and left, by which rule, under which generation of the route. None: not yet."""

    number: int
    stage: Stage
    entered_ms: int | None = None
    left_ms: int | None = None
    because: str = ""
    generation: int | None = None


@dataclass(frozen=True)
class Alike:
    """How the version's answers agreed with the incumbent's in one stage; `whole`: of all of the stage, or of its newest rows."""

    stage: str
    agreement: Agreement
    whole: bool


@dataclass(frozen=True)
class Safety:
    """`seen`: what the rule saw of one that runs. `unread`: why the log was not read for guards, agreement and damage, empty where it
    was. `until_ms`: as of when all this is."""

    outlook: Outlook
    passages: tuple[Passage, ...]
    told: tuple[Event, ...]
    until_ms: int
    seen: Observed | None = None
    traffic: Traffic | None = None
    unread: str = ""
    readings: tuple[Reading, ...] = ()
    watched: Watched | None = None
    alike: tuple[Alike, ...] = ()
    damage: Damage | None = None


def safety(scene: Scene | None, db: Connection, rollout: Rollout, now_ms: int) -> Safety:
    """All of it. `scene`: None where no `regie.yaml` is applied any more."""
    told = story(db, rollout)
    found = Safety(_unlooked(rollout), passages_of(db, rollout), told, rollout.ended_ms or now_ms)
    if scene is None or scene.serves is None or scene.serves.endpoint != rollout.endpoint:
        return replace(found, unread="promise.changed")
    then = replace(scene, at_ms=found.until_ms) if rollout.ended_ms is not None else scene
    traffic_seen = _traffic(then, rollout, found)
    if traffic_seen is None:
        return _decided(then, db, rollout, replace(found, unread="rollout.no_traffic"))
    found = replace(found, traffic=traffic_seen)
    if not traffic_seen.complete:
        return replace(found, unread="log.counting")
    if sum(flow.requests for flow in traffic_seen.flows) > MOST_REQUESTS:
        return replace(found, unread="log.too_long")
    watched = comparison.watch(then, db, rollout) if rollout.current.kind == "watch" else None
    found = replace(
        found, readings=readings(then, db, rollout), watched=watched, alike=_alike(then, rollout, found),
        damage=guards.damage(then, db, rollout),
    )  # fmt: skip
    return _decided(then, db, rollout, found)


def step_of(span_ms: int, slots: int = SLOTS) -> int:
    """The shortest usual step that cuts a stretch into at most so many slots."""
    return next((step for step in STEPS_MS if span_ms <= step * slots), STEPS_MS[-1])


def story(db: Connection, rollout: Rollout) -> tuple[Event, ...]:
    """What happened to it, in order; of very many events the newest."""
    return tuple(reversed(events.latest(db, rollout.workspace, TOLD, rollout.id, MOST_EVENTS)))


def passages_of(db: Connection, rollout: Rollout) -> tuple[Passage, ...]:
    """The stages, as far as it went, and those ahead."""
    went = events.latest(db, rollout.workspace, STEPS, rollout.id, MOST_EVENTS)[::-1]  # fewer, however often it was paused
    begun = [event for event in went if event.type not in ENDS]
    generations = _generations(db, rollout, begun)
    made = []
    for number, stage in enumerate(rollout.spec.stages):
        if number >= len(begun) or number > rollout.stage:
            made.append(Passage(number, stage))
            continue
        left = went[number + 1] if number + 1 < len(went) else None
        because = str(left.data.get("because", "")) if left else ""
        made.append(
            Passage(number, stage, begun[number].time_ms, left.time_ms if left else None, because, generations.get(number))
        )
    return tuple(made)


def _generations(db: Connection, rollout: Rollout, begun: Sequence[Event]) -> dict[int, int]:
    """Which generation of the route each stage had: the one wanted with its beginning, else that of the stage before."""
    if not begun:
        return {}
    changed = events.after(db, begun[0].seq, MOST_EVENTS, rollout.workspace, ["route.changed"])
    found: dict[int, int] = {}
    for number, event in enumerate(begun):
        until = begun[number + 1].seq if number + 1 < len(begun) else None
        # Of the change that began the stage: what came later, such as the end, is another one's.
        own = [
            one for one in changed
            if one.subject == rollout.endpoint and event.seq < one.seq and (until is None or one.seq < until) and one.wall_ms == event.wall_ms
        ]  # fmt: skip
        if own:
            found[number] = int(own[0].data["generation"])
        elif number - 1 in found:
            found[number] = found[number - 1]
    return found


def _traffic(scene: Scene, rollout: Rollout, found: Safety) -> Traffic | None:
    """The requests under the rollout's own generations; None where it never began, or no time passed."""
    own = {one.generation for one in found.passages if one.generation is not None}
    if rollout.started_ms is None or found.until_ms <= rollout.started_ms or not own:
        return None
    step = step_of(found.until_ms - rollout.started_ms)
    counted = traffic.count(scene.predictions, scene.workspace, rollout.endpoint, rollout.started_ms, found.until_ms + 1, step)
    return replace(counted, flows=tuple(flow for flow in counted.flows if flow.generation in own))


def _decided(scene: Scene, db: Connection, rollout: Rollout, found: Safety) -> Safety:
    """With the rule that decides now, where it runs."""
    if rollout.state != "running":
        return found
    unsaid = any(one.silent for one in found.readings) or (found.watched is not None and found.watched.verdict == "")
    seen = release.observe(scene, db, rollout)
    return replace(found, seen=seen, outlook=outlook(rollout, seen, unsaid, known_after_ms(scene), scene.now_ms()))


def _unlooked(rollout: Rollout) -> Outlook:
    """Where the log says nothing (yet)."""
    if rollout.state == "waiting":
        return Outlook("waiting", "unknown", rollout.spec.stages[0].kind)
    return Outlook("", "unknown") if rollout.state == "running" else Outlook(rollout.because, "over")


def _alike(scene: Scene, rollout: Rollout, found: Safety) -> tuple[Alike, ...]:
    """In each stage in which one of the two listened to the other."""
    if rollout.incumbent is None:
        return ()
    return tuple(
        one for passage in found.passages if passage.entered_ms is not None and passage.stage.kind != "full"
        if (one := _alike_in(scene, rollout, rollout.incumbent, passage, passage.entered_ms, found.until_ms)).agreement.rows
    )  # fmt: skip


def _alike_in(scene: Scene, rollout: Rollout, incumbent: int, passage: Passage, entered_ms: int, now_ms: int) -> Alike:
    until = (now_ms if passage.left_ms is None else passage.left_ms) + 1
    rows, whole = lake.newest(
        scene.predictions, scene.workspace, rollout.endpoint, entered_ms, until, COLUMNS, MOST_PAIRS
    )  # fmt: skip
    listens = passage.stage.kind == "shadow"
    mine: Side = (rollout.version, "shadow" if listens else "live")
    theirs: Side = (incumbent, "live" if listens else "shadow")
    task = task_of(scene)
    found = agreement(rows, mine, theirs, cast(Kind, task.kind), task.threshold)
    return Alike(passage.stage.kind, found, whole)
