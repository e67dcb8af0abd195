"""Writes of rollouts: each takes `tx`, compares before it sets, and may be repeated."""

from typing import Any

from sqlalchemy import insert, update

from regie.base.canonical import canonical
from regie.base.ids import new_id
from regie.rollout.tables import LIVE, rollouts
from regie.rollout.types import Rollout, RolloutSpec
from regie.store.change import Change, caused, remembered
from regie.store.types import Cause


def wait(
    tx: Change, *, endpoint: str, environment: str, model: str, version: int, spec: RolloutSpec, cause: Cause
) -> str:  # fmt: skip
    """Let an allowed version wait for the endpoint. An older waiting rollout is superseded; a running one never."""
    same = (rollouts.c.workspace == tx.workspace, rollouts.c.endpoint == endpoint, rollouts.c.environment == environment)
    older = tx.execute(
        update(rollouts)
        .where(*same, rollouts.c.state == "waiting")
        .values(state="superseded", because="newer.challenger", ended_ms=tx.now_ms)
        .returning(rollouts.c.id, rollouts.c.version)
    ).all()
    for row in older:
        tx.event("rollout.superseded", row.id, cause=cause, version=row.version, by=version)
    identity = new_id()
    waits = tx.event("rollout.waiting", identity, cause=cause, model=model, version=version, endpoint=endpoint)
    tx.execute(
        insert(rollouts).values(
            id=identity, workspace=tx.workspace, endpoint=endpoint, environment=environment, model=model, version=version,
            state="waiting", stage=0, generation=0, paused=False, spec=canonical(spec.to_json()), cause=remembered(waits),
            because="", created_ms=tx.now_ms,
        )
    )  # fmt: skip
    return identity


def start(tx: Change, rollout: Rollout, incumbent: int | None, generation: int) -> bool:
    """Begin the first stage against a frozen incumbent. False if it no longer waits."""
    cause = _event_cause(rollout)
    started = tx.execute(
        update(rollouts)
        .where(rollouts.c.id == rollout.id, rollouts.c.state == "waiting")
        .values(state="running", incumbent=incumbent, stage=0, entered_ms=None, generation=generation, started_ms=tx.now_ms)
    ).rowcount
    if started:
        begun = tx.event("rollout.started", rollout.id, cause=cause, version=rollout.version, incumbent=incumbent)
        _remember(tx, rollout.id, begun)
    return bool(started)


def enter(tx: Change, rollout: Rollout, stage: int, generation: int, because: str) -> bool:
    """Go to a stage. False if the rollout is no longer in the stage that was seen."""
    found = tx.execute(
        update(rollouts).where(*_as_seen(rollout)).values(stage=stage, entered_ms=None, generation=generation, because=because)
    ).rowcount
    if found:
        kind = rollout.spec.stages[stage].kind
        entered = tx.event("rollout.stage_entered", rollout.id, cause=_event_cause(rollout), stage=kind, because=because)
        _remember(tx, rollout.id, entered)
    return bool(found)


def expect(tx: Change, rollout: Rollout, generation: int) -> None:
    """The stage's time starts when all live nodes have acknowledged this generation."""
    tx.execute(update(rollouts).where(*_as_seen(rollout)).values(generation=generation))


def acknowledge(tx: Change, rollout: Rollout) -> bool:
    """All live nodes answer by the stage's route: its time starts now."""
    same = (*_as_seen(rollout), rollouts.c.entered_ms.is_(None))
    return bool(tx.execute(update(rollouts).where(*same).values(entered_ms=tx.now_ms)).rowcount)


def end(
    tx: Change, rollout: Rollout, state: str, because: str, cause: Cause | None = None, **data: Any
) -> Cause | None:  # fmt: skip
    """End a rollout that runs, or waits, as `finished` or `aborted`. None if it is no longer as it was seen."""
    as_seen = (rollouts.c.id == rollout.id, rollouts.c.state == rollout.state, rollouts.c.stage == rollout.stage)
    if rollout.state not in LIVE:
        return None
    ended = tx.execute(update(rollouts).where(*as_seen).values(state=state, because=because, ended_ms=tx.now_ms)).rowcount
    if not ended:
        return None
    cause = cause or _event_cause(rollout)
    return tx.event(f"rollout.{state}", rollout.id, cause=cause, because=because, version=rollout.version, **data)


def withdraw(tx: Change, rollout: Rollout, because: str) -> bool:
    """A waiting rollout whose evidence no longer holds ends; its version is judged again."""
    ended = tx.execute(
        update(rollouts)
        .where(rollouts.c.id == rollout.id, rollouts.c.state == "waiting")
        .values(state="superseded", because=because, ended_ms=tx.now_ms)
    ).rowcount
    if ended:
        tx.event("rollout.superseded", rollout.id, cause=_event_cause(rollout), because=because, version=rollout.version)
    return bool(ended)


def pause(tx: Change, rollout_id: str, paused: bool, reason: str) -> bool:
    """Hold a running rollout where it is, or let it go on. Guards still abort a paused one. False if nothing changed."""
    found = tx.execute(
        update(rollouts)
        .where(rollouts.c.id == rollout_id, rollouts.c.state == "running", rollouts.c.paused == (not paused))
        .values(paused=paused)
    ).rowcount
    if found:
        tx.event("rollout.paused" if paused else "rollout.resumed", rollout_id, by=tx.actor.name, reason=reason)
    return bool(found)


def _as_seen(rollout: Rollout) -> tuple[Any, ...]:
    return (rollouts.c.id == rollout.id, rollouts.c.state == "running", rollouts.c.stage == rollout.stage)


def _event_cause(rollout: Rollout) -> Cause:
    return caused(rollout)


def _remember(tx: Change, rollout_id: str, cause: Cause) -> None:
    tx.execute(update(rollouts).where(rollouts.c.id == rollout_id).values(cause=remembered(cause)))
