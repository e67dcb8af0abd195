"""Whatever happens, in whatever order: no rollout without a granted approval of its evidence."""

import random
from contextlib import suppress

import pytest

from regie.base.errors import Conflict, NotAllowed
from regie.loop import approve, release, rollback
from regie.rollout import queries
from regie.store.types import LOCAL
from tests.support.asking import (
    ANN,
    ASKS,
    EVE,
    apply,
    asked,
    conclude,
    passed,
    qualification,
)
from tests.support.place import SPEC


@pytest.mark.parametrize("seed", range(4))
def test_no_order_of_events_starts_a_rollout_without_a_granted_approval_of_its_evidence(asks, seed):
    chance, free = random.Random(seed), set()
    versions, asked_ever = [], set()

    def started():
        with asks.store.read() as db:
            return {one.id: one for one in queries.listed(db, "loop", limit=1000) if one.started_ms is not None}

    def champion():
        with asks.store.read() as db:
            found = asks.scene.champion(db)
        return found.version if found else None

    def judge():
        for number in versions[-3:]:
            if qualification(asks, number).state == "waiting":
                conclude(asks, number, champion())

    def answer(deed, actor):
        if versions:
            with suppress(Conflict, NotAllowed):
                deed(asks.scene, actor, "loop", chance.choice(versions[-2:]), "so it be")

    def give_up():
        with asks.store.read() as db:
            found = queries.running(db, "loop", "loop") or queries.waiting(db, "loop", "loop")
        if found:
            rollback.abort(asks.store, LOCAL, "loop", found.id, "chance")

    steps = [
        *[lambda: versions.append(passed(asks, champion()))] * 3, *[lambda: answer(approve.grant, ANN)] * 3, judge, judge,
        lambda: answer(approve.refuse, ANN), lambda: answer(approve.grant, EVE), give_up,
        lambda: asks.pass_days(chance.choice([0.5, 2, 6])), lambda: apply(asks, ASKS), lambda: apply(asks, SPEC),
        lambda: apply(asks, ASKS.replace("canary 10%", "canary 20%")),
    ]  # fmt: skip
    seen, grants = set(), 0
    for _ in range(70):
        chance.choice(steps)()
        for _ in range(chance.choice([0, 1, 2, 6])):
            asks_now = asks.scene.spec.model.approve is not None
            release.turn(asks.scene)
            asked_ever |= {number for number in versions if asked(asks, number)}
            for id, one in started().items():
                if id not in seen:
                    seen.add(id)
                    if asks_now or one.version in asked_ever:
                        last, evidence = asked(asks, one.version), qualification(asks, one.version)
                        assert last is not None
                        assert last.state == "granted"
                        assert (last.about.attempt, last.about.champion) == (evidence.attempts, one.incumbent)
                        assert last.about.promises == approve._promises(asks.scene)
                        grants += 1
                    else:
                        free.add(one.version)
    assert grants or free
