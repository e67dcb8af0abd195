"""The page of a model on a real store: why its champion is champion, beside whom, who came before, and the way back."""

import json
import shlex
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from sqlalchemy import insert, update
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from regie.app.doors import guard
from regie.app.pages import model
from regie.app.workspace_path import WorkspacePath
from regie.base.canonical import canonical
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.gates import changes as gates
from regie.gates import queries as judged
from regie.gates.tables import evidence
from regie.loop import approve, rollback
from regie.registry import changes as registry
from regie.registry.tables import model_versions
from regie.store import actors
from regie.store.types import LOCAL
from tests.support import asking
from tests.support.place import NOW, SPEC, Place
from tests.support.releases import released as released_by_stages
from tests.support.releases import turn

PATHS = ("/api/v1/pages/models/{name}", "/api/v1/pages/models/{name}/versions", "/api/v1/pages/models/{name}/versions/export")
AT_ONCE = SPEC.replace("rollout: [shadow 1d, canary 10% for 1d, full, watch 9d]", "rollout: [full]")
DOCS = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")


@pytest.fixture
def place(sqlite_store, tmp_path):
    """Under a file that crowns at once what passed its gates."""
    return asking.made(Place(sqlite_store, tmp_path), AT_ONCE)


def released(place):
    return asking.released(place)


def ask(place, path="loop", token=None, **query):
    app = FastAPI()
    app.include_router(model.router)
    app.add_exception_handler(RegieError, lambda _, error: JSONResponse(error.body(), error.status))
    guard(app, place.store, {("GET", one): "model.read" for one in PATHS} | {("GET", one): "public" for one in DOCS})
    app.add_middleware(WorkspacePath, store=place.store)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return TestClient(app).get(f"/w/loop/api/v1/pages/models/{path}", params=query, headers=headers)


def shown(place, path="loop", **query):
    answer = ask(place, path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def judge(place, number, champion, gate="log_loss <= champion + 0.05", low=-0.01, high=0.02, **figures):
    """Evidence of the newest judgement of a version, as the gates store it."""
    with place.store.read() as db:
        seen = judged.qualification(db, "loop", "loop", number)
    detail = {"difference": (low + high) / 2, "difference_low": low, "difference_high": high, "d": -0.05}
    row = {
        "id": new_id(), "workspace": "loop", "model": "loop", "version": number, "attempt": seen.attempts, "gate": gate, "verdict": "passed",
        "value": 0.4, "low": 0.39, "high": 0.41, "bound": 0.45, "champion": champion, "champion_value": 0.42, "rows": 500, "blocks": 7,
        "holdout": canonical({"from_ms": 1, "to_ms": 2, "rows": 500}), "detail": canonical(detail), "judged_ms": seen.judged_ms,
    }  # fmt: skip
    with place.under("qualify", "gate.judge") as tx:
        tx.execute(insert(evidence).values(**row | figures))


def package(place, number, text="x", path="native", **facts):
    """A package with a `regie.json`, as the registry stores one."""
    blobs = place.store.blobs
    said = {"format": 1, "path": path, "parity": {}, "signature": [{"name": "a", "type": "float", "nullable": False}], **facts}
    files = {"model.lgb": text.encode(), "regie.json": json.dumps(said).encode()}
    manifest = {name: {"digest": blobs.put(data), "bytes": len(data)} for name, data in files.items()}
    digest = blobs.put(canonical(manifest).encode())
    with place.under("train", "model.register") as tx:
        tx.execute(update(model_versions).where(model_versions.c.version == number).values(package=digest))
    return sum(len(data) for data in files.values())


def test_a_model_that_is_only_promised_is_an_empty_page_that_says_how_to_begin_and_any_other_is_not_found(place):
    for _ in range(2):
        page = shown(place)
        assert (page["version"], page["links"], page["beside"], page["history"], page["versions"]["rows"]) == (
            None,
            [],
            None,
            [],
            [],
        )
        assert page["way_back"]["act"]["why"]["code"] == "champion.none"
        assert page["train_command"] == "regie pipeline run train -w loop"
        with place.store.change(LOCAL, "model.register", "loop", workspace="loop") as tx:
            registry.ensure_model(tx, "loop")
    assert ask(place, "nobody").status_code == 404


def test_the_commands_of_a_hostile_name_run_nothing_in_a_shell(place):
    name = "x; touch $(hostile) <img src=y>'"
    with place.store.change(LOCAL, "model.register", name, workspace="loop") as tx:
        registry.ensure_model(tx, name)
    page = shown(place, quote(name))
    for command in (page["why_command"], page["show_command"], page["way_back"]["act"]["command"]):
        assert name in shlex.split(command)
    assert page["way_back"]["act"]["path"] == f"/api/v1/models/{quote(name, safe='')}/rollback"


def test_the_chain_of_the_champion_is_told_from_its_registration_to_its_crown_with_the_evidence_of_its_gates(place):
    asking.apply(place, SPEC)
    first, number = released_by_stages(place), released_by_stages(place)
    judge(place, number, first)
    page = shown(place)
    assert (page["champion"], page["version"], page["crowned"]) == (number, number, True)
    kinds = [one["kind"] for one in page["links"]]
    assert kinds == ["gates", "rollout", "crowned"]
    gates_link, rollout_link, crown = page["links"]
    assert gates_link["judged"]["verdict"] == "passed"
    assert gates_link["judged"]["evidence"][0]["gate"] == "log_loss <= champion + 0.05"
    assert [(one["kind"], one["state"]) for one in rollout_link["released"]["stages"]] == [
        ("shadow", "done"), ("canary", "done"), ("full", "done"), ("watch", "done"),
    ]  # fmt: skip
    assert rollout_link["released"]["guards"] == ["errors > 10%", "latency.p95 > 40ms", "log_loss > champion + 0.1"]
    assert crown["crowned"] == {"endpoint": "loop", "environment": "prod", "version": number, "former": first}


def test_an_approval_says_by_whom_and_why(place):
    asks = asking.made(place)
    number = asking.passed(asks)
    asking.turn(asks)
    approve.grant(asks.scene, asking.ANN, "loop", number, "<b>the evidence holds</b>")
    asking.turn(asks)
    link = next(one for one in shown(asks)["links"] if one["kind"] == "approval")
    assert (link["approved"]["state"], link["approved"]["by"], link["approved"]["reason"]) == (
        "granted", "ann", "<b>the evidence holds</b>",
    )  # fmt: skip


def test_a_difference_is_claimed_only_where_both_were_judged_on_the_same_rows_and_is_signed_by_better(place):
    first, second = released(place), released(place)
    judge(place, second, first, low=0.01, high=0.03)
    (figures,) = shown(place)["beside"]["figures"]
    assert (figures["older"], figures["newer"], figures["same_rows"], figures["better"]) == (0.42, 0.4, True, True)
    third = released(place)
    judge(place, third, second, low=-0.03, high=-0.01)
    assert shown(place)["beside"]["figures"][0]["better"] is False
    (figures,) = shown(place, version=third, beside=first)["beside"]["figures"]
    assert (figures["same_rows"], figures["difference"], figures["better"]) == (False, None, None)


def test_an_interval_that_holds_zero_is_neither_better_nor_worse(place):
    first, second = released(place), released(place)
    judge(place, second, first, low=-0.01, high=0.02)
    assert shown(place)["beside"]["figures"][0]["better"] is None


def test_a_package_says_its_bytes_and_is_compiled_only_where_it_says_so(place):
    first, second = released(place), released(place)
    small = package(place, first)
    big = package(place, second, "y" * 1000, "lightgbm-rows", parity={"proved": True, "rows": 4096, "greatest_difference": 0.0})
    beside = shown(place)["beside"]
    assert (beside["older"]["package"]["bytes"], beside["older"]["package"]["compiled"]) == (small, False)
    assert (beside["newer"]["package"]["bytes"], beside["newer"]["package"]["compiled"]) == (big, True)
    assert beside["newer"]["package"]["proved_rows"] == 4096
    assert "columns" in beside["same"]


def test_a_column_that_one_signature_lacks_is_shown_with_its_name(place):
    first, second = released(place), released(place)
    package(place, first)
    hostile = "<img src=x onerror=alert(1)>"
    package(place, second, signature=[{"name": hostile, "type": "int", "nullable": True}])
    assert shown(place)["beside"]["columns"] == [
        {"name": hostile, "older": None, "newer": "int?"}, {"name": "a", "older": "float", "newer": None},
    ]  # fmt: skip


def test_a_package_that_is_broken_or_gone_is_no_error_of_the_page(place):
    number = released(place)
    with place.under("train", "model.register") as tx:
        tx.execute(update(model_versions).values(package=place.store.blobs.put(b"[no manifest")))
    assert shown(place)["beside"]["newer"]["package"] is None
    with place.under("train", "model.register") as tx:
        tx.execute(update(model_versions).values(package="sha256:" + "e" * 64))
    assert shown(place, version=number)["beside"]["newer"]["package"] is None


def test_the_way_back_is_planned_from_the_champion_to_the_one_before_it(place):
    first = released(place)
    back = shown(place)["way_back"]
    assert (back["act"]["allowed"], back["act"]["why"]) == (False, {"code": "champion.first", "values": {"version": first}})
    second = released(place)
    back = shown(place)["way_back"]
    assert (back["act"]["allowed"], back["from_version"], back["to"]) == (True, second, first)
    assert back["act"]["path"] == "/api/v1/models/loop/rollback"


def test_who_has_no_right_to_roll_back_hears_that_before_anything_else(place):
    released(place)
    with place.store.change(LOCAL, "actor.add", "ann", workspace="loop") as tx:
        token = actors.add(tx, "ann", ["viewer"], workspace="loop")
    back = ask(place, token=token).json()["way_back"]
    assert (back["act"]["allowed"], back["act"]["why"]["code"]) == (False, "no_right")


def test_the_history_and_the_outcomes_tell_of_a_rollback(store, tmp_path):
    place = asking.made(Place(store, tmp_path), AT_ONCE)  # on SQLite, then on PostgreSQL
    first, second = released(place), released(place)
    rollback.rollback(place.store, LOCAL, "loop", "loop", "odd")
    turn(place)
    page = shown(place)
    assert [(one["version"], one["went"]["how"]) for one in page["history"]] == [
        (first, "replaced"), (second, "rolled_back"), (first, "serves"),
    ]  # fmt: skip
    assert {one["version"]: one["outcome"]["code"] for one in page["versions"]["rows"]} == {
        first: "champion", second: "champion.former",
    }  # fmt: skip
    assert [one["kind"] for one in page["links"]] == ["origin", "rolled_back", "crowned"]


def test_versions_come_by_pages_newest_first(place):
    for _ in range(5):
        place.register()
    first = shown(place, "loop/versions", limit=2)
    assert ([one["version"] for one in first["rows"]], first["more"]) == ([5, 4], True)
    rest = shown(place, "loop/versions", before=4, limit=3)
    assert ([one["version"] for one in rest["rows"]], rest["more"]) == ([3, 2, 1], False)
    assert ask(place, "loop/versions", limit=501).status_code == 422
    lines = ask(place, "loop/versions/export").text.splitlines()
    assert lines[0].startswith("version,role,outcome")
    assert [line.partition(",")[0] for line in lines[1:]] == ["5", "4", "3", "2", "1"]


def test_a_version_that_failed_its_gates_tells_its_own_chain(place):
    released(place)
    number = asking.passed(place, 1)
    with place.store.read() as db:
        seen = judged.qualification(db, "loop", "loop", number)
    with place.under("qualify", "gate.judge") as tx:
        gates.conclude(tx, seen, gates.FAILED, "gate.failed", [], champion=1, holdout={}, next_ms=NOW, cause=tx.cause)
    page = shown(place, version=number)
    assert (page["version"], page["crowned"], page["links"][-1]["type"]) == (number, False, "gates.failed")
    assert ask(place, version=99).status_code == 404
    assert ask(place, version=1 << 31).status_code == 422
