"""Around the doors: paths, methods, pages, names, clocks."""

import pytest

from tests.support.platform import Platform, midnight
from tests.support.siege import FAILED, NAME, PENDING, document


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/rollouts", {"version": FAILED}),
        ("PUT", "/api/v1/rollouts/x", {"state": "running"}),
        ("POST", "/api/v1/events", {"type": "gates.passed", "subject": f"{NAME}@2"}),
        ("POST", "/api/v1/jobs", {"kind": "gates.judge", "args": {"version": FAILED}}),
        ("POST", "/api/v1/gates/evidence", {"version": FAILED, "verdict": "passed"}),
        ("PUT", f"/api/v1/models/{NAME}", {"champion": FAILED}),
        ("PUT", f"/api/v1/models/{NAME}/champion", {"version": FAILED}),
        ("POST", "/api/v1/routes", {"endpoint": NAME}),
    ],
)  # fmt: skip
def test_a_door_that_is_not_there(siege, method, path, body):
    assert siege.call(method, path, body).status_code in (404, 405)
    siege.audited("door.open", f"{method} {path}")


def test_another_method_in_a_header(siege):
    path = f"/api/v1/approvals/{NAME}@{PENDING}/grant"
    assert siege.call("GET", path, **{"X-HTTP-Method-Override": "POST"}, who="val").status_code == 405
    siege.audited("door.open", path, "val")
    assert siege.approval(PENDING)["state"] == "pending"


@pytest.mark.parametrize("header", [("host", "evil.example"), ("origin", "https://evil.example"), ("origin", "null")])
def test_a_web_page_of_somewhere_else(siege, header):
    path = f"/api/v1/models/{NAME}/rollback"
    assert siege.call("POST", path, {"reason": "x"}, **dict([header])).status_code == 403
    siege.audited("door.open", "is not this machine", "nobody")


@pytest.mark.parametrize("prefix", ["/w/elsewhere%2f..%2fattacked", "/w/elsewhere%252f..%252fattacked", "/w/..%2fw%2fattacked",
                                    "/w/attacked%00", "//w/attacked", "/w/ATTACKED"])  # fmt: skip
def test_a_path_that_means_another_workspace_than_it_says(siege, prefix):
    answer = siege.call("POST", f"{prefix}/api/v1/approvals/{NAME}@{PENDING}/grant", {"reason": "x"}, "far", workspace="")
    assert answer.status_code in (403, 404), answer.text
    found = siege.refusals("door.open") + siege.refusals("approval.grant")
    assert any(one["actor"] in ("far", "nobody") for one in found)


@pytest.mark.parametrize(
    "name", ["attacked' OR '1'='1", "attacked'; DROP TABLE champions; --", "..%2f..%2fregie.db", "%00", "a" * 600]
)
def test_statements_and_paths_in_names(siege, name):
    assert siege.call("POST", f"/api/v1/models/{name}/rollback", {"reason": "x"}).status_code in (404, 422)
    assert siege.call("POST", f"/api/v1/approvals/{name}@4/grant", {"reason": "x"}, "val").status_code in (404, 422)
    assert siege.wire("POST", "/registered-models/alias", name=name, alias="champion", version="1").status_code in (400, 404)
    assert siege.refusals("model.rollback") or siege.refusals("door.open")


def test_a_label_for_a_prediction_id_that_was_made_up(siege):
    row = int(siege.world.data.of_day(siege.world.day)[0])
    siege.world.ask(row, midnight(siege.world.day))
    real = siege.world.ids[row]
    forged = real[:-1] + ("0" if real[-1] != "0" else "1")
    said = {"labels": [{"prediction_id": forged, "value": True, "stated_ms": midnight(siege.world.day)}]}
    assert siege.call("POST", "/api/v1/labels", said, "sci").status_code == 404
    siege.audited("label.state", "/api/v1/labels", "sci")


def test_a_clock_that_is_set_back(siege):
    assert siege.call("POST", "/api/v1/clock/advance", {"to": midnight(0)}, "eve").status_code == 422
    siege.audited("clock.advance", "never goes back", "eve")


def test_a_clock_that_is_moved_where_it_is_the_walls(siege, tmp_path):
    platform = Platform(tmp_path)
    words = platform.processes["server"].words
    del words[words.index("--replay-from") :]
    try:
        platform.begin("server")
        with platform.http("wall") as http:
            client = platform.client("wall")
            code = client.blobs.put(b"no code")
            edited = document(siege, approve="") | {"workspace": "wall"}
            assert http.put("/api/v1/spec", json={"document": edited, "root": "/", "code_digest": code}).status_code == 200
            assert http.post("/api/v1/clock/advance", json={"to": 1 << 50}).status_code == 409
            refused = [one for one in client.audit.records() if one["result"] == "refused"]
            assert [one["action"] for one in refused] == ["clock.advance"]
            client.close()
    finally:
        platform.stop()
