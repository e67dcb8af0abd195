"""The pages of events and of the audit log on a real store: filtered, followed, exported; a caller sees its own workspace only."""

import csv
import io
import json

import pytest
from fastapi import FastAPI
from sqlalchemy import insert, text
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from regie.app.api import system
from regie.app.doors import guard
from regie.app.pages import audit, events
from regie.app.policy import ROUTES
from regie.app.workspace_path import WorkspacePath
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.store import actors
from regie.store.tables import workspaces
from regie.store.types import LOCAL, NOBODY_CAUSE
from regie.store.verifications import Verifier

HOSTILE = "=cmd|' /C calc'!A0<img src=x onerror=alert(1)>"
DOCS = ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")


@pytest.fixture
def store(sqlite_store):
    happen(sqlite_store, "a.happened", HOSTILE, number=1)
    for number in range(5):
        happen(sqlite_store, "b.happened", f"b{number}", number=number)
        happen(sqlite_store, "b.happened", "secret", "other")
    sqlite_store.note_refusal(LOCAL, "champion.set", HOSTILE, "forbidden: only a rollout", workspace="w")
    return sqlite_store


def happen(store, kind, subject, workspace="w", cause=NOBODY_CAUSE, **data):
    with store.change(LOCAL, "workspace.create", subject, "because", workspace=workspace, cause=cause) as tx:
        tx.execute(insert(workspaces).values(name=new_id(), clock="wall", now_ms=0, secret="", created_ms=0))
        return tx.event(kind, subject, cause=cause, **data)


@pytest.fixture
def client(store):
    app = FastAPI()
    for one in (events, audit, system):
        app.include_router(one.router)
    app.state.store, app.state.verifier = store, Verifier(store)
    app.add_exception_handler(RegieError, lambda request, error: JSONResponse(error.body(), error.status))
    paths = {(method, route.path) for part in (events, audit, system) for route in part.router.routes for method in route.methods}
    guard(app, store, {key: ROUTES[key] for key in paths} | {("GET", one): "public" for one in DOCS})
    app.add_middleware(WorkspacePath, store=store)
    return TestClient(app)


@pytest.fixture
def viewer(store):
    """The headers of somebody who sees one workspace."""
    with store.change(LOCAL, "actor.add", "vic", workspace="w") as tx:
        return {"authorization": f"Bearer {actors.add(tx, 'vic', ['viewer'], workspace='w')}"}


def get(client, path, workspace="w", headers=None, **query):
    answer = client.get(f"/w/{workspace}/api/v1/pages/{path}", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_events_come_newest_first_with_the_command_that_shows_the_same(client):
    page = get(client, "events", limit=2, type="b.happened")
    assert [one["subject"] for one in page["events"]] == ["b4", "b3"]
    assert page["types"] == ["a.happened", "b.happened"]
    assert page["command"] == "regie event list --type b.happened"
    older = get(client, "events", limit=2, type="b.happened", before=page["older"])
    assert [one["subject"] for one in older["events"]] == ["b2", "b1"]
    assert get(client, "events", limit=2, type="b.happened", before=older["older"])["older"] is None
    newer = get(client, "events", after=page["events"][1]["seq"])
    assert [one["subject"] for one in newer["events"]] == ["b4"]


def test_types_can_be_left_out_and_the_command_says_so(client):
    page = get(client, "events", without="b.happened")
    assert [one["type"] for one in page["events"]] == ["a.happened"]
    assert page["command"] == "regie event list --without b.happened"
    assert get(client, "events", without=["a.happened", "b.happened"])["events"] == []
    assert [one["type"] for one in get(client, "events", without="b.happened", subject=HOSTILE)["events"]] == ["a.happened"]


def test_the_same_filters_find_the_same_by_the_api_that_the_command_line_asks(client):
    api = client.get("/w/w/api/v1/events", params={"type": ["b.happened"], "limit": 2, "newest": True}).json()
    assert [one["subject"] for one in api] == ["b3", "b4"]
    api = client.get("/w/w/api/v1/events", params={"subject": HOSTILE}).json()
    assert [one["type"] for one in api] == ["a.happened"]
    records = client.get("/w/w/api/v1/audit/records", params={"result": "refused", "everywhere": False}).json()
    assert [one["target"] for one in records] == [HOSTILE]


def test_commands_quote_whatever_a_subject_says(client):
    command = get(client, "events", subject=HOSTILE)["command"]
    assert command == "regie event list --subject '=cmd|'\"'\"' /C calc'\"'\"'!A0<img src=x onerror=alert(1)>'"


def test_a_walk_stays_in_its_workspace(client, store):
    cause = happen(store, "a.happened", "root")
    happen(store, "b.happened", "leaf", cause=cause)
    found = get(client, f"events/{cause.causationid}/walk")
    assert [(one["depth"], one["asked"], one["event"]["subject"]) for one in found["links"]] == [
        (0, True, "root"),
        (1, False, "leaf"),
    ]
    answer = client.get(f"/w/other/api/v1/pages/events/{cause.causationid}/walk")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_exports_hold_everything_that_is_found_and_no_cell_is_a_formula(client, monkeypatch):
    monkeypatch.setattr(events, "PIECE", 2)
    monkeypatch.setattr(audit, "PIECE", 2)
    for path, columns, hostile in (("events/export", events.COLUMNS, "subject"), ("audit/export", audit.COLUMNS, "target")):
        whole = client.get(f"/w/w/api/v1/pages/{path}", params={"form": "json"}).json()
        lines = client.get(f"/w/w/api/v1/pages/{path}", params={"form": "ndjson"})
        assert [json.loads(line) for line in lines.text.splitlines()] == whole
        assert lines.headers["content-disposition"].startswith("attachment")
        table = client.get(f"/w/w/api/v1/pages/{path}", params={"form": "csv"}).text
        rows = list(csv.DictReader(io.StringIO(table)))
        assert list(rows[0]) == list(columns)
        assert len(rows) == len(whole) >= 6
        assert "'" + HOSTILE in {row[hostile] for row in rows}
        assert not any((cell or "").startswith(("=", "+", "@")) for row in rows for cell in row.values())
    assert client.get("/w/w/api/v1/pages/events/export", params={"form": "json", "subject": "nobody"}).json() == []
    assert client.get("/w/w/api/v1/pages/events/export", params={"form": "xml"}).status_code == 422


def test_a_caller_of_one_workspace_sees_its_records_and_events_only(client, viewer):
    page = get(client, "audit", headers=viewer, everywhere=True)
    assert (page["everywhere"], page["may_everywhere"]) == (False, False)
    assert {one["workspace"] for one in page["records"]} == {"w"}
    export = client.get("/w/w/api/v1/pages/audit/export", params={"everywhere": True}, headers=viewer).text
    assert "secret" not in export
    for path in ("events", "audit", "events/export", "audit/export"):
        assert client.get(f"/w/other/api/v1/pages/{path}", headers=viewer).status_code == 403
    everything = get(client, "audit", everywhere=True)
    assert {one["workspace"] for one in everything["records"]} >= {"w", "other"}


def test_who_is_denied_the_log_of_one_workspace_reads_it_from_no_other_one(client, store):
    with store.change(LOCAL, "actor.add", "eve", workspace="w") as tx:
        token = actors.add(tx, "eve", ["viewer"], workspace="*")
        actors.add(tx, "eve", [], ["audit.read"], workspace="other")
    eve = {"authorization": f"Bearer {token}"}
    page = get(client, "audit", headers=eve, everywhere=True)
    assert (page["everywhere"], {one["workspace"] for one in page["records"]}) == (False, {"w"})
    for path in ("/w/w/api/v1/pages/audit/export?everywhere=true&form=json", "/w/w/api/v1/audit/records"):
        assert {one["workspace"] for one in client.get(path, headers=eve).json()} == {"w"}


def test_a_time_after_the_last_year_that_is_a_date_is_the_callers_mistake(client):
    for path in ("pages/events", "pages/audit", "pages/events/export", "pages/audit/export", "events", "audit/records"):
        for said in ({"from_ms": 253_402_300_800_000}, {"to_ms": -1}):
            assert client.get(f"/w/w/api/v1/{path}", params=said).status_code == 422, path
        assert client.get(f"/w/w/api/v1/{path}", params={"to_ms": 253_402_300_799_999}).status_code == 200, path


def test_refusals_are_found_with_the_rule_that_refused(client):
    (refusal,) = get(client, "audit", result="refused")["records"]
    assert (refusal["target"], refusal["rule"], refusal["result"]) == (HOSTILE, "forbidden: only a rollout", "refused")
    page = get(client, "audit", actor="local", action="workspace.create")
    assert {one["reason"] for one in page["records"]} == {"because"}
    assert page["command"] == "regie audit export --actor local --action workspace.create --here"


def test_the_chain_says_what_was_verified_when_and_what_came_since(client, store, viewer):
    assert get(client, "audit")["chain"]["last"] is None
    done = client.post("/w/w/api/v1/audit/verify", json={}, headers=viewer).json()
    last = get(client, "audit")["chain"]["last"]
    assert (last["by"], last["records"], last["hash"], last["since"], last["still"]) == (
        "vic",
        done["records"],
        done["hash"],
        0,
        True,
    )
    happen(store, "a.happened", "later")
    chain = get(client, "audit")["chain"]
    assert (chain["last"]["since"], chain["head"]["seq"], chain["verify"]["allowed"]) == (1, done["records"] + 1, True)


def test_a_tampered_record_is_shown_with_its_number(client, store):
    with store.database.write() as db:
        db.execute(text("UPDATE audit_records SET record = replace(record, 'b2', 'b9') WHERE target = 'b2'"))
        seq = db.execute(text("SELECT seq FROM audit_records WHERE target = 'b2'")).scalar_one()
    answer = client.post("/w/w/api/v1/audit/verify", json={})
    assert (answer.status_code, answer.json()["code"], answer.json()["where"]) == (409, "audit.broken", f"record {seq}")
    last = get(client, "audit")["chain"]["last"]
    assert (last["broken"], last["reason"]) == (seq, "record.changed")


def test_numbers_and_texts_out_of_range_are_the_callers_mistake(client):
    for query in ({"before": -1}, {"limit": "x"}, {"from_ms": 1 << 60}, {"subject": "x" * 20_000}, {"type": ["t"] * 60}):
        assert client.get("/w/w/api/v1/pages/events", params=query).status_code == 422, query
