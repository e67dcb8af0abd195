"""Release: bring an allowed version into production, stage by stage, and give the traffic back when a guard breaks.

The only code that crowns a champion or changes a route. Each call makes at most one move, ending in a state at which the next
call looks again; so a crash, a restart, a pause and an upgraded binary are all the same case.
"""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from regie.gates import changes as gates_changes
from regie.gates import queries as gates
from regie.loop import comparison
from regie.loop.scene import Scene
from regie.monitoring import queries as monitoring
from regie.registry import changes as registry_changes
from regie.registry import crown
from regie.registry import queries as registry
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
from regie.store.types import Actor, Cause, system

ACTOR = system("release")
# A stage that has not seen its minimum sample after so many times its duration is inconclusive.
PATIENCE = 7


def turn(scene: Scene) -> bool:
    """One move, if there is one to make; True if something changed."""
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
        requests, broken = comparison.guards(scene, db, rollout)
        return replace(seen, requests=requests, broken=broken)
    if stage.kind == "watch":
        seen = replace(seen, broken=comparison.service_guards(scene, rollout))
        verdict = comparison.watch(scene, db, rollout).verdict
        return replace(seen, watch=verdict, quality_breached=bool(_breach(scene, db, rollout.version)))
    return seen


def _breach(scene: Scene, db: Connection, version: int) -> bool:
    return any(row.version == version for row in monitoring.breaches_of(db, scene.workspace, "quality", "open"))


def _move(scene: Scene, rollout: Rollout) -> bool:
    with scene.store.read() as db:
        decision = decide(rollout.spec, observe(scene, db, rollout), scene.now_ms())
    if isinstance(decision.do, Wait):
        return False
    with scene.store.change(
        ACTOR, "rollout.step", rollout.id, decision.because, workspace=scene.workspace, cause=caused(rollout)
    ) as tx:
        apply(tx, rollout, decision)
        return tx.rows > 0


def apply(tx: Change, rollout: Rollout, decision: Decision) -> None:
    """Carry out one decision inside the caller's change."""
    if isinstance(decision.do, Acknowledge):
        changes.acknowledge(tx, rollout)
    elif isinstance(decision.do, Enter):
        _enter(tx, rollout, decision.because)
    elif isinstance(decision.do, Abort):
        abort(tx, rollout, decision.because)
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


def abort(tx: Change, rollout: Rollout, because: str) -> bool:
    """Give the traffic back to the incumbent, crown it again if it had lost the crown. False if the rollout had ended."""
    ended = changes.end(tx, rollout, "aborted", because, stage=rollout.current.kind)
    if ended is None:
        return False
    cause = ended
    crowned = registry.champion(tx.connection, rollout.workspace, endpoint=rollout.endpoint)
    if crowned is not None and crowned.version == rollout.version and rollout.incumbent is None:
        cause = crown.vacate(tx, rollout.endpoint, rollout.environment, ended)
    elif crowned is not None and crowned.version == rollout.version and rollout.incumbent is not None:
        cause = crown.crown(tx, rollout.endpoint, rollout.environment, rollout.model, rollout.incumbent, rollout.id, ended)
    table = routes.variants(None, rollout.incumbent, None, None)
    routes.want(tx, rollout.endpoint, rollout.environment, rollout.model, table, cause)
    registry_changes.set_role(tx, rollout.model, rollout.version, "")
    return True


def _finish(tx: Change, rollout: Rollout, because: str) -> None:
    ended = changes.end(tx, rollout, "finished", because)
    if ended is not None:
        table = routes.variants(None, rollout.version, None, None)
        routes.want(tx, rollout.endpoint, rollout.environment, rollout.model, table, ended)
        registry_changes.set_role(tx, rollout.model, rollout.version, "")


def _start(scene: Scene, rollout: Rollout) -> bool:
    """Begin a waiting rollout, unless its evidence speaks of another champion or of too old rows."""
    with scene.store.read() as db:
        champion = scene.champion(db)
        judged = gates.qualification(db, scene.workspace, rollout.model, rollout.version)
    incumbent = champion.version if champion else None
    stale = _stale(scene, judged, incumbent)
    with scene.store.change(
        ACTOR, "rollout.step", rollout.id, stale or "start", workspace=scene.workspace, cause=caused(rollout)
    ) as tx:
        if stale and judged is not None:
            changes.withdraw(tx, rollout, stale)
            gates_changes.wait_again(tx, judged, stale, tx.now_ms)
        elif changes.start(tx, rollout, incumbent, 0):
            begun = queries.rollout(tx.connection, rollout.id)
            _route(tx, begun, begun.current, _crowning(tx, begun, begun.current))
        return tx.rows > 0


def _stale(scene: Scene, judged: gates.Qualification | None, incumbent: int | None) -> str:
    if judged is None or judged.judged_ms is None:
        return "evidence.missing"
    if judged.champion != incumbent:
        return "evidence.other_champion"
    labelled = scene.spec.labelled
    holdout_ms = labelled.holdout_ms if labelled else None
    if holdout_ms is not None and scene.now_ms() - judged.judged_ms > holdout_ms:
        return "evidence.too_old"
    return ""


def _line_up(scene: Scene, serves: ServeSpec) -> bool:
    """The newest version that passed the gates and never had a rollout waits for the endpoint."""
    with scene.store.read() as db:
        passed = [one for one in gates.in_state(db, scene.workspace, gates_changes.PASSED) if one.model == scene.model]
        # Only the newest: an older one that passed earlier has been overtaken.
        if not passed or not _unreleased(queries.of_version(db, *_name(passed[-1]))):
            return False
    newest = passed[-1]
    cause = caused(newest)
    with scene.store.change(
        ACTOR, "rollout.start", f"{newest.model}@{newest.version}", "gates.passed", workspace=scene.workspace, cause=cause
    ) as tx:
        changes.wait(
            tx, endpoint=serves.endpoint, environment=scene.environment, model=newest.model, version=newest.version,
            spec=promised(serves), cause=cause,
        )  # fmt: skip
        return True


def _name(one: gates.Qualification) -> tuple[str, str, int]:
    return one.workspace, one.model, one.version


def _unreleased(had: Sequence[Rollout]) -> bool:
    """No rollout yet, or only ones withdrawn because their evidence went stale."""
    return all(one.state == "superseded" and one.because.startswith("evidence.") for one in had)


def abort_by_hand(scene: Scene, actor: Actor, rollout_id: str, reason: str) -> bool:
    """A person's `regie rollout abort`: the same deed as a broken guard's, under that person's name."""
    with scene.store.change(actor, "rollout.abort", rollout_id, reason, workspace=scene.workspace) as tx:
        return abort(tx, queries.rollout(tx.connection, rollout_id, scene.workspace), "by.hand")
