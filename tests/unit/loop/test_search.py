"""Ctrl-K's answer on a real store: what is found, how near, by whom, and at which cost."""

import pytest
from fastapi import FastAPI
from sqlalchemy import event, insert
from starlette.testclient import TestClient

from regie.app.doors import guard
from regie.app.pages import search as page
from regie.base.ids import new_id
from regie.data.tables import snapshots
from regie.loop import search as look
from regie.loop.search import search
from regie.rollout import queries as rollout
from regie.store import actors
from regie.store.types import LOCAL
from regie.tracking import changes as tracking
from tests.support.place import NOW, Place
from tests.support.releases import released

PATH = "/api/v1/pages/search"
DOCS = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")
HOSTILE = "<img src=x onerror=alert(1)> 100%_\u202ereversed " + "x" * 3_000


@pytest.fixture
def place(sqlite_store, tmp_path):
    return Place(sqlite_store, tmp_path)


def run(store, name, workspace="loop", run_id=None):
    with store.change(LOCAL, "run.create", name, workspace=workspace) as tx:
        return tracking.create_run(tx, tracking.ensure_experiment(tx, "all"), name, run_id=run_id)


def everywhere(action):
    return ["loop", "other"]


def found(store, text, may=everywhere):
    with store.read() as db:
        return [(one.kind, one.name, one.state) for one in search(db, text, may)]


def test_a_run_is_found_by_a_part_of_its_name_in_any_case_and_by_the_first_or_last_digits_of_its_id(store):
    identity = run(store, "Été au Havre", run_id="0198ff" + "a" * 26)
    run(store, "winter", run_id="0298ff" + "b" * 26)
    for text in ("LE HAVRE".removeprefix("LE "), "au havre", "0198", "a" * 8, identity, f"  {identity} "):
        assert found(store, text) == [("run", "Été au Havre", "RUNNING")], text


def test_what_a_pattern_would_mean_is_text_and_a_hostile_name_comes_back_as_it_is(store):
    run(store, HOSTILE)
    run(store, "100 runs")
    assert found(store, "100%_") == [("run", HOSTILE, "RUNNING")]
    assert found(store, "%") == [("run", HOSTILE, "RUNNING")]
    assert found(store, "onerror=alert(1)>") == [("run", HOSTILE, "RUNNING")]
    for nothing in ("", "   ", "_00", "\\", "' OR 1=1 --", "0" * 5_000):
        assert found(store, nothing) == []


def test_a_version_is_found_with_its_rollouts_and_the_champion_is_called_so(place):
    version = released(place)
    place.register()
    with place.store.read() as db:
        (one,) = rollout.listed(db, "loop")
    assert found(place.store, "loop") == [
        ("model", "loop", ""),
        ("version", "loop@2", "challenger"),
        ("version", "loop@1", "champion"),
        ("rollout", f"loop@{version}", one.state),
    ]
    assert found(place.store, f"loop@{version}") == [("version", "loop@1", "champion"), ("rollout", "loop@1", one.state)]
    assert ("rollout", "loop@1", one.state) in found(place.store, one.id[:12])
    assert found(place.store, "loop@99") == []


def test_the_very_name_comes_first_however_many_names_hold_it(store):
    rows = [
        {"id": new_id(), "workspace": "loop", "dataset": name, "digest": f"sha256:{name}", "rows": 1, "as_of_ms": NOW, "state": "ok",
         "contract": "{}", "created_ms": NOW, "cause": "{}"}
        for name in [*(f"all_flights_{number}" for number in range(30)), "flights_2013", "flights"]
    ]  # fmt: skip
    known = {column.name for column in snapshots.columns}
    with store.database.write() as db:
        db.execute(
            insert(snapshots), [{name: value for name, value in row.items() if name in known} | _rest(row) for row in rows]
        )
    names = [name for _, name, _ in found(store, "Flights")]
    assert names[:2] == ["flights", "flights_2013"]
    assert len(names) == look.EACH


def _rest(row):
    """What the table wants beside: empty."""
    empty = {}
    for column in snapshots.columns:
        if column.name not in row and not column.nullable and column.server_default is None and not column.primary_key:
            empty[column.name] = 0 if column.type.python_type is int else "{}"
    return empty


def test_nothing_of_a_workspace_is_found_by_who_may_not_read_there(place):
    run(place.store, "autumn")
    run(place.store, "autumn", workspace="other")
    with place.store.change(LOCAL, "actor.add", "ann", workspace="other") as tx:
        token = actors.add(tx, "ann", ["viewer"], ["run.read"], workspace="other")
    with place.store.change(LOCAL, "actor.add", "ben", workspace="loop") as tx:
        other = actors.add(tx, "ben", ["viewer"], workspace="loop")
    assert asked(place, "autumn", token) == []
    assert asked(place, "autumn", other) == [("run", "loop", "autumn")]
    assert asked(place, "autumn") == [("run", "other", "autumn"), ("run", "loop", "autumn")]
    assert asked(place, "be", other) == [("actor", "loop", "ben")]
    assert asked(place, "be", token) == []


def asked(place, text, token=None):
    app = FastAPI()
    app.include_router(page.router)
    guard(app, place.store, {("GET", PATH): "everywhere.read"} | {("GET", path): "public" for path in DOCS})
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = TestClient(app).get(PATH, params={"q": text}, headers=headers)
    assert answer.status_code == 200, answer.text
    return [(one["kind"], one["workspace"], one["name"]) for one in answer.json()["found"]]


def test_a_name_is_looked_for_among_the_newest_runs_only_and_an_id_among_all(sqlite_store, monkeypatch):
    monkeypatch.setattr(look, "NEWEST", 3)
    ids = [run(sqlite_store, f"night {number}") for number in range(5)]
    assert [name for _, name, _ in found(sqlite_store, "night")] == ["night 4", "night 3", "night 2"]
    assert [name for _, name, _ in found(sqlite_store, ids[0])] == ["night 0"]


def test_no_search_walks_through_all_runs(sqlite_store):
    said = []
    with sqlite_store.read() as db:
        event.listen(db, "before_cursor_execute", lambda *seen: said.append((seen[2], seen[3])))
        search(db, "0198abcd", everywhere)
        looks = [one for one in said if "FROM runs" in one[0]]
        plans = [row[3] for statement, values in looks for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert len([one for one in plans if "(id>? AND id<?)" in one]) == 1, plans
    assert [one for one in plans if one.startswith("SCAN runs")] == []
