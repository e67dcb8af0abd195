"""Release: bring an allowed version into production, stage by stage, and give the traffic back when a guard breaks.

The only code that crowns a champion or changes a route. Each call makes at most one move, ending in a state at which the next
call looks again; so a crash, a restart, a pause and an upgraded binary are all the same case.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, select

from regie.gates import approvals
from regie.gates import changes as gates_changes
from regie.gates import queries as gates
from regie.loop import approve, comparison, guards
from regie.loop.scene import Scene
from regie.monitoring import queries as monitoring
from regie.registry import changes as registry_changes
from regie.registry import crown
from regie.registry import queries as registry
from regie.registry.types import CHALLENGER, Champion
from regie.rollout import changes, queries, routes
from regie.rollout.decide import decide
from regie.rollout.types import (
    Abort,
    Acknowledge,
    Decision,
    Enter,
    Finish,
    Observed,
    Rollout,
    RolloutSpec,
    Stage,
    Wait,
)
from regie.spec.document import ServeSpec
from regie.store import nodes
from regie.store.change import Change, caused
from regie.store.tables import workspaces
from regie.store.types import Cause, system

ACTOR = system("release")
# A stage that has not seen its minimum sample after so many times its duration is inconclusive.
PATIENCE = 7


def turn(scene: Scene) -> bool:
    """One move, if there is one to make; True if something changed."""
    if approve.tend(scene):
        return True
    if scene.serves is None:
        return False
    with scene.store.read() as db:
        running = queries.running(db, scene.workspace, scene.serves.endpoint)
        waiting = queries.waiting(db, scene.workspace, scene.serves.endpoint)
    if running:
        return _move(scene, running)
    if waiting:
        return _start(scene, waiting)
    return _line_up(scene, scene.serves)


def promised(serves: ServeSpec) -> RolloutSpec:
    """The stages and guards of `regie.yaml`, as a rollout keeps them to its end."""
    stages = [
        Stage(one.kind, one.for_ms, one.share or 1.0, serves.min_requests, PATIENCE * one.for_ms)  # type: ignore[arg-type]
        if one.kind in ("shadow", "canary")
        else Stage(one.kind, one.for_ms)  # type: ignore[arg-type]
        for one in serves.rollout
    ]
    return RolloutSpec(tuple(stages), tuple(guard.text for guard in serves.abort_if))


def observe(scene: Scene, db: Connection, rollout: Rollout) -> Observed:
    """What is to be seen of a running rollout."""
    seen = Observed(
        stage=rollout.stage, entered_ms=rollout.entered_ms, paused=rollout.paused, incumbent=rollout.incumbent is not None,
        nodes_behind=nodes.behind(db, rollout.endpoint, rollout.generation), failed=nodes.failure(db, rollout.endpoint, rollout.generation),
    )  # fmt: skip
    if rollout.entered_ms is None or rollout.incumbent is None:
        return seen
    stage = rollout.current
    if stage.compares:
        requests, looked = guards.look(scene, db, rollout)
        return replace(seen, requests=requests, broken=guards.broken(looked))
    if stage.kind == "watch":
        # Its truth is the matter of `watch` itself.
        seen = replace(seen, broken=guards.broken(guards.look(scene, db, rollout, quality=False)[1]))
        verdict = comparison.watch(scene, db, rollout).verdict
        return replace(seen, watch=verdict, quality_breached=bool(_breach(scene, db, rollout.version)))
    return seen


def _breach(scene: Scene, db: Connection, version: int) -> bool:
    return any(row.version == version for row in monitoring.breaches_of(db, scene.workspace, "quality", "open"))


def _move(scene: Scene, rollout: Rollout) -> bool:
    with scene.store.read() as db:
        decision = decide(rollout.spec, observe(scene, db, rollout), scene.now_ms())
        evidence = guards.evidence(scene, db, rollout) if isinstance(decision.do, Abort) else {}
    if isinstance(decision.do, Wait):
        return False
    with scene.store.change(
        ACTOR, "rollout.step", rollout.id, decision.because, workspace=scene.workspace, cause=caused(rollout)
    ) as tx:
        crown.hold(tx, rollout.endpoint, rollout.environment)
        apply(tx, rollout, decision, evidence)
        return tx.rows > 0


def apply(tx: Change, rollout: Rollout, decision: Decision, evidence: Mapping[str, Any]) -> None:
    """Carry out one decision inside the caller's change. `evidence`: what an abort keeps of its reasons."""
    if isinstance(decision.do, Acknowledge):
        changes.acknowledge(tx, rollout)
    elif isinstance(decision.do, Enter):
        _enter(tx, rollout, decision.because)
    elif isinstance(decision.do, Abort):
        abort(tx, rollout, decision.because, **evidence)
    elif isinstance(decision.do, Finish):
        _finish(tx, rollout, decision.because)


def _enter(tx: Change, rollout: Rollout, because: str) -> None:
    number = rollout.stage + 1
    stage = rollout.spec.stages[number]
    if not changes.enter(tx, rollout, number, rollout.generation, because):
        return
    entered = replace(queries.rollout(tx.connection, rollout.id), stage=number)
    _route(tx, entered, stage, _crowning(tx, entered, stage))


def _crowning(tx: Change, rollout: Rollout, stage: Stage) -> Cause:
    """Entering `full` crowns, whether it is the first stage or a later one; returns the cause of what follows."""
    cause = caused(rollout)
    if stage.kind != "full":
        return cause
    return crown.crown(tx, rollout.endpoint, rollout.environment, rollout.model, rollout.version, rollout.id, cause)


def _route(tx: Change, rollout: Rollout, stage: Stage, cause: Cause) -> None:
    """Want the stage's route, and wait for its generation."""
    crowned = any(one.kind == "full" for one in rollout.spec.stages[: rollout.stage + 1])
    champion = rollout.version if crowned else rollout.incumbent
    table = routes.variants(stage, champion, rollout.version, rollout.incumbent)
    generation = routes.want(tx, rollout.endpoint, rollout.environment, rollout.model, table, cause)
    changes.expect(tx, rollout, generation)


def abort(tx: Change, rollout: Rollout, because: str, cause: Cause | None = None, **evidence: Any) -> bool:
    """End a rollout and take its version out of the competition. False if it had ended, or is elsewhere than it was seen.

    Of a running one the traffic goes back to the incumbent, with the crown if it had lost it. One that waits has no traffic yet.
    """
    crowned = crown.hold(tx, rollout.endpoint, rollout.environment)
    ended = changes.end(tx, rollout, "aborted", because, cause, stage=rollout.current.kind, **evidence)
    if ended is None:
        return False
    if rollout.state == "running":
        _give_back(tx, rollout, crowned, ended)
    registry_changes.set_role(tx, rollout.model, rollout.version, "")
    return True


def _give_back(tx: Change, rollout: Rollout, crowned: Champion | None, ended: Cause) -> None:
    cause = ended
    if crowned is not None and crowned.version == rollout.version:
        if rollout.incumbent is None:
            cause = crown.vacate(tx, rollout.endpoint, rollout.environment, ended)
        else:
            former = queries.before(tx.connection, rollout, rollout.incumbent)
            cause = crown.restore(tx, crowned, rollout.incumbent, former, rollout.id, ended)
    table = routes.variants(None, rollout.incumbent, None, None)
    routes.want(tx, rollout.endpoint, rollout.environment, rollout.model, table, cause)


def _finish(tx: Change, rollout: Rollout, because: str) -> None:
    ended = changes.end(tx, rollout, "finished", because)
    if ended is not None:
        table = routes.variants(None, rollout.version, None, None)
        routes.want(tx, rollout.endpoint, rollout.environment, rollout.model, table, ended)
        registry_changes.set_role(tx, rollout.model, rollout.version, "")


def _start(scene: Scene, rollout: Rollout) -> bool:
    """Begin a waiting rollout, unless its evidence holds no longer or a person's approval is missing.

    Both are asked again inside the change, together with the file that is applied: no path starts a rollout around them.
    """
    now = scene.now_ms()
    with scene.store.read() as db:
        ready = _ready(scene, db, rollout, now)
    with scene.store.change(
        ACTOR, "rollout.step", rollout.id, ready.blocked or "start", workspace=scene.workspace, cause=caused(rollout)
    ) as tx:
        crown.hold(tx, rollout.endpoint, rollout.environment)
        if not scene.is_applied(tx.connection) or _ready(scene, tx.connection, rollout, now) != ready:
            return False  # a person rolled back just now, or applied another file: looked at again
        if ready.blocked:
            changes.withdraw(tx, rollout, ready.blocked)
            if ready.judged is not None and ready.blocked.startswith("evidence."):
                gates_changes.wait_again(tx, ready.judged, ready.blocked, tx.now_ms)
        elif changes.start(tx, rollout, ready.incumbent, 0):
            begun = queries.rollout(tx.connection, rollout.id)
            _route(tx, begun, begun.current, _crowning(tx, begun, begun.current))
        return tx.rows > 0


@dataclass(frozen=True)
class Ready:
    """Against whom a waiting rollout would begin, by which evidence, and by which rule it may not; empty where it may."""

    incumbent: int | None
    judged: gates.Qualification | None
    blocked: str


def _ready(scene: Scene, db: Connection, rollout: Rollout, now_ms: int) -> Ready:
    champion = scene.champion(db)
    incumbent = champion.version if champion else None
    judged = gates.qualification(db, scene.workspace, rollout.model, rollout.version)
    blocked = approve.stale(scene, judged, incumbent, now_ms)
    if not blocked and judged is not None:
        decided = approve.decision(scene, db, judged, now_ms)
        blocked = "" if decided.do == "release" else decided.because
    return Ready(incumbent, judged, blocked)


def _line_up(scene: Scene, serves: ServeSpec) -> bool:
    """The newest version that passed the gates and never had a rollout waits for the endpoint, or for a person first."""
    now = scene.now_ms()
    with scene.store.read() as db:
        passed = [one for one in gates.in_state(db, scene.workspace, gates_changes.PASSED) if one.model == scene.model]
        # Only the newest: an older one that passed earlier has been overtaken.
        if not passed or not _unreleased(queries.of_version(db, *_name(passed[-1]))):
            return False
        if not any(one.version == passed[-1].version for one in registry.versions(db, scene.workspace, scene.model, CHALLENGER)):
            return False  # it competes no longer: refused, or taken back
        newest = passed[-1]
        seen = approve.look(scene, db, newest, now)
    decided = approvals.decide(seen, now)
    if decided.do == "request":
        return approve.ask(scene, newest, seen, now)
    if decided.do == "judge_again":
        return approve.judge_again(scene, newest, seen, now)
    if decided.because == "approval.refused_before":
        return approve.bar(scene, newest)
    return decided.do == "release" and _wait(scene, serves, newest, seen, decided.because)


def _wait(scene: Scene, serves: ServeSpec, newest: gates.Qualification, seen: approvals.Seen, because: str) -> bool:
    granted = because == "approval.granted" and seen.approval is not None
    cause = caused(seen.approval if granted else newest)
    with scene.store.change(
        ACTOR, "rollout.start", f"{newest.model}@{newest.version}", because if granted else "gates.passed",
        workspace=scene.workspace, cause=cause,
    ) as tx:  # fmt: skip
        # Looked at again under the workspace's lock: of two leaders for a moment, one lines it up.
        tx.execute(select(workspaces.c.name).where(workspaces.c.name == scene.workspace).with_for_update())
        if not _unreleased(queries.of_version(tx.connection, *_name(newest))):
            return False
        changes.wait(
            tx, endpoint=serves.endpoint, environment=scene.environment, model=newest.model, version=newest.version,
            spec=promised(serves), cause=cause,
        )  # fmt: skip
        return True


def _name(one: gates.Qualification) -> tuple[str, str, int]:
    return one.workspace, one.model, one.version


def _unreleased(had: Sequence[Rollout]) -> bool:
    """No rollout yet, or only ones withdrawn because their evidence went stale or an approval was missing."""
    return all(one.state == "superseded" and one.because.startswith(("evidence.", "approval.")) for one in had)
