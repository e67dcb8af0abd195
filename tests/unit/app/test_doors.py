"""The build fails for a route that nobody has a policy for."""

import pytest
from fastapi import APIRouter, FastAPI

from regie.app import server
from regie.app.doors import Unguarded, doors
from regie.app.home import open_home
from regie.app.policy import ROUTES
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
    assert (door.method, door.action, door.wire) == ("GET", "thing.read", False)


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
    """A GET reads; of the others only those that ask for something in their body."""
    asking = {
        ("POST", "/api/v1/audit/verify"), ("POST", "/v1/traces"),
        *(("POST", path) for _, path in ROUTES if path.endswith(("/search", "/search-datasets", "/get-latest-versions"))),
    }  # fmt: skip
    reads = {route for route, action in ROUTES.items() if action.endswith(".read") or action == "public"}
    assert {one for one in reads if one[0] != "GET"} - asking - {one for one in reads if "{number}" in one[1]} == set()
