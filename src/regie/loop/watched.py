"""What a person sees of the monitors: each one's windows in a stretch of time, why some are missing, the breaches and what they started.

Nothing of the prediction log is read here but the names of its days. Times are business milliseconds, the end of a stretch included:
a window belongs to the moment at which it ends.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from regie.base.clock import DAY_MS, day
from regie.loop import moved
from regie.loop.moved import Moved, Seen, Side
from regie.loop.reigns import Reign, reigns
from regie.loop.scene import Scene
from regie.loop.tables import reactions
from regie.monitoring import queries, strip
from regie.monitoring.changes import ENDED
from regie.monitoring.strip import Gap, Missing
from regie.monitoring.types import STRANGE, Kind
from regie.pipelines.tables import pipeline_runs
from regie.registry import queries as registry
from regie.spec.document import DriftSpec, Reaction
from regie.spec.expressions import METRICS, Expression
from regie.store import events, search
from regie.store.change import caused
from regie.store.events import Event
from regie.store.search import SoughtEvents, Stretch

MOST_WINDOWS = 400  # of a monitor
MOST_BREACHES = 50
MOST_MARKS = 500
TRIGGERS: dict[Kind, str] = {"quality": "quality.breached", "drift": "drift.detected"}
MARKS = (
    "champion.crowned", "champion.vacated", "model.rolled_back", "route.changed", "rollout.aborted", "quality.breached",
    "quality.restored", "drift.detected", "drift.ended",
)  # fmt: skip


@dataclass(frozen=True)
class Watching:
    """One workspace in a stretch of time. `champions`: whose turn it was when."""

    scene: Scene
    db: Connection
    from_ms: int
    to_ms: int
    champions: tuple[Reign, ...]
    watermark_ms: int

    @property
    def known_after_ms(self) -> int:
        labelled = self.scene.spec.labelled
        return labelled.label.known_after_ms if labelled and labelled.label else 0


@dataclass(frozen=True)
class Watched:
    """One monitor: what it promises, its windows, the oldest first, and those that are missing. `from_ms`: before it nothing is shown,
    since there are more than `MOST_WINDOWS`.
    """

    monitor: str
    kind: Kind
    over_ms: int
    step_ms: int
    from_ms: int
    windows: tuple[dict[str, Any], ...]
    gaps: tuple[Gap, ...]
    better: str = ""
    number: str = ""  # what the value is: fraction or number
    needed: int = 0
    of: int = 0
    rows: tuple[strip.Row, ...] = ()


@dataclass(frozen=True)
class Started:
    """What a breach started: a reaction, its run, and the versions that were registered from it."""

    reaction: str
    pipeline: str
    run: str
    run_state: str
    fired_ms: int
    versions: tuple[int, ...]


@dataclass(frozen=True)
class Broken:
    """One breach. `window`: the signal that opened it. `ended`: by which rule it was closed, empty while it is open."""

    row: Any
    event: str
    window: Any | None
    ended: str
    started: tuple[Started, ...]


@dataclass(frozen=True)
class Doing:
    """What the loop does about an open breach of one kind, by a rule of `loop/moved`. `waits`: the rule of the reaction."""

    kind: Kind
    rule: str
    since_ms: int
    reaction: str = ""
    run: str = ""
    run_state: str = ""
    waits: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Moving:
    """Did the world change, or the model? `since_ms`: the oldest open breach; without one, the end of the last or the crown."""

    moved: Moved
    because: str
    since_ms: int | None
    quality: Side
    drift: Side
    doing: tuple[Doing, ...] = field(default=())


def watching(scene: Scene, db: Connection, from_ms: int, to_ms: int) -> Watching:
    """The workspace in a stretch of time."""
    endpoint = scene.serves.endpoint if scene.serves else ""
    held = tuple(one for one in reigns(db, scene.workspace, scene.model) if one.endpoint == endpoint)
    return Watching(scene, db, from_ms, to_ms, held, min(scene.watermark(db), scene.now_ms()) if scene.serves else 0)


def monitors(at: Watching) -> list[Watched]:
    """Every monitor that the file promises, quality first."""
    days = _asked_days(at.scene)
    promised = at.scene.spec.monitor
    return [*(_quality(at, one, days) for one in promised.quality), *(_drift(at, one, days) for one in promised.drift)]


def _quality(at: Watching, promise: Expression, days: frozenset[str]) -> Watched:
    over_ms, ripe_ms = promise.over_ms or DAY_MS, at.watermark_ms - at.known_after_ms
    from_ms, windows = _windows(at, promise.text, DAY_MS)
    lacks = _missing(at, promise.text, over_ms, DAY_MS, from_ms, windows, ripe_ms, days, labels=True)
    metric = METRICS[promise.metric]
    return Watched(
        promise.text, "quality", over_ms, DAY_MS, from_ms, tuple(windows), tuple(strip.gaps(list(lacks), DAY_MS)),
        "lower" if promise.part == "gap" else metric.better, metric.kind,
    )  # fmt: skip


def _drift(at: Watching, promised: DriftSpec, days: frozenset[str]) -> Watched:
    step_ms = promised.over_ms
    from_ms, windows = _windows(at, promised.key, step_ms)
    lacks = _missing(at, promised.key, step_ms, step_ms, from_ms, windows, at.watermark_ms, days, labels=False)
    return Watched(
        promised.key, "drift", step_ms, step_ms, from_ms, tuple(windows), tuple(strip.gaps(list(lacks), step_ms)), "lower", "number",
        promised.breach.broken, promised.breach.of, tuple(strip.rows([one["detail"].get("top", []) for one in windows], STRANGE)),
    )  # fmt: skip


def _windows(at: Watching, monitor: str, step_ms: int) -> tuple[int, list[dict[str, Any]]]:
    from_ms = max(at.from_ms, at.to_ms - MOST_WINDOWS * step_ms)
    return from_ms, queries.windows_of(at.db, at.scene.workspace, monitor, from_ms, at.to_ms, MOST_WINDOWS)


def _missing(
    at: Watching, monitor: str, over_ms: int, step_ms: int, from_ms: int, windows: Sequence[dict[str, Any]], ripe_ms: int,
    days: frozenset[str], labels: bool,
) -> Iterator[Missing]:  # fmt: skip
    """The windows that should end in the stretch, up to now, and have no signal."""
    there = {one["to_ms"] for one in windows}
    first_ms = queries.first_window(at.db, at.scene.workspace, monitor)
    last = min(at.to_ms, at.scene.now_ms())
    for to_ms in range((from_ms // step_ms + 1) * step_ms, last + 1, step_ms):
        if to_ms not in there:
            reign = next((one for one in reversed(at.champions) if one.from_ms <= to_ms), None)
            asked = any(day(ms) in days for ms in range(to_ms - over_ms, to_ms, DAY_MS)) or day(to_ms - 1) in days
            since, needs = reign.from_ms if reign else None, to_ms - (1 if labels else over_ms)
            yield Missing(to_ms, needs, since, ripe_ms, first_ms, asked, labels)


def _asked_days(scene: Scene) -> frozenset[str]:
    """The days that have rows in the prediction log."""
    from regie.predictions import lake  # pyarrow comes with it, which a server at rest does not hold

    return frozenset(lake.days(scene.predictions, scene.workspace, scene.serves.endpoint)) if scene.serves else frozenset()


def marks(at: Watching) -> list[Event]:
    """Deployments, drift and breaches, the oldest first; of more than `MOST_MARKS` the newest."""
    within = Stretch(from_ms=at.from_ms, to_ms=at.to_ms + 1)
    return search.find_events(at.db, at.scene.workspace, SoughtEvents(MARKS, within=within), MOST_MARKS)[::-1]


def breaches(at: Watching) -> list[Broken]:
    """The breaches that were open at some time of the stretch, the newest first."""
    found = queries.breaches_within(at.db, at.scene.workspace, at.from_ms, at.to_ms + 1, MOST_BREACHES)
    windows = queries.signals_by_id(at.db, [one.signal for one in found])
    started = _started(at, [one.id for one in found])
    return [
        Broken(one, caused(one).causationid, windows.get(one.signal), _ended(at.db, one), tuple(started.get(one.id, ())))
        for one in found
    ]


def _ended(db: Connection, breach: Any) -> str:
    if breach.state == "open":
        return ""
    ends = [one for one in events.effects(db, caused(breach).causationid) if one.type == ENDED.get(breach.kind)]
    return str(ends[-1].data.get("because", "")) if ends else ""


def _started(at: Watching, identities: Sequence[str]) -> dict[str, list[Started]]:
    query = (
        select(reactions, pipeline_runs.c.state)
        .join(pipeline_runs, pipeline_runs.c.run_id == reactions.c.run_id, isouter=True)
        .where(reactions.c.workspace == at.scene.workspace, reactions.c.breach.in_(identities))
        .order_by(reactions.c.id)
    )
    found = at.db.execute(query).all() if identities else []
    made: dict[str, list[Started]] = {}
    versions = registry.come_from(at.db, at.scene.workspace, [one.run_id for one in found]) if found else []
    for one in found:
        numbers = tuple(each.version for each in versions if each.run_id == one.run_id)
        state = one.state or ""
        made.setdefault(one.breach, []).append(Started(one.reaction, one.pipeline, one.run_id, state, one.fired_ms, numbers))
    return made


def moving(at: Watching) -> Moving:
    """What moved as of now, whatever stretch is looked at, and what the loop does about it."""
    scene, db = at.scene, at.db
    champion = scene.champion(db)
    open_now = queries.breaches_of(db, scene.workspace, state="open")
    promised = scene.spec.monitor
    names: dict[Kind, list[str]] = {
        "quality": [one.text for one in promised.quality],
        "drift": [one.key for one in promised.drift],
    }
    sides: dict[Kind, Side] = {}
    for kind, monitors in names.items():
        version = champion.version if champion else 0
        newest = [queries.signals_of(db, scene.workspace, name, version, 1) for name in monitors]
        broken = any(one.kind == kind for one in open_now)
        sides[kind] = moved.side(bool(monitors), broken, [one[0]["verdict"] for one in newest if one])
    what, because = moved.moved(Seen(champion is not None, sides["quality"], sides["drift"]))
    calm = max(
        (ms for ms in (queries.last_closed(db, scene.workspace), champion.since_ms if champion else None) if ms), default=None
    )
    since = min((one.opened_ms for one in open_now), default=calm)
    return Moving(what, because, since, sides["quality"], sides["drift"], tuple(_doing(at, open_now)))


def _doing(at: Watching, open_now: Sequence[Any]) -> Iterator[Doing]:
    kinds: tuple[Kind, ...] = ("quality", "drift")
    for kind in kinds:
        mine = sorted((one for one in open_now if one.kind == kind), key=lambda one: one.opened_ms)
        if not mine:
            continue
        reaction = next((one for one in at.scene.spec.react if one.event == TRIGGERS[kind]), None)
        started = [one for each in _started(at, [one.id for one in mine]).values() for one in each]
        last = max(started, key=lambda one: one.fired_ms, default=None)
        waits, detail = _waits(at, reaction) if reaction else ("", "")
        run, state = (last.run, last.run_state) if last else ("", "")
        rule = moved.doing(moved.Answer(reaction is not None, run, state, waits))
        yield Doing(kind, rule, mine[0].opened_ms, reaction.trigger if reaction else "", run, state, waits, detail)


def _waits(at: Watching, reaction: Reaction) -> tuple[str, str]:
    """The rule by which a reaction does or does not fire now, and the thing that it waits for."""
    from regie.loop import react  # numpy and pyarrow come with it: 50 MB that a server at rest does not hold

    seen = react.observe(at.scene, at.db, reaction)
    return react.decide(seen).because, seen.in_flight or seen.at_gates or seen.rollout
