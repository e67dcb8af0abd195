"""React: turn a breach, the champion's age or a schedule into one retraining, or say why not.

State drives: a reaction looks for an open breach, an age, a time that has come. It fires at most as often as promised, never
while a retraining, a judgement or a rollout of the same model is under way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, func, insert, select

from regie.base.clock import iso, span
from regie.base.ids import new_id
from regie.gates import queries as gates
from regie.loop import start, train
from regie.loop.scene import Scene
from regie.loop.tables import reactions, schedules
from regie.monitoring import queries as monitoring
from regie.registry import queries as registry
from regie.rollout import queries as rollout
from regie.spec.document import Reaction
from regie.store import events
from regie.store.change import caused, remembered, upsert
from regie.store.tables import workspaces
from regie.store.types import NOBODY_CAUSE, Cause, system

ACTOR = system("react")
BREACH_KIND = {"quality.breached": "quality", "drift.detected": "drift"}


@dataclass(frozen=True)
class Observed:
    """What a reaction sees. `triggered` holds in words what started it, or nothing."""

    triggered: str = ""
    cause: Cause = NOBODY_CAUSE
    breach: str = ""
    in_flight: str = ""
    at_gates: str = ""
    rollout: str = ""
    fired: int = 0
    at_most: int | None = None
    known: str = ""  # why it is not triggered, in words


@dataclass(frozen=True)
class Decision:
    """Fire or not, and by which rule."""

    fire: bool
    because: str


Rule = tuple[str, Callable[[Observed], bool], Literal[True, False]]
RULES: tuple[Rule, ...] = (
    ("nothing.to_react_to",      lambda o: not o.triggered,                                       False),
    ("retraining.in_flight",     lambda o: bool(o.in_flight),                                     False),
    ("challenger.at_the_gates",  lambda o: bool(o.at_gates),                                      False),
    ("rollout.under_way",        lambda o: bool(o.rollout),                                       False),
    ("at_most.reached",          lambda o: o.at_most is not None and o.fired >= o.at_most,        False),
    ("fire",                     lambda o: True,                                                  True),
)  # fmt: skip


def decide(seen: Observed) -> Decision:
    """Whether the reaction fires now, and the rule that says so."""
    return next(Decision(fire, because) for because, holds, fire in RULES if holds(seen))


def turn(scene: Scene) -> bool:
    """Fire the first reaction that may; True if something changed."""
    return any(_set_schedule(scene, one) for one in scene.spec.react if one.schedule) or any(
        _take(scene, one) for one in scene.spec.react
    )


def observe(scene: Scene, db: Connection, reaction: Reaction) -> Observed:
    """What is to be seen for one reaction."""
    now = scene.now_ms()
    triggered, cause, breach, known = _trigger(scene, db, reaction, now)
    endpoint = scene.serves.endpoint if scene.serves else ""
    busy = rollout.running(db, scene.workspace, endpoint) or rollout.waiting(db, scene.workspace, endpoint)
    live = train.live(db, scene)
    return Observed(
        triggered, cause, breach,
        in_flight=live[0]["run_id"] if live else "",
        at_gates=_at_gates(scene, db),
        rollout=f"{busy.model}@{busy.version} in {busy.current.kind}" if busy else "",
        fired=_fired(scene, db, reaction, now), at_most=reaction.at_most.count if reaction.at_most else None, known=known,
    )  # fmt: skip


def _at_gates(scene: Scene, db: Connection) -> str:
    """A challenger on its way from registration to the line for a rollout, whichever turn has to move it next.

    Without the two ends of that way, a reaction would fire between two turns, or not, depending on the machine's speed.
    """
    challengers = [one.version for one in registry.versions(db, scene.workspace, scene.model) if one.role == "challenger"]
    fresh = [one for one in challengers if gates.qualification(db, scene.workspace, scene.model, one) is None]
    judged = [one.version for one in gates.in_state(db, scene.workspace, "waiting", "judging")]
    passed = [  # one that no person approved in time, or that was refused, passed too and competes no longer
        one.version
        for one in gates.in_state(db, scene.workspace, "passed")[-1:]
        if one.version in challengers and not rollout.of_version(db, scene.workspace, one.model, one.version)
    ]
    found = [*fresh, *judged, *passed]
    return f"{scene.model}@{found[0]}" if found else ""


def _trigger(scene: Scene, db: Connection, reaction: Reaction, now: int) -> tuple[str, Cause, str, str]:
    """In words what started it; the event behind it; the breach; and, where nothing did, why not."""
    if reaction.schedule is not None:
        return _due(scene, db, reaction, now)
    if reaction.older_ms is not None:
        return _aged(scene, db, reaction.older_ms, now)
    if reaction.event not in BREACH_KIND:
        return _happened(scene, db, reaction)
    kind = BREACH_KIND[reaction.event]
    open_now = monitoring.breaches_of(db, scene.workspace, kind, "open")
    if open_now:
        return f"{open_now[0].monitor}: {open_now[0].because}", caused(open_now[0]), open_now[0].id, ""
    return "", NOBODY_CAUSE, "", _quiet(scene, db, kind)


def _happened(scene: Scene, db: Connection, reaction: Reaction) -> tuple[str, Cause, str, str]:
    """An event that is no breach: the newest one since the file was applied to which this reaction has not fired."""
    event = next(iter(events.latest(db, scene.workspace, [reaction.event or ""])), None)
    if event is None or event.time_ms < scene.applied_ms:
        return "", NOBODY_CAUSE, "", "it has not happened since regie.yaml was applied"
    same = (reactions.c.workspace == scene.workspace, reactions.c.reaction == reaction.key, reactions.c.breach == event.id)
    if db.execute(select(reactions.c.id).where(*same)).first():
        return "", NOBODY_CAUSE, "", f"it fired for {event.subject} already"
    return f"{event.type} of {event.subject}", event.cause, event.id, ""


def _quiet(scene: Scene, db: Connection, kind: str) -> str:
    newest = [one for one in monitoring.signals_of(db, scene.workspace, limit=20) if one["kind"] == kind]
    if not newest:
        return "no window has closed yet"
    one = newest[0]
    figures = "" if one["value"] is None else f" {one['value']:.4g}"
    ends = "" if one["low"] is None else f" [{one['low']:.4g}, {one['high']:.4g}]"
    bound = "" if one["bound"] is None else f" against {one['bound']:.4g}"
    return f"{one['monitor']} up to {iso(one['to_ms'])[:10]}:{figures}{ends}{bound}: {one['because']}"


def _aged(scene: Scene, db: Connection, older_ms: int, now: int) -> tuple[str, Cause, str, str]:
    champion = scene.champion(db)
    if champion is None:
        return "", NOBODY_CAUSE, "", "there is no champion"
    age = f"the champion is {(now - champion.since_ms) // 86_400_000} days old, at most {span(older_ms)}"
    if now - champion.since_ms > older_ms:
        return age, caused(champion), "", ""
    return "", NOBODY_CAUSE, "", age


def _due(scene: Scene, db: Connection, reaction: Reaction, now: int) -> tuple[str, Cause, str, str]:
    row = _schedule(scene, db, reaction)
    if row is None:
        return "", NOBODY_CAUSE, "", "its first time is being computed"
    if row.next_ms <= now:
        return f"due since {iso(row.next_ms)}", NOBODY_CAUSE, "", ""
    return "", NOBODY_CAUSE, "", f"next at {iso(row.next_ms)}"


def _schedule(scene: Scene, db: Connection, reaction: Reaction) -> Any | None:
    same = (schedules.c.workspace == scene.workspace, schedules.c.reaction == reaction.key)
    return db.execute(select(schedules).where(*same)).first()


def _set_schedule(scene: Scene, reaction: Reaction) -> bool:
    """A schedule without a row gets its first time."""
    with scene.store.read() as db:
        if reaction.schedule is None or _schedule(scene, db, reaction) is not None:
            return False
    with scene.store.change(ACTOR, "reaction.fire", reaction.key, "first time", workspace=scene.workspace) as tx:
        row = {"workspace": scene.workspace, "reaction": reaction.key, "next_ms": reaction.schedule.next_after(tx.now_ms)}
        tx.execute(upsert(tx.connection, schedules, row, ["workspace", "reaction"], keep=True))
        return tx.rows > 0


def _fired(scene: Scene, db: Connection, reaction: Reaction, now: int) -> int:
    if reaction.at_most is None:
        return 0
    since = now - reaction.at_most.per_ms
    same = (reactions.c.workspace == scene.workspace, reactions.c.reaction == reaction.key, reactions.c.fired_ms > since)
    return int(db.execute(select(func.count()).select_from(reactions).where(*same)).scalar_one())


def _take(scene: Scene, reaction: Reaction) -> bool:
    with scene.store.read() as db:
        seen = observe(scene, db, reaction)
    if not decide(seen).fire:
        return False
    with scene.store.change(
        ACTOR, "reaction.fire", reaction.key, seen.triggered, workspace=scene.workspace, cause=seen.cause
    ) as tx:
        # Looked at again under the workspace's lock: two leaders for a moment must not start two retrainings.
        tx.execute(select(workspaces.c.name).where(workspaces.c.name == scene.workspace).with_for_update())
        if not decide(observe(scene, tx.connection, reaction)).fire:
            return False
        for pipeline in reaction.do:
            identity = new_id()
            fired = tx.event("reaction.fired", reaction.key, cause=seen.cause, because=seen.triggered, pipeline=pipeline)
            run_id = start.queue_run(
                tx, scene.spec.pipelines[pipeline], code_digest=scene.code_digest, reason=f"{reaction.trigger}: {seen.triggered}",
                cause=fired, by=ACTOR.name,
            )  # fmt: skip
            tx.execute(
                insert(reactions).values(
                    id=identity, workspace=scene.workspace, reaction=reaction.key, pipeline=pipeline, run_id=run_id,
                    breach=seen.breach, because=seen.triggered, cause=remembered(fired), fired_ms=tx.now_ms,
                )
            )  # fmt: skip
        if reaction.schedule is not None:
            row = {"workspace": scene.workspace, "reaction": reaction.key, "next_ms": reaction.schedule.next_after(tx.now_ms)}
            tx.execute(upsert(tx.connection, schedules, row, ["workspace", "reaction"]))
        return True


def quiet(scene: Scene, db: Connection) -> list[dict[str, str]]:
    """For each reaction, why it does nothing now: what `regie why` and `regie status` show of quiet stretches."""
    lines = []
    for reaction in scene.spec.react:
        seen = observe(scene, db, reaction)
        decision = decide(seen)
        detail = seen.known or seen.in_flight or seen.at_gates or seen.rollout or seen.triggered
        lines.append({"reaction": reaction.trigger, "because": decision.because, "detail": detail})
    return lines
