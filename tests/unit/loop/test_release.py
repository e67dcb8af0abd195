"""Release on a real database, without processes: the line for the endpoint, stale evidence, and what a rollout compares."""

import pytest
from sqlalchemy import delete

from regie.base.clock import DAY_MS, HOUR_MS
from regie.base.errors import Conflict
from regie.data import labels as statements
from regie.gates import changes as gates
from regie.gates import queries as judged
from regie.loop import comparison, guards, qualify, release, rollback
from regie.registry import changes as registered
from regie.registry import queries as registry
from regie.rollout import queries
from regie.spec.expressions import parse
from regie.store.tables import jobs
from regie.store.types import LOCAL, NOBODY_CAUSE
from tests.support.place import NOW, record
from tests.support.releases import turn


def passed(place, version=None, champion=None, judged_ms=None):
    """A challenger that the gates let through, compared with a champion."""
    number = place.register() if version is None else version
    with place.under("qualify", "gate.judge") as tx:
        gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
    conclude(place, number, gates.PASSED, champion)
    return number


def conclude(place, number, outcome, champion=None, next_ms=0):
    with place.store.read() as db:
        seen = judged.qualification(db, "loop", "loop", number)
    with place.under("qualify", "gate.judge") as tx:
        gates.conclude(tx, seen, outcome, "said", [], champion=champion, holdout={}, next_ms=next_ms, cause=NOBODY_CAUSE)


def qualification(place, number):
    with place.store.read() as db:
        return judged.qualification(db, "loop", "loop", number)


def rollouts(place, state=None):
    with place.store.read() as db:
        return queries.listed(db, "loop", state)


def champion(place):
    with place.store.read() as db:
        found = place.scene.champion(db)
    return found.version if found else None


def crowned(place):
    """Version 1 is champion, its rollout over."""
    place.node()
    number = passed(place)
    turn(place)
    assert champion(place) == number
    return number


def test_a_version_that_passed_becomes_champion_and_a_second_one_waits_for_its_stage(place):
    crowned(place)
    second = passed(place, champion=1)
    turn(place)
    (running,) = rollouts(place, "running")
    assert (running.version, running.incumbent, running.current.kind, champion(place)) == (second, 1, "shadow", 1)


def test_evidence_against_another_champion_is_judged_again_before_the_rollout_starts(place):
    crowned(place)
    second = passed(place, champion=None)  # compared with nobody, though there is a champion
    turn(place)
    (ended,) = [one for one in rollouts(place) if one.version == second]
    assert (ended.state, ended.because) == ("superseded", "evidence.other_champion")
    again = qualification(place, second)
    assert (again.state, again.because) == ("waiting", "evidence.other_champion")
    conclude(place, second, gates.PASSED, champion=1)
    turn(place)
    assert [one.version for one in rollouts(place, "running")] == [second]


def test_evidence_older_than_one_holdout_is_judged_again(place):
    crowned(place)
    second = passed(place, champion=1)
    place.pass_days(7 + 0.01)
    turn(place)
    assert rollouts(place, "running") == []
    assert qualification(place, second).because == "evidence.too_old"


def test_evidence_of_exactly_one_holdout_ago_still_holds(place):
    crowned(place)
    second = passed(place, champion=1)
    place.pass_days(7)
    turn(place)
    assert [one.version for one in rollouts(place, "running")] == [second]


def test_a_newer_challenger_replaces_a_waiting_one_and_never_a_running_one(place):
    crowned(place)
    second = passed(place, champion=1)
    turn(place)
    third, fourth = passed(place, champion=1), passed(place, champion=1)
    turn(place)
    assert [one.version for one in rollouts(place, "running")] == [second]
    (running,) = rollouts(place, "running")
    rollback.abort(place.store, LOCAL, "loop", running.id, "make room")
    turn(place)
    assert [one.version for one in rollouts(place, "running")] == [fourth]
    assert [one for one in rollouts(place) if one.version == third] == []  # overtaken before it ever waited


def test_an_aborted_version_is_never_lined_up_again(place):
    crowned(place)
    second = passed(place, champion=1)
    turn(place)
    (running,) = rollouts(place, "running")
    rollback.abort(place.store, LOCAL, "loop", running.id, "no")
    with pytest.raises(Conflict, match="it is aborted"):
        rollback.abort(place.store, LOCAL, "loop", running.id, "again")
    turn(place)
    assert [one.state for one in rollouts(place) if one.version == second] == ["aborted"]
    with place.store.read() as db:
        assert registry.version(db, "loop", "loop", second).role == ""
        assert [one.version for one in queries.route(db, "loop", "loop").variants] == [1]


# --- the gates' three tries ---


def test_a_judgement_whose_job_is_gone_is_tried_again_within_the_hour_and_dropped_after_three(place):
    number = place.register()
    states = []
    for _ in range(8):
        while qualify.turn(place.scene):
            seen = qualification(place, number)
            if seen.state == "judging":
                with place.store.machinery() as batch:
                    batch.execute(delete(jobs))
        seen = qualification(place, number)
        states.append((seen.state, seen.attempts, (seen.next_ms - NOW) % (7 * DAY_MS)))
        place.pass_days(7)
    assert states[:3] == [("waiting", 1, HOUR_MS), ("waiting", 2, HOUR_MS), ("dropped", 3, HOUR_MS)]
    assert set(states[3:]) == {("dropped", 3, HOUR_MS)}


# --- what guards look at ---


def shadowing(place):
    """Version 2 shadows version 1."""
    crowned(place)
    passed(place, champion=1)
    turn(place)
    (running,) = rollouts(place, "running")
    return running


def broken(place, running):
    with place.store.read() as db:
        requests, looked = guards.look(place.scene, db, running)
    return requests, guards.broken(looked)


def minutes(count, **more):
    return [record(number, NOW + number * 60_000, 2, "shadow", **more) for number in range(count)]


@pytest.mark.parametrize(("bad_windows", "guards"), [(2, ()), (3, ("errors > 10%",)), (5, ("errors > 10%",))])
def test_a_guard_is_broken_when_three_of_the_newest_five_windows_of_twenty_requests_break_it(place, bad_windows, guards):
    running = shadowing(place)
    place.pass_days(1)
    records = minutes(100)
    for window in range(bad_windows):
        for number in range(window * 20, window * 20 + 3):  # 15 % of the window
            records[number] |= {"err": "it broke", "y": [None]}
    place.log(records)
    assert broken(place, running) == (100, guards)


def test_old_windows_are_forgotten_and_a_window_that_is_not_full_says_nothing(place):
    running = shadowing(place)
    place.pass_days(1)
    place.log([one | ({"err": "it broke", "y": [None]} if number < 60 else {}) for number, one in enumerate(minutes(180))])
    assert broken(place, running) == (180, ())
    place.log([record(1000 + n, NOW + 12 * HOUR_MS + n, 2, "shadow", err="it broke", y=[None]) for n in range(19)], "n1-1-1")
    assert broken(place, running)[1] == ()


def test_a_latency_guard_looks_at_the_version_itself(place):
    running = shadowing(place)
    place.pass_days(1)
    slow = [record(500 + number, NOW + number * 60_000, 1, ms=900.0) for number in range(100)]
    place.log([*minutes(100), *slow])
    assert broken(place, running) == (100, ())
    place.log(minutes(0) + [record(2000 + n, NOW + 20 * HOUR_MS + n, 2, "shadow", ms=50.0) for n in range(60)], "n1-1-2")
    assert broken(place, running) == (160, ("latency.p95 > 40ms",))


def test_an_answer_by_another_version_in_its_place_counts_as_an_error(place):
    running = shadowing(place)
    place.pass_days(1)
    place.log([record(number, NOW + number * 60_000, 1, fb=2) for number in range(60)])
    assert broken(place, running) == (60, ("errors > 10%",))


def paired(place, days, mine, theirs, labels=None):
    """Both versions on the same rows, hour by hour; the truth is always yes."""
    rows = range(days * 24)
    records = [record(number, NOW + number * HOUR_MS, 1, y=[theirs]) for number in rows]
    place.log([*records, *(record(number, NOW + number * HOUR_MS, 2, "shadow", y=[mine]) for number in rows)])
    stated = [
        {"prediction_id": f"{number:048x}", "value": labels or True, "stated_ms": NOW + number * HOUR_MS + DAY_MS}
        for number in rows
    ]
    statements.state(place.store, "loop", stated)


@pytest.mark.parametrize(
    ("days", "mine", "theirs", "guards"),
    [
        (9, 0.5, 0.9, ("log_loss > champion + 0.1",)),
        (9, 0.9, 0.9, ()),
        (9, 0.89, 0.9, ()),
        (6, 0.5, 0.9, ()),  # fewer than seven days with mature labels are no interval
    ],
)
def test_a_guard_on_a_model_metric_compares_pairs_with_mature_labels(place, days, mine, theirs, guards):
    running = shadowing(place)
    place.pass_days(days)
    paired(place, days, mine, theirs)
    assert broken(place, running)[1] == guards


def test_pairs_that_are_not_complete_give_no_verdict(place):
    running = shadowing(place)
    place.pass_days(9)
    paired(place, 9, 0.5, 0.9)
    place.log([record(5000 + number, NOW + number * HOUR_MS, 1) for number in range(30)], "n1-1-9")
    assert broken(place, running)[1] == ()


def test_impossible_labels_do_not_stop_a_rollout(place):
    running = shadowing(place)
    place.pass_days(9)
    paired(place, 9, 0.5, 0.9)
    wrong = [{"prediction_id": f"{n:048x}", "value": 2 + n, "stated_ms": NOW + 10 * DAY_MS} for n in range(9 * 24)]
    statements.state(place.store, "loop", wrong)
    place.pass_days(1)
    assert broken(place, running)[1] == ()


# --- what a hostile reader found ---


def test_a_first_release_that_no_node_can_load_leaves_no_champion(place):
    place.node()
    number = passed(place)
    while rollouts(place, "running") == [] or champion(place) is None:
        assert release.turn(place.scene)
    place.node(failed="generation 1: package sha256:x cannot be loaded")
    assert release.turn(place.scene)
    assert champion(place) is None
    assert [(one.version, one.state, one.because) for one in rollouts(place)] == [(number, "aborted", "package.failed")]
    second = passed(place)
    turn(place)
    assert champion(place) == second


def test_what_a_node_says_of_an_older_route_does_not_end_the_next_rollout(place):
    crowned(place)
    second = passed(place, champion=1)
    place.node(loop=1, failed="generation 1: package sha256:x cannot be loaded")
    while release.turn(place.scene):
        pass
    (running,) = rollouts(place, "running")
    assert (running.version, running.current.kind) == (second, "shadow")


def test_a_guard_on_errors_gives_the_crown_back_in_watch_too(place):
    crowned(place)
    second = passed(place, champion=1)
    turn(place)
    answered = 0
    while champion(place) != second or rollouts(place, "running")[0].entered_ms is None:
        now = place.scene.now_ms()
        place.log(
            [record(answered + n, now + n, v, m) for n in range(100) for v, m in ((1, "live"), (2, "shadow"))], f"n1-1-{answered}"
        )
        place.log([record(answered + n, now + n + 200, 2) for n in range(40)], f"n1-2-{answered}")
        answered += 1000
        place.pass_days(1)
        turn(place)
        assert answered < 20_000
    now = place.scene.now_ms()
    place.log([record(90_000 + n, now + n, 2, err="it broke", y=[None]) for n in range(100)], "n1-1-9")
    place.pass_days(0.1)
    turn(place)
    assert champion(place) == 1
    assert rollouts(place)[0].because == "guard.broken"


@pytest.mark.parametrize(
    ("gate", "sign", "allows"),
    [
        ("log_loss <= champion + 0.02", -1, (1.0, 0.02)),
        ("rmse <= champion * 1.01", -1, (1.01, 0.0)),
        ("auc >= champion - 0.005", 1, (1.0, 0.005)),
        ("auc >= champion + 0.01", 1, (1.0, 0.0)),  # better was asked at the gates; in watch not worse is enough
        ("log_loss <= champion - 0.01", -1, (1.0, 0.0)),
        ("log_loss <= champion * 0.99", -1, (1.0, 0.0)),
        ("auc >= champion", 1, (1.0, 0.0)),
    ],
)
def test_watch_lets_a_version_be_as_much_worse_as_its_gate_did(gate, sign, allows):
    assert comparison.tolerance(parse(gate), sign) == allows


def test_a_version_from_outside_waits_until_a_whole_holdout_after_its_registration_is_mature(place):
    with place.store.change(LOCAL, "model.register", "loop", workspace="loop") as tx:
        registered.ensure_model(tx, "loop")
        number = registered.register(tx, "loop", source="runs:/x", role="challenger", seen_until_ms=NOW)
    while qualify.turn(place.scene):
        pass
    seen = qualification(place, number)
    assert (seen.state, seen.next_ms - NOW) == ("waiting", 8 * DAY_MS)
