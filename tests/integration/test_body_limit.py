"""What a request may bear, at a real server by sockets: the rest is refused before it is kept, and harms nobody."""

import http.client
import itertools
import json
from contextlib import closing

import pytest

from regie.base.canonical import sha256
from tests.support.platform import Platform

MOST = 200_000
LABELS, CODES = "/w/flights/api/v1/labels", "/api/v1/session"
BLOB = b"b" * (2 * MOST)


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    made = Platform(tmp_path_factory.mktemp("limit"), REGIE_BODY_BYTES=str(MOST))
    try:
        made.begin("server")
        yield made
    finally:
        made.stop()


def asked(platform, method, path, body, connection=None, **headers):
    """A body that is an iterable goes in chunks, without its length."""
    with closing(http.client.HTTPConnection("127.0.0.1", platform.port, timeout=30)) as own:
        used = connection or own
        used.request(method, path, body, {"content-type": "application/json"} | headers)
        answer = used.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")


def peak_kb(platform):
    with open(f"/proc/{platform.processes['server'].popen.pid}/status") as file:
        return int(next(line.split()[1] for line in file if line.startswith("VmHWM:")))


def pieces(size, each=50_000):
    return (b"x" * min(each, size - at) for at in range(0, size, each))


def refused(said):
    status, body = said
    assert (status, body["code"]) == (413, "input.too_large"), said
    assert all(body[name] for name in ("what", "where", "do"))
    return body


@pytest.mark.parametrize("how", ["whole", "in chunks"])
def test_a_body_beyond_the_limit_is_refused_where_one_at_the_limit_is_read(platform, how):
    body = json.dumps({"labels": []}).encode()
    for size, too_large in ((MOST, False), (MOST + 1, True)):
        padded = body + b" " * (size - len(body))
        said = asked(platform, "POST", LABELS, padded if how == "whole" else iter([padded[:-1], padded[-1:]]))
        if too_large:
            assert "200,000" in refused(said)["what"]
        else:
            assert said[0] == 404, said  # it was read: the workspace is not there


def test_a_body_that_is_announced_is_refused_before_any_of_it_is_sent(platform):
    with closing(http.client.HTTPConnection("127.0.0.1", platform.port, timeout=30)) as connection:
        connection.putrequest("POST", LABELS)
        connection.putheader("content-length", str(1 << 40))
        connection.endheaders()
        assert connection.getresponse().status == 413


def test_a_body_without_an_end_costs_no_memory_and_the_connection_goes_on(platform):
    refused(asked(platform, "POST", LABELS, pieces(MOST * 2)))
    before = peak_kb(platform)
    with closing(http.client.HTTPConnection("127.0.0.1", platform.port, timeout=30)) as connection:
        for _ in range(2):
            refused(asked(platform, "POST", LABELS, pieces(64 << 20, 1 << 20), connection))
        refused(asked(platform, "POST", LABELS, b"x" * (64 << 20), connection))
        assert asked(platform, "GET", "/api/v1/info", None, connection)[0] == 200
    assert peak_kb(platform) - before < 8_000, (before, peak_kb(platform))


def test_who_has_no_right_hears_of_that_and_not_of_the_size(platform):
    assert asked(platform, "POST", LABELS, b"x" * (MOST + 1), authorization="Bearer nobody")[0] == 401


def test_who_signs_in_sends_little(platform):
    """It is read before anybody has said who asks."""
    refused(asked(platform, "POST", CODES, json.dumps({"code": "x" * (64 << 10)}).encode()))
    assert asked(platform, "POST", CODES, json.dumps({"code": "x" * 100}).encode())[0] == 401


def test_what_goes_to_the_disk_and_what_mlflow_bounds_itself_may_be_larger(platform):
    for body in (BLOB, iter([BLOB[:MOST], BLOB[MOST:]])):
        assert asked(platform, "PUT", f"/api/v1/blobs/{sha256(BLOB)}", body)[0] in (200, 201)
    made = asked(platform, "POST", "/api/2.0/mlflow/runs/create", json.dumps({"experiment_id": "0"}).encode())[1]["run"]["info"]
    run, place = made["run_id"], made["artifact_uri"].removeprefix("mlflow-artifacts:/")
    assert asked(platform, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{place}/large.bin", BLOB)[0] == 200
    metrics = [{"key": f"m{number}" + "k" * 230, "value": 1, "timestamp": 1, "step": 0} for number in range(900)]
    batch = json.dumps({"run_id": run, "metrics": metrics}).encode()
    assert len(batch) > MOST
    assert asked(platform, "POST", "/api/2.0/mlflow/runs/log-batch", batch)[0] == 200
    stretch = asked(platform, "POST", "/api/v1/nodes/n1/segments/1?offset=0", b"y" * (MOST + 1))
    assert (stretch[0], stretch[1]["code"]) != (413, "input.too_large"), stretch


def test_a_refused_body_on_the_way_of_a_version_to_its_users_is_audited(platform):
    refused(asked(platform, "POST", LABELS, itertools.repeat(b"x" * MOST, 3)))
    found = platform.rows("SELECT record FROM audit_records WHERE record LIKE '%label.state%'")
    assert any("413 input.too_large" in one["record"] for one in found), found
