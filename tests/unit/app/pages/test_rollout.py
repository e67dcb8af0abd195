"""The rollout page's answer: where it stands and why, its guards, its traffic, and what a person may do; on a real store and log."""

import json

import pytest

from regie.app.pages import rollout
from regie.app.pages.recent import Recent
from regie.base.clock import DAY_MS
from regie.store import actors
from regie.store.types import LOCAL
from tests.support.page_place import Asked
from tests.support.place import NOW, record
from tests.support.releases import passed, released, running, turn


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    made = Asked(tmp_path_factory.mktemp("home"))
    released(made.place)
    passed(made.place, 1)
    turn(made.place)
    made.keep()
    return made


@pytest.fixture
def asked(kept, monkeypatch):
    """Version 2 shadows version 1, since NOW; nothing is logged yet."""
    monkeypatch.setattr(rollout, "_RECENT", Recent())
    kept.begin()
    return kept


@pytest.fixture
def shadowing(asked):
    return running(asked.place).id


def log(place, count, start=NOW, **more):
    rows = [record(number, start + number * 60_000, 1, g=2) for number in range(count)]
    place.log(rows + [record(number, start + number * 60_000, 2, "shadow", g=2, **more) for number in range(count)])


def page(asked, identity):
    answer = asked.get(f"pages/rollouts/{identity}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def acts(said):
    return {one["action"].removeprefix("rollout."): (one["why"] or {}).get("code") for one in said["acts"]}


def test_a_running_rollout_says_what_it_waits_for_and_when_it_goes_on_at_the_earliest(asked, shadowing):
    log(asked.place, 30)
    asked.place.pass_days(0.5)
    said = page(asked, shadowing)
    verdict = said["verdict"]
    assert (verdict["because"], verdict["safe"], verdict["next"]) == ("stage.running", "unknown", "canary")
    assert (verdict["earliest_ms"], verdict["latest_ms"]) == (NOW + DAY_MS, NOW + 7 * DAY_MS)
    assert [(one["kind"], one["place"], one["requests"]) for one in said["stages"]] == [
        ("shadow", "now", 30), ("canary", "ahead", None), ("full", "ahead", None), ("watch", "ahead", None),
    ]  # fmt: skip


def test_a_guard_that_has_not_seen_enough_is_neither_kept_nor_broken(asked, shadowing):
    log(asked.place, 45)
    asked.place.pass_days(0.5)
    errors, latency, quality = page(asked, shadowing)["guards"]
    assert (errors["state"], errors["missing"], errors["windows"]) == ("not_enough", 15, [0.0, 0.0])
    assert (latency["state"], latency["value"], latency["bound"]) == ("not_enough", 1.0, 40.0)
    assert (quality["state"], quality["unsaid"], quality["bound"]) == ("not_enough", "compared.no_label", 0.1)


def test_a_guard_stands_as_an_interval_beside_its_bound_with_its_windows(asked, shadowing):
    log(asked.place, 100, ms=20.0)
    asked.place.pass_days(0.5)
    errors, latency, _ = page(asked, shadowing)["guards"]
    assert (errors["state"], errors["value"], errors["low"], errors["breaks"]) == ("kept", 0.0, 0.0, [False] * 5)
    assert 0 < errors["high"] < errors["bound"]
    assert (latency["state"], latency["low"], latency["high"], latency["windows"]) == ("kept", 20.0, 20.0, [20.0] * 5)


def test_the_answers_of_both_versions_are_told_apart_and_compared(asked, shadowing):
    log(asked.place, 30, y=[0.7], ms=8.0)
    asked.place.pass_days(0.5)
    said = page(asked, shadowing)
    sums = {(one["version"], one["mode"]): (one["requests"], one["p95"]) for one in said["traffic"]["sums"]}
    assert sums == {(1, "live"): (30, pytest.approx(1.0, rel=0.02)), (2, "shadow"): (30, pytest.approx(8.0, rel=0.02))}
    (alike,) = said["agreement"]
    assert (alike["stage"], alike["rows"], alike["same"], alike["p50"]) == ("shadow", 30, 30, 0.2)


def test_an_aborted_rollout_remains_a_whole_report_as_of_its_end(asked, shadowing):
    log(asked.place, 100, err="it broke", y=[None])
    asked.place.pass_days(0.5)
    turn(asked.place)
    asked.place.pass_days(20)
    said = page(asked, shadowing)
    assert (said["state"], said["verdict"]["because"], said["verdict"]["safe"]) == ("aborted", "guard.broken", "over")
    assert said["until_ms"] == said["ended_ms"] == NOW + DAY_MS // 2
    assert said["verdict"]["values"]["broken"] == "errors > 10%"
    assert (said["guards"][0]["state"], said["guards"][0]["value"], said["damage"]["failed"]) == ("broken", 1.0, 100)
    assert [one["place"] for one in said["stages"]] == ["done", "never", "never", "never"]
    assert [one["type"] for one in said["events"]] == ["rollout.waiting", "rollout.started", "rollout.aborted"]
    assert acts(said) == dict.fromkeys(("pause", "resume", "abort"), "rollout.ended")


def test_a_pause_and_who_asked_for_it_are_seen_at_once_and_a_second_one_says_why_not(asked, shadowing):
    assert acts(page(asked, shadowing)) == {"pause": None, "resume": "rollout.not_paused", "abort": None}
    assert asked.post(f"rollouts/{shadowing}/pause", {"reason": "<b>look</b>"}).status_code == 200
    said = page(asked, shadowing)
    assert acts(said) == {"pause": "rollout.paused_already", "resume": None, "abort": None}
    assert said["verdict"]["because"] == "paused"
    assert (said["verdict"]["values"]["by"], said["verdict"]["values"]["reason"]) == ("local", "<b>look</b>")


def test_one_who_may_only_read_is_told_so_at_every_button(asked, shadowing):
    with asked.home.store.change(LOCAL, "actor.add", "vera", workspace="loop") as tx:
        token = actors.add(tx, "vera", ["viewer"])
    said = asked.get(f"pages/rollouts/{shadowing}", token).json()
    assert set(acts(said).values()) == {"no_right"}


def test_the_list_says_how_each_ended_and_why(asked, shadowing):
    asked.post(f"rollouts/{shadowing}/abort", {"reason": "not today"})
    said = asked.get("pages/rollouts").json()
    assert [(one["version"], one["state"], one["because"], one["reason"]) for one in said["rollouts"]] == [
        (2, "aborted", "by.hand", "not today"), (1, "finished", "watch.no_former_champion", ""),
    ]  # fmt: skip
    assert said["counts"] == {"aborted": 1, "finished": 1}
    assert [one["version"] for one in asked.get("pages/rollouts", state="finished").json()["rollouts"]] == [1]


def test_the_list_is_read_a_page_at_a_time(asked):
    first = asked.get("pages/rollouts", limit=1).json()
    rest = asked.get("pages/rollouts", limit=1, before=first["before"]).json()
    assert [one["version"] for one in first["rollouts"] + rest["rollouts"]] == [2, 1]
    assert rest["before"] is None


def test_a_log_too_long_for_a_page_is_counted_and_not_read(asked, shadowing, monkeypatch):
    from regie.loop import safety

    monkeypatch.setattr(safety, "MOST_REQUESTS", 10)
    log(asked.place, 30)
    asked.place.pass_days(0.5)
    said = page(asked, shadowing)
    assert (said["unread"], said["guards"], said["verdict"]["safe"]) == ("log.too_long", [], "unknown")
    assert sum(one["requests"] for one in said["traffic"]["sums"]) == 60


def test_a_rollout_of_another_workspace_is_not_there(asked):
    assert asked.get("pages/rollouts/" + "0" * 32).status_code == 404
    assert json.loads(asked.get("pages/rollouts", state="nonsense").text)["code"] == "input.invalid"
