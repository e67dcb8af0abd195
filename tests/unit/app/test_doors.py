"""The build fails for a route that nobody has a policy for."""

import asyncio
import re
from urllib.parse import unquote

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from regie.app import server
from regie.app.doors import Doors, Unguarded, doors
from regie.app.home import open_home
from regie.app.policy import ROUTES
from regie.store import audit
from regie.store.access import ACTIONS

ROUTE = {("GET", "/things/{name}"): "thing.read"}


def app(*paths):
    made, router = FastAPI(openapi_url=None), APIRouter(prefix="/things")
    for path in paths:
        router.get(path)(lambda: "x")
    made.include_router(router)
    return made


def test_a_route_without_a_policy_is_not_started():
    with pytest.raises(Unguarded, match=r"says nothing of \[\('GET', '/things/new'\)\]"):
        doors(app("/{name}", "/new"), ROUTE)


def test_a_policy_without_its_route_is_not_started():
    with pytest.raises(Unguarded, match=r"not there: \[\('GET', '/things/\{name\}'\)\]"):
        doors(app(), ROUTE)


def test_a_door_asks_by_the_path_that_its_route_sees():
    (door,) = doors(app("/{name}"), ROUTE)
    assert door.pattern.match("/things/a")
    assert not door.pattern.match("/things/a/b")
    assert (door.method, door.action, door.answers) == ("GET", "thing.read", None)


def test_the_servers_own_routes_are_exactly_those_of_the_table(tmp_path, monkeypatch):
    home = open_home(tmp_path)
    try:
        server.create_app(home)
        late = APIRouter()
        late.post("/api/v1/backdoor")(lambda: "x")
        monkeypatch.setattr(server.wiring, "ROUTERS", (*server.wiring.ROUTERS, late))
        with pytest.raises(Unguarded, match="backdoor"):
            server.create_app(home)
    finally:
        home.store.database.close()


def test_every_route_asks_an_action_that_exists():
    assert {one for one in ROUTES.values() if one != "public" and not one.endswith(".read")} <= ACTIONS


def test_whatever_writes_asks_for_more_than_reading():
    """A GET reads; of the others only those that ask for something in their body, and those that say what is not there yet."""
    asking = {
        ("POST", "/api/v1/audit/verify"),
        ("POST", "/api/v1/session"),  # who signs in is nobody yet: the code or the token says who it is
        *(("POST", path) for _, path in ROUTES if path.endswith(("/search", "/search-datasets", "/get-latest-versions", "/batchGetInfos"))),
    }  # fmt: skip
    reads = {route for route, action in ROUTES.items() if action.endswith(".read") or action == "public"}
    assert {one for one in reads if one[0] != "GET"} - asking - {one for one in reads if ROUTES[one] == "server.read"} == set()


def found(paths, method, path):
    """The route that the doors find, and what its path says."""
    made, routes = app(*paths), {("GET", f"/things{one}"): "thing.read" for one in paths}
    scope = {"type": "http", "method": method, "path": path}
    door = Doors(made, None, doors(made, routes))._door(scope)
    return (door.path.removeprefix("/things"), scope.get("path_params", {})) if door else None


@pytest.mark.parametrize(
    ("paths", "path", "expected"),
    [
        (("/new", "/{name}"), "/things/new", ("/new", {})),
        (("/{name}", "/new"), "/things/new", ("/{name}", {"name": "new"})),
        (("/new", "/{name}"), "/things/old", ("/{name}", {"name": "old"})),
        (("/{name}", "/{rest:path}"), "/things/a/b", ("/{rest:path}", {"rest": "a/b"})),
        (("/new", "/{name}"), "/things/new/", None),
        (("/new",), "/things/old", None),
    ],
)
def test_the_first_route_that_fits_is_the_one_whether_its_path_is_plain_or_not(paths, path, expected):
    assert found(paths, "GET", path) == expected
    assert found(paths, "HEAD", path) == expected
    assert found(paths, "POST", path) is None


def answered(app, method, path, body=b"", **headers):
    """The status of what the whole application answers, as a server would call it, and its headers."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        sent.append(message)

    said = {"host": "127.0.0.1", "content-type": "application/json", **headers}
    scope = {
        "type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in said.items()], "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.fixture
def whole(tmp_path):
    home = open_home(tmp_path)
    yield server.create_app(home)
    home.store.database.close()


def test_a_slash_too_many_leads_nowhere_and_never_into_another_workspace(whole):
    for method, path in (("GET", "/api/v1/runs/"), ("POST", "/api/v1/pipelines/x/runs/")):
        status, headers = answered(whole, method, f"/w/churn{path}", b"{}")
        assert (status, b"location" in headers) == (404, False)


@pytest.mark.parametrize("path", ["/api/v1/runs", "/get-artifact", "/api/v1/status", "/api/docs/nowhere"])
def test_a_path_that_ends_in_a_line_feed_is_no_path(whole, path):
    assert answered(whole, "GET", path + "%0A")[0] == 404


def test_the_page_about_the_api_runs_no_script_and_loads_nothing_of_another_site(whole):
    answer = TestClient(whole, base_url="http://127.0.0.1").get("/api/docs")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert not re.search(r"<script|src=|https?:", answer.text)
    for said in ("POST /api/v1/models/{name}/rollback", "model.rollback", "<strong><code>reason</code></strong>"):
        assert said in answer.text


@pytest.mark.parametrize("header", ["host", "origin"])
def test_half_of_an_address_is_not_this_machine(whole, header):
    assert answered(whole, "GET", "/api/v1/runs", **{header: "http://[::1" if header == "origin" else "[::1"})[0] == 403


def test_a_made_up_token_writes_one_record_a_minute_however_many_paths_it_tries(whole):
    for number in range(40):
        assert answered(whole, "POST", f"/nowhere/{number}", authorization="Bearer made-up")[0] == 404
    with whole.state.store.read() as db:
        tried = [one["target"] for one in audit.records(db) if one["action"] == "door.open"]
    assert set(tried) == {"a token"}
    assert len(tried) <= 2  # a minute may have ended in between


def test_a_page_of_somewhere_else_writes_one_record_a_minute_whatever_it_tries_and_calls_itself(whole):
    for number in range(40):
        assert answered(whole, "GET", f"/{number}", origin=f"http://{number}.evil.example")[0] == 403
        assert answered(whole, "GET", f"/{number}", **{"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"})[0] == 403
    with whole.state.store.read() as db:
        tried = [one for one in audit.records(db) if one["action"] == "door.open"]
    assert len(tried) <= 2  # a minute may have ended in between
    assert tried[0]["reason"] == "Origin http://0.evil.example is not this machine: GET /0"


def test_a_null_character_is_the_callers_mistake_and_its_try_is_audited(tmp_path, postgres_url):
    """PostgreSQL keeps none: neither as a name, nor in what the audit log says of who tried it."""
    home = open_home(tmp_path, url=postgres_url)
    try:
        app = server.create_app(home)
        assert answered(app, "GET", "/api/v1/runs/a%00b")[0] == 422
        assert answered(app, "POST", "/nowhere/a%00b")[0] == 404
        assert answered(app, "POST", "/api/v1/models/a%00b/rollback", authorization="Bearer made-up")[0] == 401
        with home.store.read() as db:
            assert [one["target"] for one in audit.records(db) if one["action"] == "door.open"] == ["POST /nowhere/a\ufffdb"]
            audit.verify(db)
    finally:
        home.store.database.close()
