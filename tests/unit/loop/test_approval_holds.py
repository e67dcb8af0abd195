"""What an approval holds for: one package, one judgement, one promise about the release. Anything else is another question."""

import pytest
from sqlalchemy import update

from regie.base.errors import Conflict
from regie.gates import queries as judged
from regie.loop import approve, dossier, release, rollback, why
from regie.registry import queries as registry
from regie.registry.tables import champions
from regie.rollout import queries
from regie.store.types import LOCAL
from tests.support.asking import ANN, ASKS, BEN, apply, asked, conclude, passed, qualification, released, rollouts, turn
from tests.support.place import SPEC


def test_an_approval_against_another_champion_does_not_count(asks):
    released(asks)
    second = passed(asks, champion=1)
    turn(asks)
    approve.grant(asks.scene, ANN, "loop", second)
    with asks.under("release", "rollout.step") as tx:  # somebody else is champion by now
        tx.execute(update(champions).values(version=7))
    turn(asks)
    assert [state for state, _ in rollouts(asks, second)] in ([], ["superseded"])
    assert qualification(asks, second).state == "waiting"
    conclude(asks, second, champion=7)
    turn(asks)
    again = asked(asks, second)
    assert (again.state, again.because, again.about.champion) == ("pending", "evidence.judged_again", 7)
    assert not [state for state, _ in rollouts(asks, second) if state != "superseded"]


def test_evidence_that_grew_too_old_is_judged_again_and_the_time_to_decide_goes_on(asks):
    apply(asks, ASKS.replace("within: 5d", "within: 10d"))
    number = passed(asks)
    turn(asks)
    first = asked(asks, number)
    asks.pass_days(7.01)
    turn(asks)
    assert (asked(asks, number).state, asked(asks, number).because) == ("superseded", "evidence.too_old")
    with pytest.raises(Conflict, match="before the gates"):
        approve.grant(asks.scene, ANN, "loop", number)
    conclude(asks, number)
    turn(asks)
    again = asked(asks, number)
    assert (again.state, again.deadline_ms, again.about.attempt) == ("pending", first.deadline_ms, 2)
    asks.pass_days(3)
    turn(asks)
    assert asked(asks, number).state == "expired"


def test_a_file_applied_while_a_rollout_waits_holds_it_back_until_somebody_grants(asks):
    apply(asks, SPEC)
    number = passed(asks)
    assert release.turn(asks.scene)
    assert rollouts(asks, number) == [("waiting", "")]
    apply(asks, ASKS)
    turn(asks)
    assert rollouts(asks, number) == [("superseded", "approval.missing")]
    approve.grant(asks.scene, ANN, "loop", number)
    turn(asks)
    assert [state for state, _ in rollouts(asks, number)] == ["finished", "superseded"]


def test_a_file_applied_in_the_very_moment_of_the_start_is_obeyed(asks, monkeypatch):
    apply(asks, SPEC)
    number = passed(asks)
    assert release.turn(asks.scene)
    old, ready, looked = asks.scene, release._ready, []

    def applied_meanwhile(*seen):
        looked.append(ready(*seen))
        if len(looked) == 1:
            apply(asks, ASKS)
        return looked[-1]

    monkeypatch.setattr(release, "_ready", applied_meanwhile)
    assert not release.turn(old)
    assert rollouts(asks, number) == [("waiting", "")]


def test_a_file_that_asks_nobody_any_more_frees_only_versions_that_nobody_was_asked_about(asks):
    number = passed(asks)
    turn(asks)
    apply(asks, SPEC)
    turn(asks)
    assert (asked(asks, number).state, rollouts(asks, number)) == ("pending", [])
    later = passed(asks)
    turn(asks)
    assert (asked(asks, number).state, asked(asks, later)) == ("superseded", None)
    assert [bool(rollouts(asks, one)) for one in (number, later)] == [False, True]


def test_another_promise_about_the_release_is_another_question(asks):
    number = passed(asks)
    turn(asks)
    first = asked(asks, number)
    apply(asks, ASKS.replace("within: 5d", "within: 6d"))  # who is asked, and how long, is no promise about the release
    turn(asks)
    assert asked(asks, number).id == first.id
    apply(asks, ASKS.replace("shadow 1d, canary 10% for 1d, full", "full"))
    turn(asks)
    again = asked(asks, number)
    assert (again.state, again.because, again.id != first.id) == ("pending", "promise.changed", True)
    with pytest.raises(Conflict, match="asked for anew"):
        approve.grant(asks.scene, ANN, "loop", number, approval_id=first.id)
    approve.grant(asks.scene, ANN, "loop", number, approval_id=again.id)


def test_what_was_granted_of_a_release_by_stages_does_not_count_for_one_at_once(asks):
    number = passed(asks)
    turn(asks)
    approve.grant(asks.scene, ANN, "loop", number)
    assert release.turn(asks.scene)
    assert rollouts(asks, number) == [("waiting", "")]
    apply(asks, ASKS.replace("shadow 1d, canary 10% for 1d, full", "full"))
    turn(asks)
    assert rollouts(asks, number) == [("superseded", "approval.missing")]
    assert asked(asks, number).state == "pending"


def test_a_rollout_that_was_taken_back_by_hand_needs_no_decision_any_more(asks):
    number = passed(asks)
    turn(asks)
    approve.grant(asks.scene, ANN, "loop", number)
    assert release.turn(asks.scene)
    with asks.store.read() as db:
        waiting = queries.waiting(db, "loop", "loop")
    rollback.abort(asks.store, LOCAL, "loop", waiting.id, "not now")
    turn(asks)
    assert [state for state, _ in rollouts(asks, number)] == ["aborted"]
    with pytest.raises(Conflict, match="was granted by ann"):
        approve.grant(asks.scene, BEN, "loop", number)


def test_a_copy_of_a_refused_version_is_barred_and_says_who_refused_it(asks):
    package = "sha256:" + "9" * 64
    first = passed(asks, package=package)
    turn(asks)
    approve.refuse(asks.scene, ANN, "loop", first, "too few rows")
    copy = passed(asks, package=package)
    for text in (ASKS, SPEC):
        apply(asks, text)
        turn(asks)
    assert (asked(asks, copy), rollouts(asks, copy)) == (None, [])
    with asks.store.read() as db:
        assert registry.version(db, "loop", "loop", copy).role == ""
        chain = [(line["type"], line["subject"]) for line in why.explain(asks.scene, db, f"loop@{copy}")["lines"]]
    assert chain[:3] == [("approval.refused", f"loop@{one}") for one in (copy, first)] + [("approval.requested", f"loop@{first}")]
    with pytest.raises(Conflict, match=f"the package of loop@{first}, which was refused by ann"):
        approve.grant(asks.scene, BEN, "loop", copy)


def test_who_decides_on_a_copy_reads_what_was_decided_on_its_package_before(asks):
    package = "sha256:" + "9" * 64
    first = passed(asks, package=package)
    turn(asks)
    asks.pass_days(5)
    turn(asks)
    copy = passed(asks, package=package)
    turn(asks)
    with asks.store.read() as db:
        read = dossier.full(asks.scene, db, judged.approval(db, "loop", "prod", "loop", copy))
    assert [(one["version"], one["state"]) for one in read["before"]] == [(first, "expired")]
