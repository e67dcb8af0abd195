"""The control plane's doors: who may knock, and what bad input gets: a clear status and sentence, never a failure of the server."""

import json
import socket

import httpx2
import pytest

from regie.app.server import OpenToTheWorld, PortBusy, bind
from regie.base.canonical import sha256
from regie.predictions import ids
from tests.support.platform import START_DAY, free_ports, midnight, served

BIG = 1 << 63
ZERO = "sha256:" + "0" * 64


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with served(tmp_path_factory.mktemp("platform"), "doors") as world:
        yield world


@pytest.fixture
def http(world):
    with world.platform.http("doors") as client:
        yield client


# --- who may knock ---


@pytest.mark.parametrize("header", [("host", "evil.example"), ("host", "evil.example:8700"), ("origin", "https://evil.example"),
                                    ("origin", "null"), ("host", "127.0.0.1.evil.example")])  # fmt: skip
def test_a_page_of_somewhere_else_cannot_drive_the_server(http, header):
    answer = http.get("/api/v1/status", headers=dict([header]))
    assert (answer.status_code, answer.json()["code"]) == (403, "access.foreign")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:1", "[::1]:8700", "LOCALHOST"])
def test_this_machine_under_each_of_its_names_may(http, host):
    assert http.get("/api/v1/status", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])
def test_the_server_binds_to_loopback_only(host):
    with pytest.raises(OpenToTheWorld) as refused:
        bind(host, 0)
    assert refused.value.exit_code == 4


def test_a_busy_port_is_said_with_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortBusy) as refused:
        bind("127.0.0.1", taken.getsockname()[1])
    assert "--port" in str(refused.value)
    (port,) = free_ports(1)
    bind("127.0.0.1", port).close()


def test_an_unknown_token_is_401_and_never_the_local_user(world):
    with world.platform.http("doors", "nonsense") as client:
        assert client.get("/api/v1/status").status_code == 401
        assert client.post("/api/v1/pipelines/train/runs", json={}).status_code == 401


# --- bad input ---

UPLOAD = {"document": {}, "root": "/", "code_digest": ZERO}
BAD = [
    ("GET", "/api/v1/runs/none", None, 404),
    ("GET", "/api/v1/runs/none/logs", None, 404),
    ("POST", "/api/v1/runs/none/cancel", {"reason": "x"}, 404),
    ("POST", "/api/v1/runs/none/cancel", {}, 422),
    ("POST", "/api/v1/pipelines/trian/runs", {}, 404),
    ("POST", "/api/v1/pipelines/train/runs", {"code_digest": ZERO}, 404),
    ("POST", "/api/v1/pipelines/train/runs", {"code_digest": "../../etc/passwd"}, 422),
    ("POST", "/api/v1/pipelines/train/runs", {"params": []}, 422),
    ("GET", "/api/v1/datasets/none", None, 404),
    ("GET", "/api/v1/jobs/none", None, 404),
    ("GET", "/api/v1/rollouts/none", None, 404),
    ("GET", "/api/v1/why?thing=nothing", None, 404),
    ("GET", "/api/v1/why?thing=doors@champion", None, 404),
    ("GET", "/api/v1/why?thing=doors@99", None, 404),
    ("GET", "/api/v1/why?thing=none/none", None, 404),
    ("GET", "/api/v1/why", None, 422),
    ("PUT", "/api/v1/spec", UPLOAD, 422),
    ("PUT", "/api/v1/spec", {**UPLOAD, "document": {"workspace": "other"}}, 422),
    ("PUT", "/api/v1/spec", [], 422),
    ("POST", "/api/v1/clock/advance", {"to": -1}, 422),
    ("POST", "/api/v1/clock/advance", {"to": 1}, 422),
    ("POST", "/api/v1/clock/advance", {"to": "soon"}, 422),
    ("POST", "/api/v1/clock/advance", {"to": 1 << 60}, 422),
    ("POST", "/api/v1/labels", {"labels": [{"value": True}]}, 422),
    ("POST", "/api/v1/labels", {"labels": [{"key": "r1", "value": True}]}, 422),
    ("POST", "/api/v1/labels", {"labels": [{"prediction_id": "0" * 48, "value": True}]}, 404),
    ("POST", "/api/v1/labels", {"labels": [{"prediction_id": "short", "value": True}]}, 404),
    ("POST", "/api/v1/labels", {"labels": [{"key": "r1", "time_ms": 1, "value": None}]}, 422),
    ("POST", "/api/v1/labels", {"labels": [{"key": "r1", "time_ms": 1, "value": {"a": 1}}]}, 422),
    ("POST", "/api/v1/labels", {"labels": [{"key": "r1", "time_ms": -1, "value": True}]}, 422),
    ("POST", "/api/v1/labels", {"labels": [{"key": "r1", "time_ms": BIG, "value": True}]}, 422),
    ("POST", "/api/v1/labels", {"labels": "all"}, 422),
    ("GET", "/api/v1/blobs/" + ZERO, None, 404),
    ("GET", "/api/v1/blobs/sha256:..%2f..%2fregie.db", None, 404),
    ("GET", "/api/v1/blobs/nonsense", None, 422),
    ("GET", "/api/v1/packages/" + ZERO, None, 404),
    ("POST", "/api/v1/nodes/n/sync", {"nonce": "x"}, 422),
    ("POST", "/api/v1/nodes/n/sync", {"nonce": "x", "address": "y", "tag": 1 << 16}, 422),
    ("POST", "/api/v1/nodes/n/segments/1", None, 422),
    ("POST", "/api/v1/audit/verify", {"anchor": {"seq": 1}}, 422),
    ("GET", "/api/v1/nothing", None, 404),
    ("DELETE", "/api/v1/status", None, 405),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"), BAD, ids=[f"{one[0]} {one[1]} {number}" for number, one in enumerate(BAD)]
)
def test_bad_input_gets_its_status(http, method, path, body, status):
    answer = http.request(method, path, json=body) if body is not None else http.request(method, path)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("path", ["runs", "jobs", "rollouts", "events", "monitors", "breaches", "snapshots", "audit/records"])
@pytest.mark.parametrize("limit", ["-1", "0", str(BIG), "x", "1e3"])
def test_no_limit_breaks_the_server(http, path, limit):
    answer = http.get(f"/api/v1/{path}", params={"limit": limit})
    assert answer.status_code in (200, 422), answer.text
    for name in ("after",):
        assert http.get(f"/api/v1/{path}", params={name: limit}).status_code in (200, 422)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"to": 1e999}', b'{"to": NaN}'])
def test_what_is_not_json_gets_422(http, body):
    answer = http.post("/api/v1/clock/advance", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422), answer.text


def test_a_blob_that_is_not_what_it_says_is_refused_and_not_kept(http):
    digest = sha256(b"this")
    assert http.put(f"/api/v1/blobs/{digest}", content=b"that").status_code == 422
    assert http.get(f"/api/v1/blobs/{digest}").status_code == 404
    assert http.put(f"/api/v1/blobs/{digest}", content=b"this").status_code == 201
    assert http.put(f"/api/v1/blobs/{digest}", content=b"this").status_code == 200
    assert http.get(f"/api/v1/blobs/{digest}").content == b"this"


def test_one_impossible_statement_refuses_its_whole_batch(world, http):
    good = {"key": "r1", "time_ms": 1, "value": True}
    before = world.platform.rows("SELECT count(*) AS n FROM labels")
    assert http.post("/api/v1/labels", json={"labels": [good, {"value": True}]}).status_code == 422
    assert world.platform.rows("SELECT count(*) AS n FROM labels") == before


def test_a_label_of_a_prediction_that_was_not_delivered_yet_waits(world, http):
    secret = bytes.fromhex(world.platform.rows("SELECT secret FROM workspaces WHERE name = 'doors'")[0]["secret"])
    made_id = ids.PredictionIds(secret, 7).new()
    answer = http.post("/api/v1/labels", json={"labels": [{"prediction_id": made_id, "value": True}]})
    assert (answer.status_code, answer.json()["waiting"]) == (202, 1)


def test_the_clock_never_goes_back_and_says_where_it_is(http):
    now = midnight(START_DAY)
    answer = http.post("/api/v1/clock/advance", json={"to": now - 1})
    assert answer.status_code == 422
    assert "2026-01-21T00:00:00Z" in answer.json()["what"]
    assert http.get("/api/v1/clock").json() == {"mode": "driven", "now_ms": now, "now": "2026-01-21T00:00:00Z"}


@pytest.mark.parametrize("name", ["UPPER", "with space", "..", "-x", "x" * 64, "é"])
def test_a_name_that_cannot_be_a_workspace_is_404(world, name):
    assert httpx2.get(f"{world.platform.address}/w/{name}/api/v1/status", trust_env=False).status_code == 404


def test_a_workspace_without_a_file_says_what_to_do(world):
    with world.platform.http("nobody") as client:
        answer = client.get("/api/v1/status")
    assert (answer.status_code, answer.json()["do"]) == (404, "regie apply")


@pytest.mark.parametrize("path", ["/../doors/api/v1/status", "/%2e%2e/x"])
def test_dots_lead_nowhere(world, path):
    assert httpx2.get(f"{world.platform.address}/w{path}", trust_env=False).status_code in (200, 404)


def test_garbage_from_a_node_is_refused_and_what_came_before_stays(world, http):
    node = "/api/v1/nodes/garbage/segments/1"
    answer = http.post(node, params={"offset": 0}, content=b"garbage" * 10)
    assert 400 <= answer.status_code < 500, answer.text
    assert http.post(node, params={"offset": 99}, content=b"x").status_code == 409
    assert world.platform.rows("SELECT * FROM segments WHERE node = 'garbage'") == []
    assert http.post(node, params={"offset": -5}, content=b"x").status_code == 422


def test_nothing_of_all_this_changed_the_workspace(world):
    assert world.client.audit.verify()["verified"] is True
    assert world.client.runs.list() == []
    assert json.dumps(world.client.status()["rollout"]) == "null"


@pytest.mark.parametrize("header", ["Basic bG9jYWw6", "Bearer", "nonsense"])
def test_whoever_tries_to_authenticate_in_another_way_is_not_taken_for_the_local_user(http, header):
    assert http.get("/api/v1/status", headers={"authorization": header}).status_code == 401


def test_a_file_that_no_check_would_let_pass_is_not_applied_over_http_either(world, http):
    applied = http.get("/api/v1/spec").json()
    document = applied["document"]
    document["data"]["rows"]["holdout"] = "last 3d"
    facts = {name: applied[name] for name in ("root", "code_digest")}
    answer = http.put("/api/v1/spec", json={"document": document, **facts})
    assert (answer.status_code, answer.json()["where"]) == (422, "data.rows.holdout")


def test_a_node_tells_which_versions_failed_on_it_and_nonsense_is_refused(world, http):
    report = {"nonce": "n", "address": "here", "wait": False}
    said = {"restarts": 2, "fallbacks": 5, "shadow_errors": 0, "last_error": "its process died: killed, probably out of memory"}
    assert http.post("/api/v1/nodes/n9/sync", json=report | {"variants": {"doors": {"4": said}}}).status_code == 200
    [kept] = world.platform.rows("SELECT variants FROM nodes WHERE id = 'n9'")
    assert json.loads(kept["variants"]) == {"doors": {"4": said}}
    for wrong in ({"doors": {"4": {"restarts": "many"}}}, {"doors": 4}, {"doors": {"4": {"last_error": "x" * 5000}}}):
        assert http.post("/api/v1/nodes/n9/sync", json=report | {"variants": wrong}).status_code == 422


def test_a_rollback_of_what_was_never_released_says_so(http):
    path = "/api/v1/models/doors/rollback"
    assert (http.get(path).status_code, http.post(path, json={"reason": "no"}).status_code) == (404, 404)
    assert http.post(path, json={"reason": ""}).status_code == 422
    assert http.post("/api/v1/models/doors@1/rollback", json={"reason": "no"}).status_code == 422
