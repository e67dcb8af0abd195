"""The page of monitors on a real store: the answer, windows and why some are missing, what breaches started, before and after."""

import json

import numpy as np
import pytest
from fastapi import FastAPI
from sqlalchemy import insert
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from regie.app.doors import guard
from regie.app.pages import monitors
from regie.app.workspace_path import WorkspacePath
from regie.base.clock import DAY_MS
from regie.base.errors import RegieError
from regie.loop import react
from regie.loop.watch import PROFILE_TAG
from regie.monitoring import changes, drift
from regie.registry.tables import version_tags
from regie.store import actors
from regie.store.types import LOCAL
from tests.support import place as places
from tests.support.place import NOW, SPEC, Place, record
from tests.support.releases import passed, turn

PATH = "/api/v1/pages/monitors"
QUALITY = "log_loss <= champion_at_release * 1.1 over 7d"
DRIFT = "drift(top)"
DOCS = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def place(sqlite_store, tmp_path, monkeypatch):
    """A champion since NOW, watched for quality and drift, and a clock fourteen days later."""
    watched = SPEC.replace("monitor:\n", "monitor:\n  drift:\n    - {features: top 10, over: 1d, breach: 2 of 3}\n")
    monkeypatch.setattr(places, "SPEC", watched)
    place = Place(sqlite_store, tmp_path)
    passed(place)
    turn(place)
    place.pass_days(14)
    return place


def client(place):
    app = FastAPI()
    app.include_router(monitors.router)
    app.add_exception_handler(RegieError, lambda request, error: JSONResponse(error.body(), error.status))
    app.state.predictions = place.folder / "predictions"
    routes = {("GET", PATH): "monitor.read", ("GET", f"{PATH}/distribution"): "monitor.read"}
    guard(app, place.store, routes | {("GET", one): "public" for one in DOCS})
    app.add_middleware(WorkspacePath, store=place.store)
    return TestClient(app)


def ask(place, path=PATH, token=None, **query):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return client(place).get("/w/loop" + path, params=query, headers=headers)


def shown(place, **query):
    answer = ask(place, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def judged(place, day, verdict, kind="quality", **more):
    """The window that ends `day` days after the crown; a broken one opens a breach, a kept one closes it."""
    name = QUALITY if kind == "quality" else DRIFT
    signal = {
        "monitor": name, "kind": kind, "version": 1, "from_ms": NOW + (day - (7 if kind == "quality" else 1)) * DAY_MS,
        "to_ms": NOW + day * DAY_MS, "value": 0.7, "low": None, "high": None, "bound": None, "rows": 300, "coverage": 1.0,
        "verdict": verdict, "because": "said", "detail": {}, **more,
    }  # fmt: skip
    with place.under("watch", "signal.record") as tx:
        stored = changes.record(tx, signal)
        if verdict == "broken":
            changes.breach(tx, name, kind, 1, stored, "it broke")
    return stored


def monitor(page, kind):
    return next(one for one in page["monitors"] if one["kind"] == kind)


def test_the_answer_is_one_sentence_of_the_server_with_what_the_loop_does(place):
    assert shown(place)["answer"]["because"] == "nothing.said"
    judged(place, 10, "kept")
    judged(place, 11, "broken", "drift")
    world = shown(place)["answer"]
    assert (world["moved"], world["because"], world["quality"], world["drift"]) == ("world", "drift.broken", "kept", "broken")
    assert [(one["kind"], one["rule"]) for one in world["doing"]] == [("drift", "reaction.none")]
    judged(place, 12, "broken")
    both = shown(place)["answer"]
    assert both["moved"] == "both"
    assert [(one["kind"], one["rule"], one["reaction"]) for one in both["doing"]] == [
        ("quality", "reaction.fires", "quality.breached"), ("drift", "reaction.none", ""),
    ]  # fmt: skip
    passed(place)  # a challenger now competes: a reaction waits for what becomes of it
    (waiting, _) = shown(place)["answer"]["doing"]
    assert (waiting["rule"], waiting["waits"]) == ("reaction.waits", "challenger.at_the_gates")


def test_a_breach_shows_the_run_that_it_started_and_its_window(place):
    place.pass_days(40)  # the rollout's watch is over
    turn(place)
    stored = judged(place, 50, "broken", low=0.65, high=0.75, bound=0.6)
    with place.store.read() as db:
        (opened,) = monitors.queries.breaches_of(db, "loop")
    assert react.turn(place.scene)
    page = shown(place)
    (breach,) = page["breaches"]
    assert (breach["id"], breach["state"], breach["window"]["value"], breach["window"]["bound"]) == (opened.id, "open", 0.7, 0.6)
    assert opened.signal == stored
    (started,) = breach["started"]
    assert (started["pipeline"], started["run_state"], started["versions"]) == ("train", "queued", [])
    (doing,) = page["answer"]["doing"]
    assert (doing["rule"], doing["run"]) == ("run.live", started["run"])
    assert "quality.breached" in {one["type"] for one in page["marks"]}
    assert "champion.crowned" in {one["type"] for one in shown(place, from_ms=NOW - DAY_MS)["marks"]}


def test_windows_that_are_missing_have_a_reason_and_those_judged_have_none(place):
    for day in (3, 4, 6):
        judged(place, day, "kept", "drift", detail={"top": [["a", 0.5]], "alarm": False, "p_value": 0.4})
    page = shown(place, from_ms=NOW - 3 * DAY_MS, to_ms=NOW + 10 * DAY_MS)
    found = monitor(page, "drift")
    assert [one["to_ms"] for one in found["windows"]] == [NOW + day * DAY_MS for day in (3, 4, 6)]
    gaps = {(one["from_ms"] - NOW) // DAY_MS: ((one["to_ms"] - NOW) // DAY_MS, one["because"]) for one in found["gaps"]}
    assert gaps[-2][1] == "champion.none"
    assert (5 in gaps, gaps[7]) == (True, (10, "nothing.asked"))
    assert all(gap not in (3, 4, 6) for gap in gaps)
    assert monitor(page, "quality")["gaps"][-1]["because"] in ("monitor.later", "champion.new")
    assert page["reigns"] == [{"version": 1, "from_ms": page["reigns"][0]["from_ms"], "to_ms": None}]


def test_the_heat_strip_sorts_features_by_how_often_they_were_strange(place):
    for day, top in ((3, [["b", 1.4], ["a", 0.2]]), (4, [["b", 1.1], [HOSTILE, 0.9]])):
        judged(place, day, "none", "drift", detail={"top": top, "alarm": True, "p_value": 0.01})
    found = monitor(shown(place), "drift")
    assert [(one["name"], one["strange"], one["levels"]) for one in found["features"]] == [
        ("b", 2, [3, 3]), (HOSTILE, 0, [None, 2]), ("a", 0, [0, None]),
    ]  # fmt: skip
    assert (found["bound"], found["needed"], found["of"]) == (1.0, 2, 3)


def test_only_the_newest_windows_of_a_long_stretch_are_shown_and_that_is_said(place, monkeypatch):
    monkeypatch.setattr(monitors.watched, "MOST_WINDOWS", 5)
    for day in range(1, 12):
        judged(place, day, "kept", "drift")
    found = monitor(shown(place, from_ms=NOW, to_ms=NOW + 11 * DAY_MS), "drift")
    assert [one["to_ms"] for one in found["windows"]] == [NOW + day * DAY_MS for day in range(7, 12)]
    assert found["from_ms"] == NOW + 6 * DAY_MS


def test_before_and_after_counts_the_window_in_the_bins_of_the_reference(place):
    rng = np.random.default_rng(1)
    blocks = np.repeat(np.arange(25), 100)
    profile = drift.profile({"a": rng.normal(size=2_500), HOSTILE: np.array(["x", "y"] * 1_250, object)}, blocks)
    digest = place.store.blobs.put(json.dumps({DRIFT: profile}).encode())
    with place.store.database.write() as db:
        db.execute(insert(version_tags).values(workspace="loop", name="loop", version=1, key=PROFILE_TAG, value=digest))
    place.log([record(number, NOW + 2 * DAY_MS + number, 1, cols=["a"], rows=[[9.0]]) for number in range(60)])
    judged(place, 3, "broken", "drift", rows=60, detail={"top": [["a", 7.0]], "alarm": True, "p_value": 0.01})
    answer = ask(place, f"{PATH}/distribution", monitor=DRIFT, feature="a", window=NOW + 3 * DAY_MS).json()
    assert (answer["rows"], answer["reference_rows"], answer["blocks"], answer["value"]) == (60, 2_500, 25, 7.0)
    assert sum(one["window"] for one in answer["bins"]) == pytest.approx(1)
    assert sum(one["reference"] for one in answer["bins"]) == pytest.approx(1)
    last = answer["bins"][-2]
    assert (last["sort"], last["high"], last["window"], last["outside"]) == ("number", None, 1.0, True)
    named = ask(place, f"{PATH}/distribution", monitor=DRIFT, feature=HOSTILE, window=NOW + 3 * DAY_MS).json()
    assert [one["value"] for one in named["bins"] if one["sort"] == "value"] == ["x", "y"]
    assert named["bins"][-1]["window"] == 1.0  # nothing of it was logged
    for feature, window, said in (("nothing", NOW + 3 * DAY_MS, "it looks at: a"), ("a", NOW + 4 * DAY_MS, "regie monitor show")):
        wrong = ask(place, f"{PATH}/distribution", monitor=DRIFT, feature=feature, window=window)
        assert wrong.status_code == 404
        assert said in wrong.json()["do"]


def test_a_reference_of_days_that_are_all_too_small_shows_no_distribution_and_says_so(place):
    profile = drift.profile({"a": np.arange(60.0)}, np.arange(60))
    digest = place.store.blobs.put(json.dumps({DRIFT: profile}).encode())
    with place.store.database.write() as db:
        db.execute(insert(version_tags).values(workspace="loop", name="loop", version=1, key=PROFILE_TAG, value=digest))
    judged(place, 3, "unknown", "drift", rows=60)
    answer = ask(place, f"{PATH}/distribution", monitor=DRIFT, feature="a", window=NOW + 3 * DAY_MS)
    assert (answer.status_code, "50 rows" in answer.json()["what"]) == (404, True)


def test_service_counts_what_clients_felt_on_the_same_axis(place):
    place.log([record(number, NOW + DAY_MS + number, 1, ms=2.0) for number in range(50)])
    place.log([record(1_000 + number, NOW + 2 * DAY_MS, 1, ms=50.0, err="x", y=None) for number in range(5)], "n1-1-1")
    service = shown(place, from_ms=NOW, to_ms=NOW + 4 * DAY_MS)["service"]
    assert (service["all"]["requests"], service["all"]["failed"], service["complete"]) == (55, 5, True)
    per_day = DAY_MS // service["step_ms"]
    first, second = (
        (NOW + DAY_MS - service["from_ms"]) // service["step_ms"],
        (NOW + 2 * DAY_MS - service["from_ms"]) // service["step_ms"],
    )
    assert sum(service["requests"][first : first + per_day]) == 50
    assert (service["availability"][first], service["availability"][second]) == (1.0, 0.0)
    assert service["p95"][first] == pytest.approx(2.0, rel=0.02)


def test_a_stretch_that_makes_no_sense_is_the_callers_mistake(place):
    for query in ({"from_ms": 5, "to_ms": 5}, {"from_ms": 9, "to_ms": 3}, {"from_ms": 0, "to_ms": 1 << 52}, {"from_ms": -1}):
        assert ask(place, **query).status_code == 422, query


def test_a_workspace_without_a_file_says_so_and_a_stranger_is_refused(place, sqlite_store):
    with sqlite_store.change(LOCAL, "actor.add", "eve", workspace="elsewhere") as tx:
        token = actors.add(tx, "eve", ["viewer"], workspace="elsewhere")
    assert ask(place, token=token).status_code == 403
    empty = client(place).get("/w/elsewhere" + PATH).json()
    assert (empty["applied"], empty["answer"], empty["monitors"], empty["command"]) == (False, None, [], "regie apply")
