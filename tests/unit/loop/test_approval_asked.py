"""What people are asked about a version that passed its gates, and what follows from their answer, or from their silence."""

import threading

import pytest

from regie.base.clock import DAY_MS
from regie.base.errors import Conflict
from regie.loop import approve, react, release, why
from regie.registry import changes as registered
from regie.registry import queries as registry
from tests.support.asking import ANN, ASKS, apply, asked, passed, rollouts, told, turn
from tests.support.place import SPEC


def test_a_granted_version_is_released_and_why_says_by_whom(either):
    number = passed(either)
    turn(either)
    one = asked(either, number)
    assert (one.state, one.deadline_ms - one.requested_ms, one.because) == ("pending", 5 * DAY_MS, "gates.passed")
    assert rollouts(either, number) == []
    approve.grant(either.scene, ANN, "loop", number, "read the evidence")
    turn(either)
    with either.store.read() as db:
        assert either.scene.champion(db).version == number
        chain = [(line["type"], line["detail"]) for line in why.explain(either.scene, db, "loop@champion")["lines"]]
    types = [type for type, _ in chain]
    assert types[types.index("rollout.waiting") :] == [
        "rollout.waiting",
        "approval.granted",
        "approval.requested",
        "gates.passed",
    ]
    assert "by ann" in dict(chain)["approval.granted"]


def test_a_refused_version_is_never_released_and_competes_no_longer(either):
    number = passed(either)
    turn(either)
    approve.refuse(either.scene, ANN, "loop", number, "the sample is too small")
    for text in (ASKS, SPEC):
        apply(either, text)
        either.pass_days(1)
        turn(either)
    assert rollouts(either, number) == []
    with either.store.read() as db:
        assert registry.version(db, "loop", "loop", number).role == ""
    assert told(either, "approval.refused") == [("approval.refused", f"loop@{number}", "by.hand")]


def test_what_nobody_decides_in_time_expires_and_is_not_released(either):
    number = passed(either)
    turn(either)
    either.pass_days(4.99)
    turn(either)
    assert asked(either, number).state == "pending"
    either.pass_days(0.01)
    with pytest.raises(Conflict, match="ended at"):
        approve.grant(either.scene, ANN, "loop", number)  # the turn has not even looked
    turn(either)
    assert asked(either, number).state == "expired"
    with pytest.raises(Conflict, match="expired"):
        approve.grant(either.scene, ANN, "loop", number)
    apply(either, SPEC)
    turn(either)
    assert rollouts(either, number) == []


def test_while_a_version_waits_for_a_person_nothing_is_retrained_and_afterwards_the_loop_goes_on(asks):
    number = passed(asks)
    turn(asks)
    reaction = asks.scene.spec.react[0]

    def before_the_gates():
        with asks.store.read() as db:
            return react.observe(asks.scene, db, reaction).at_gates

    assert before_the_gates() == f"loop@{number}"
    asks.pass_days(5)
    turn(asks)
    assert asked(asks, number).state == "expired"
    assert before_the_gates() == ""


def test_a_newer_version_that_passed_takes_the_place_of_one_that_waits(asks):
    first = passed(asks)
    turn(asks)
    second = passed(asks)
    turn(asks)
    assert (asked(asks, first).state, asked(asks, first).because) == ("superseded", "newer.challenger")
    assert asked(asks, second).state == "pending"
    with pytest.raises(Conflict, match="asked for no longer"):
        approve.grant(asks.scene, ANN, "loop", first)
    approve.grant(asks.scene, ANN, "loop", second)
    turn(asks)
    assert [bool(rollouts(asks, one)) for one in (first, second)] == [False, True]


def test_a_question_on_a_version_that_competes_no_longer_is_taken_back(asks):
    number = passed(asks)
    turn(asks)
    with asks.under("qualify", "gate.judge") as tx:
        registered.set_role(tx, "loop", number, "")
    turn(asks)
    assert (asked(asks, number).state, asked(asks, number).because) == ("superseded", "competes.no_longer")


def test_two_leaders_for_a_moment_ask_once(either):
    number = passed(either)
    scene, together, moved = either.scene, threading.Barrier(2), []

    def lead():
        together.wait()
        moved.append(release._line_up(scene, scene.serves))

    leaders = [threading.Thread(target=lead) for _ in range(2)]
    for one in leaders:
        one.start()
    for one in leaders:
        one.join()
    assert sorted(moved) == [False, True]
    assert told(either, "approval.requested") == [("approval.requested", f"loop@{number}", "gates.passed")]
