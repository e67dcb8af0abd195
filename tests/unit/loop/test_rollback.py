"""Rollback by hand, on a real database without processes: always one step back, never forward, never twice by mistake."""

import threading

import pytest
from sqlalchemy import delete, select, update

from regie.base.errors import BadInput, Conflict, NotAllowed, NotFound, RegieError
from regie.gates import queries as judged
from regie.loop import release, rollback, why
from regie.registry import queries as registry
from regie.registry.tables import champions, model_versions
from regie.rollout import changes, queries
from regie.store.tables import audit_records
from regie.store.types import LOCAL, NOBODY_CAUSE, Actor
from tests.support.place import Place, record
from tests.support.releases import crown_of, passed, released, rollouts, running, serves, turn, types

VIEWER = Actor("ann", frozenset({"viewer"}))


@pytest.fixture
def either(store, tmp_path):
    """The place on SQLite, then on PostgreSQL: where two people meet, locks decide."""
    return Place(store, tmp_path)


def back(place, reason="it is bad", **more):
    return rollback.rollback(place.store, LOCAL, "loop", "loop", reason, **more)


def test_the_former_champion_has_crown_and_traffic_again_in_one_change(place):
    released(place), released(place)
    assert crown_of(place) == (2, 1)
    done = back(place)
    assert (done.step.champion.version, done.step.to, crown_of(place)) == (2, 1, (1, None))
    assert serves(place) == [(1, "champion", "live")]
    with place.store.read() as db:
        assert queries.route(db, "loop", "loop").generation == done.generation
        newest = db.execute(select(audit_records).order_by(audit_records.c.seq.desc()).limit(1)).first()
    assert (newest.action, newest.actor, newest.result) == ("model.rollback", "local", "done")
    assert '"reason":"it is bad"' in newest.record


def test_why_tells_who_rolled_back_and_for_what_reason_and_how_the_bad_version_came(place):
    released(place), released(place)
    back(place, "it answers nonsense")
    with place.store.read() as db:
        lines = why.explain(place.scene, db, "loop@champion")["lines"]
    assert [one["type"] for one in lines[:3]] == ["champion.crowned", "model.rolled_back", "champion.crowned"]
    assert [one["subject"] for one in lines[:3]] == ["loop@1", "loop@2", "loop@2"]
    assert lines[1]["because"] == "by.hand"
    assert "reason it answers nonsense" in lines[1]["detail"]
    assert "by local" in lines[1]["detail"]


def test_a_version_that_was_rolled_back_never_comes_back_by_itself(place):
    released(place), released(place)
    back(place)
    for _ in range(3):
        place.pass_days(10)
        turn(place)
    assert (crown_of(place), serves(place)) == ((1, None), [(1, "champion", "live")])
    with pytest.raises(Conflict, match="no former champion"):
        back(place)


def test_a_second_rollback_goes_one_further_back_and_not_forward(place):
    for _ in range(3):
        released(place)
    assert crown_of(place) == (3, 2)
    back(place)
    assert crown_of(place) == (2, 1)
    back(place)
    assert crown_of(place) == (1, None)


def test_after_a_rollback_the_next_release_stands_before_the_restored_champion(place):
    released(place), released(place)
    back(place)
    assert released(place) == 3
    assert crown_of(place) == (3, 1)


def test_a_version_that_a_guard_took_back_in_watch_is_nobodys_former_champion(place):
    released(place), released(place, "watch")
    now = place.scene.now_ms()
    place.log([record(90_000 + n, now + n, 2, err="it broke", y=[None]) for n in range(100)], "n1-9-9")
    place.pass_days(0.1)
    turn(place)
    assert (rollouts(place)[-1], crown_of(place)) == ((2, "aborted", "guard.broken"), (1, None))
    with pytest.raises(Conflict, match="no former champion"):
        back(place)


def test_in_watch_a_rollback_is_the_abort_of_the_rollout(either):
    released(either), released(either, "watch")
    done = back(either)
    assert done.step.rollout is not None
    assert (rollouts(either)[-1], crown_of(either)) == ((2, "aborted", "by.hand"), (1, None))
    assert serves(either) == [(1, "champion", "live")]
    newest = types(either)[-5:]
    assert [one for one in newest if one != "model.changed"] == [
        "model.rolled_back", "rollout.aborted", "champion.crowned", "route.changed",
    ]  # fmt: skip
    turn(either)
    assert crown_of(either) == (1, None)


def test_a_rollout_of_a_newer_challenger_is_aborted_with_it_and_a_waiting_one_is_judged_again(place):
    released(place), released(place)
    third = passed(place, 2)
    turn(place)
    assert running(place).version == third
    fourth = passed(place, 2)
    with place.under("release", "rollout.start") as tx:
        spec = release.promised(place.scene.serves)
        changes.wait(
            tx, endpoint="loop", environment="prod", model="loop", version=fourth, spec=spec, cause=NOBODY_CAUSE
        )  # fmt: skip
    back(place)
    assert rollouts(place)[-2:] == [(third, "aborted", "champion.rolled_back"), (fourth, "waiting", "")]
    assert serves(place) == [(1, "champion", "live")]
    turn(place)
    assert rollouts(place)[-1] == (fourth, "superseded", "evidence.other_champion")
    with place.store.read() as db:
        assert judged.qualification(db, "loop", "loop", fourth).state == "waiting"


def test_a_rollout_that_was_about_to_start_against_the_lost_champion_does_not_start(place, monkeypatch):
    released(place), released(place)
    passed(place, 2)
    with place.store.read() as db:
        before = queries.waiting(db, "loop", "loop")
    assert before is None
    assert release._line_up(place.scene, place.scene.serves)
    ready, looked = release._ready, []

    def rolled_back_meanwhile(*seen):
        looked.append(ready(*seen))
        if len(looked) == 1:
            back(place)
        return looked[-1]

    monkeypatch.setattr(release, "_ready", rolled_back_meanwhile)
    assert not release.turn(place.scene)
    monkeypatch.undo()
    assert (running(place), serves(place)) == (None, [(1, "champion", "live")])


def test_of_two_people_who_roll_back_what_they_saw_one_is_refused(either):
    for _ in range(3):
        released(either)
    said: list[str] = []

    def press() -> None:
        try:
            back(either, seen=3)
            said.append("done")
        except Conflict as refused:
            said.append(refused.what)

    people = [threading.Thread(target=press) for _ in range(2)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert sorted(said) == ["done", "version 2 of loop is champion, not version 3: somebody was here first"]
    assert crown_of(either) == (2, 1)


def test_what_cannot_be_rolled_back_is_refused_with_the_reason_and_changes_nothing(place):
    with pytest.raises(NotFound, match="no registered model"):
        back(place)
    place.register()
    with pytest.raises(Conflict, match="no version of loop is champion"):
        back(place)
    released(place)
    before = types(place)
    with pytest.raises(Conflict, match="version 2 of loop has no former champion"):
        back(place)
    released(place)
    after = types(place)
    refusals: list[tuple[type[RegieError], str, dict]] = [
        (BadInput, "loop@1", {}), (NotFound, "loop", {"endpoint": "other"}), (NotFound, "missing", {}),
        (BadInput, "loop@champion", {}), (Conflict, "loop", {"seen": 2}),
    ]  # fmt: skip
    for kind, name, more in refusals:
        with pytest.raises(kind):
            rollback.rollback(place.store, LOCAL, "loop", name, "why not", **more)
    with pytest.raises(NotAllowed):
        rollback.rollback(place.store, VIEWER, "loop", "loop", "why not")
    assert (types(place), crown_of(place)) == (after, (3, 2))
    assert before != after


@pytest.mark.parametrize(("how", "says"), [("deleted", "was deleted"), ("archived", "is archived")])
def test_a_former_champion_that_is_gone_is_said_to_be_gone(place, how, says):
    released(place), released(place)
    one = (model_versions.c.name == "loop", model_versions.c.version == 1)
    statement = delete(model_versions) if how == "deleted" else update(model_versions).values(stage="Archived")
    with place.store.database.write() as db:
        db.execute(statement.where(*one))
    with pytest.raises(Conflict, match=says):
        back(place)
    assert (crown_of(place), serves(place)) == ((2, 1), [(2, "champion", "live")])


def test_a_model_that_is_champion_of_two_endpoints_needs_the_endpoint_named(place):
    released(place), released(place)
    with place.store.database.write() as db:
        row = db.execute(select(champions)).first()._mapping
        db.execute(champions.insert().values({**row, "endpoint": "second"}))
    with pytest.raises(Conflict, match="several endpoints: loop, second"):
        back(place)
    assert back(place, endpoint="loop").step.to == 1


# --- rollout commands in the wrong stage ---


def test_a_waiting_rollout_is_withdrawn_by_an_abort_and_is_not_lined_up_again(either):
    released(either)
    second = passed(either, 1)
    assert release._line_up(either.scene, either.scene.serves)
    with either.store.read() as db:
        waiting = queries.waiting(db, "loop", "loop")
    before = serves(either)
    rollback.abort(either.store, LOCAL, "loop", waiting.id, "not this one")
    turn(either)
    assert rollouts(either)[-1] == (second, "aborted", "by.hand")
    assert (running(either), serves(either)) == (None, before)
    with either.store.read() as db:
        assert registry.version(db, "loop", "loop", second).role == ""


def test_an_abort_during_a_swap_gives_the_traffic_back_though_nodes_are_behind(place):
    released(place)
    second = passed(place, 1)
    assert release.turn(place.scene)
    assert release.turn(place.scene)
    assert not release.turn(place.scene)  # the node has not taken the shadow's route up
    one = running(place)
    assert (one.version, one.entered_ms) == (second, None)
    rollback.abort(place.store, LOCAL, "loop", one.id, "no")
    assert serves(place) == [(1, "champion", "live")]
    with place.store.read() as db:
        assert queries.route(db, "loop", "loop").generation > one.generation


def test_of_two_aborts_at_once_one_is_done_and_the_other_hears_that_it_is_over(either):
    released(either)
    passed(either, 1)
    turn(either)
    one, said = running(either), []

    def press() -> None:
        try:
            rollback.abort(either.store, LOCAL, "loop", one.id, "no")
            said.append("done")
        except Conflict as refused:
            said.append(refused.what)

    people = [threading.Thread(target=press) for _ in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    over = f"rollout {one.id} cannot abort: it is aborted (by.hand)"
    assert sorted(said) == sorted(["done", over, over, over])
    assert types(either).count("rollout.aborted") == 1


def test_an_abort_of_what_ended_or_never_was_is_refused(place):
    released(place)
    [finished] = [one for one in listed(place) if one.state == "finished"]
    with pytest.raises(Conflict, match="cannot abort: it is finished"):
        rollback.abort(place.store, LOCAL, "loop", finished.id, "no")
    with pytest.raises(NotFound):
        rollback.abort(place.store, LOCAL, "loop", "f" * 32, "no")
    with pytest.raises(NotFound):
        rollback.abort(place.store, LOCAL, "other", finished.id, "no")


def listed(place):
    with place.store.read() as db:
        return queries.listed(db, "loop")


def test_pause_and_resume_say_why_they_cannot(place):
    released(place)
    passed(place, 1)
    assert release._line_up(place.scene, place.scene.serves)
    with place.store.read() as db:
        waiting = queries.waiting(db, "loop", "loop")
        [finished] = queries.listed(db, "loop", "finished")
    said = {word: rollback.ended(one, word).what for word, one in (("pause", waiting), ("resume", finished))}
    assert said["pause"].endswith("cannot pause: it waits, and has not begun")
    assert said["resume"].endswith("cannot resume: it is finished (watch.no_former_champion)")
