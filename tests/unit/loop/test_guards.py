"""What a rollout's guards show, what a bad version cost, and what an abort keeps of it; on a real log, without processes."""

import json

import pytest
from sqlalchemy import update

from regie.loop import guards, release, why
from regie.rollout import queries
from regie.store import events
from regie.store.tables import nodes
from tests.support.place import record
from tests.support.releases import passed, released, running, turn


@pytest.fixture
def shadowing(place):
    """Version 2 shadows version 1, since NOW."""
    released(place)
    passed(place, 1)
    turn(place)
    return running(place)


def look(place, one):
    with place.store.read() as db:
        return {each.guard: each for each in guards.look(place.scene, db, one)[1]}


def damage(place, one):
    with place.store.read() as db:
        return guards.damage(place.scene, db, one)


def test_a_guard_shows_its_figure_over_the_newest_windows_and_how_many_of_them_break_it(place, shadowing):
    start = place.scene.now_ms()
    place.pass_days(1)
    rows = [record(number, start + number * 60_000, 2, "shadow", ms=20.0) for number in range(100)]
    for number in range(40):
        rows[number] |= {"err": "it broke", "y": [None]}
    place.log(rows)
    errors, latency = look(place, shadowing)["errors > 10%"], look(place, shadowing)["latency.p95 > 40ms"]
    assert (errors.value, errors.windows, errors.broken_windows, errors.broken) == (0.4, 5, 2, False)
    assert (latency.value, latency.broken_windows, latency.broken) == (20.0, 0, False)
    assert look(place, shadowing)["log_loss > champion + 0.1"].value is None


def test_a_request_that_waited_for_the_version_in_vain_counts_as_slow_too(place, shadowing):
    start = place.scene.now_ms()
    place.pass_days(1)
    late = "no answer within 1000 ms"
    place.log([record(n, start + n * 60_000, 1, ms=1001.0, fb=2, err=late) for n in range(60)])
    assert look(place, shadowing)["latency.p95 > 40ms"].broken


def test_the_damage_counts_fallbacks_and_what_they_added_to_the_champions_usual_latency(place, shadowing):
    start = place.scene.now_ms()
    place.pass_days(1)
    place.log(
        [
            *(record(n, start + n * 60_000, 1, ms=4.0) for n in range(50)),
            *(record(100 + n, start + n * 60_000, 2, "shadow") for n in range(50)),
            *(record(200 + n, start + n * 60_000, 1, ms=14.0, fb=2, err="early") for n in range(18)),
            *(record(300 + n, start + (20 + n) * 60_000, 1, ms=1004.0, fb=2, err="its process died: killed") for n in range(2)),
        ]
    )  # fmt: skip
    said = {"loop": {"2": {"restarts": 3, "fallbacks": 20}, "1": {"restarts": 7}}, "other": {"2": {"restarts": 9}}}
    with place.store.database.write() as db:
        db.execute(update(nodes).values(variants=json.dumps(said)))
    cost = damage(place, shadowing)
    assert (cost.requests, cost.failed, cost.fallbacks) == (70, 20, 20)
    assert (cost.added_p50_ms, cost.restarts, cost.last_error) == (10.0, 3, "its process died: killed")
    assert 10.0 < cost.added_p95_ms <= 1000.0


def test_a_version_that_did_no_damage_shows_none(place, shadowing):
    cost = damage(place, shadowing)
    assert (cost.fallbacks, cost.added_p50_ms, cost.restarts, cost.last_error) == (0, None, 0, "")


def test_an_abort_by_a_guard_keeps_its_figure_and_the_damage_and_why_tells_them(place, shadowing):
    start = place.scene.now_ms()
    place.log([record(n, start + n, 1, ms=31.0, fb=2, err="ValueError: unknown") for n in range(60)])
    place.pass_days(0.5)
    turn(place)
    with place.store.read() as db:
        [ended] = [one for one in events.after(db, 0, 5000) if one.type == "rollout.aborted"]
        lines = why.explain(place.scene, db, shadowing.id)["lines"]
        found = queries.rollout(db, shadowing.id)
    assert (ended.data["because"], ended.data["guard"], ended.data["value"]) == ("guard.broken", "errors > 10%", 1.0)
    assert (ended.data["fallbacks"], ended.data["last_error"], ended.data["added_p50_ms"]) == (60, "ValueError: unknown", 31.0)
    assert "guard errors > 10%" in lines[0]["detail"]
    assert "fallbacks 60" in lines[0]["detail"]
    assert look(place, found)["errors > 10%"].value == 1.0  # still to be seen when it is over
    assert damage(place, found).fallbacks == 60


def test_after_an_abort_a_rollout_of_an_older_time_is_not_charged_with_newer_requests(place, shadowing):
    start = place.scene.now_ms()
    place.log([record(n, start + n, 1, fb=2, err="x") for n in range(60)])
    place.pass_days(0.5)
    turn(place)
    place.log([record(500 + n, start + 90_000_000 + n, 1, fb=2, err="y") for n in range(10)], "n1-1-7")
    place.pass_days(2)
    with place.store.read() as db:
        assert guards.damage(place.scene, db, queries.rollout(db, shadowing.id)).fallbacks == 60


def test_the_release_turn_and_the_shown_guards_say_the_same(place, shadowing):
    start = place.scene.now_ms()
    place.pass_days(0.5)
    place.log([record(n, start + n, 2, "shadow", ms=90.0) for n in range(60)])
    with place.store.read() as db:
        seen = release.observe(place.scene, db, shadowing)
    assert seen.broken == tuple(name for name, one in look(place, shadowing).items() if one.broken) == ("latency.p95 > 40ms",)
