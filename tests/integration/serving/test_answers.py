"""Answers of a real serving process over real sockets, and what it refuses."""

import json
from pathlib import Path

import pytest

from regie.predictions import ids
from regie.runtime.package import open_package

from .conftest import MAC_KEY, ROW, Client, Node, route, until, variant

SPLIT = {"columns": list(ROW), "data": [list(ROW.values())]}
COLUMNS = {name: [value] for name, value in ROW.items()}
KINDS = {"carrier": "BYTES", "distance": "FP64", "hour": "INT64"}
TENSORS = [{"name": n, "shape": [1], "datatype": KINDS[n], "data": [v]} for n, v in ROW.items()]


@pytest.fixture(scope="module")
def serving(tmp_path_factory, packages):
    one = Node(tmp_path_factory.mktemp("home") / "node")
    one.home.mkdir()
    one.routes({"flights": route([variant(1, "lgb1")])}, packages)
    yield one.start()
    one.kill()


@pytest.fixture
def client(serving):
    with serving.client() as one:
        yield one


def expected(packages: dict[str, Path]) -> float:
    return open_package(packages["lgb1"]).answer_records([ROW])[0]


@pytest.mark.parametrize(
    "body", [{"dataframe_records": [ROW]}, {"dataframe_split": SPLIT}, {"inputs": COLUMNS}, {"inputs": [ROW]}]
)
@pytest.mark.parametrize("path", ["/invocations", "/endpoints/flights/invocations"])
def test_each_form_of_mlflows_scoring_protocol_gets_the_models_answer_with_an_id(client, packages, body, path):
    status, answer = client.call("POST", path, body)
    assert (status, answer["version"]) == (200, "1")
    assert answer["predictions"] == [expected(packages)]
    assert ids.check(bytes.fromhex(MAC_KEY), answer["prediction_ids"][0])


@pytest.mark.parametrize("shape", [[1], [1, 1]])
def test_the_open_inference_protocol_gets_the_same_answer(client, packages, shape):
    nested = [{**tensor, "shape": shape, "data": [tensor["data"]] if len(shape) == 2 else tensor["data"]} for tensor in TENSORS]
    status, answer = client.call("POST", "/v2/models/flights/infer", {"id": "mine", "inputs": nested})
    assert (status, answer["id"], answer["model_name"], answer["model_version"]) == (200, "mine", "flights", "1")
    predictions, made = answer["outputs"]
    assert (predictions["name"], predictions["datatype"], predictions["shape"]) == ("predictions", "FP64", [1])
    assert predictions["data"] == [expected(packages)]
    assert ids.check(bytes.fromhex(MAC_KEY), made["data"][0])


def test_a_hundred_rows_are_a_hundred_predictions_each_with_its_own_id(client, serving):
    rows = [{**ROW, "hour": n % 24, "flight": n} for n in range(100)]
    status, answer = client.call("POST", "/invocations", {"dataframe_records": rows}, X_Request_Id="hundred")
    assert status == 200
    assert len(set(answer["prediction_ids"])) == len(answer["predictions"]) == 100
    assert answer["prediction_ids"] == sorted(answer["prediction_ids"])
    [record] = [one for one in serving.records() if one["rid"] == "hundred"]
    assert record["ids"] == answer["prediction_ids"]
    assert record["y"] == answer["predictions"]
    assert record["keys"] == [str(n) for n in range(100)]


def test_the_record_holds_key_time_inputs_and_output_and_the_requests_own_id(client, serving):
    answer = client.ask({**ROW, "flight": "AA 1", "at": "2013-02-15T00:00:00Z"}, X_Request_Id="kept", Regie_Time="1970-01-01")
    assert answer["request_id"] == "kept"
    [record] = [one for one in serving.records() if one["rid"] == "kept"]
    assert {name: record[name] for name in ("k", "w", "e", "g", "v", "r", "m", "keys", "times", "cols", "rows", "y", "ids")} == {
        "k": "p", "w": "flights", "e": "flights", "g": 1, "v": 1, "r": "champion", "m": "live", "keys": ["AA 1"],
        "times": [1360886400000], "cols": list(ROW), "rows": [list(ROW.values())], "y": answer["predictions"],
        "ids": answer["prediction_ids"],
    }  # fmt: skip
    assert abs(record["t"] - record["wall"]) < 1000  # a wall clock is moved by no header
    assert 0 < record["ms"] < 1000
    assert "fb" not in record
    assert "err" not in record


def test_without_key_and_time_the_key_is_null_and_the_target_time_is_the_events(client, serving):
    client.ask(X_Request_Id="bare")
    [record] = [one for one in serving.records() if one["rid"] == "bare"]
    assert record["keys"] == [None]
    assert record["times"] == [record["t"]]


def refused(body: object, status: int, says: str, path: str = "/invocations", method: str = "POST", **headers: str):
    name = f"{status} {says or path} {json.dumps(body)[:40] if not isinstance(body, bytes) else body[:20]}"
    return pytest.param(method, path, body, status, says, headers, id=name)


def records(**changes: object) -> dict[str, object]:
    return {"dataframe_records": [{**ROW, **changes}]}


@pytest.mark.parametrize(("method", "path", "body", "status", "says", "headers"), [
    refused(b"{", 400, "not JSON"),
    refused(b"", 400, "not JSON"),
    refused(b"[" * 100_000, 400, "not JSON"),
    refused(b"\xff\xfe\x00", 400, "not JSON"),
    refused([1], 400, "not a JSON object"),
    refused({}, 422, "(none)"),
    refused({"instances": [ROW]}, 422, "instances"),
    refused({"dataframe_records": {}}, 422, "list"),
    refused({"dataframe_records": []}, 422, "no row"),
    refused({"dataframe_records": [1]}, 422, "object"),
    refused({"dataframe_split": {"columns": ["a"]}}, 422, "data"),
    refused({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, 422, "values"),
    refused({"inputs": {"carrier": ["AA"], "distance": [1.0, 2.0], "hour": [1]}}, 422, "different lengths"),
    refused({"inputs": {"carrier": "AA"}}, 422, "not a list"),
    refused({"dataframe_records": [{"carrier": "AA", "distance": 1.0}]}, 422, "hour is missing"),
    refused(records(hour="eight"), 422, "an integer"),
    refused(records(hour=None), 422, "null"),
    refused(records(distance=True), 422, "number"),
    refused(records(colour="red"), 422, "no feature colour"),
    refused(records(flight=["a"]), 422, "key flight"),
    refused(records(at="noon"), 422, "not a time"),
    refused(records(at=True), 422, "not a time"),
    refused(b'{"dataframe_records": [{"carrier": "AA", "distance": Infinity, "hour": 1}]}', 422, "infinite"),
    refused({"dataframe_records": [ROW] * 10_001}, 413, "10000"),
    refused(b" " * ((10 << 20) + 1), 413, "10 MiB"),
    refused(records(), 404, "nothing", "/endpoints/nothing/invocations"),
    refused(records(), 404, "no such page", "/endpoints/a/b/invocations"),
    refused(records(), 422, "request id", X_Request_Id="x" * 129),
    refused(records(), 403, "evil.example", Host="evil.example"),
    refused(records(), 403, "evil.example", Origin="https://evil.example"),
    refused(None, 405, "GET", method="GET"),
    refused(None, 405, "POST", "/health"),
    refused(None, 404, "no such page", "/nowhere", "GET"),
    refused({"inputs": []}, 422, "tensors", "/v2/models/flights/infer"),
    refused({"inputs": [{**TENSORS[0], "datatype": "FP8"}]}, 422, "FP8", "/v2/models/flights/infer"),
    refused({"inputs": [{**TENSORS[0], "shape": [2]}]}, 422, "1 values", "/v2/models/flights/infer"),
    refused({"inputs": [{**TENSORS[1], "data": ["x"]}]}, 422, "FP64", "/v2/models/flights/infer"),
    refused({"inputs": [TENSORS[0], TENSORS[0]]}, 422, "twice", "/v2/models/flights/infer"),
    refused({"inputs": TENSORS}, 404, "chooses the version", "/v2/models/flights/versions/1/infer"),
])  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_status_and_a_sentence(serving, method, path, body, status, says, headers):
    before = len(serving.records())
    with serving.client() as client:
        given, answer = client.call(method, path, body, **headers)
    assert given == status, answer
    assert says in f"{answer['what']} {answer['where']}"
    assert answer["code"]
    assert len(serving.records()) == before
    assert serving.get("/health")[0] == 200


def test_after_a_refusal_the_same_connection_goes_on(client):
    assert client.call("POST", "/invocations", b"{")[0] == 400
    assert client.ask()["version"] == "1"


def test_the_pages_tell_state_counts_and_signature(client, serving):
    client.ask()
    client.call("POST", "/invocations", b"{")
    assert client.call("GET", "/health")[1]["endpoints"]["flights"]["path"] == "lightgbm-rows"
    text = client.call("GET", "/metrics")[1]
    answered = sum(one["k"] == "p" for one in serving.records())
    assert f'regie_requests_total{{endpoint="flights",version="1"}} {answered}' in text
    assert f'regie_latency_seconds_bucket{{endpoint="flights",version="1",le="+Inf"}} {answered}' in text
    assert client.call("GET", "/v2")[1]["name"] == "regie"
    assert client.call("GET", "/v2/health/live") == (200, {"live": True})
    assert client.call("GET", "/v2/health/ready") == (200, {"ready": True})
    assert client.call("GET", "/v2/models/flights/ready")[0] == 200
    assert client.call("GET", "/v2/models/other/ready")[0] == 503
    inputs = client.call("GET", "/v2/models/flights")[1]["inputs"]
    assert [(one["name"], one["datatype"]) for one in inputs] == list(KINDS.items())


def test_a_node_without_a_route_is_healthy_and_answers_503_that_there_is_no_champion(node):
    node.start()
    with node.client() as client:
        status, answer = client.call("POST", "/invocations", records())
    assert (status, answer["code"]) == (503, "serving.no_champion")
    assert node.get("/v2/health/ready")[0] == 503


def test_under_a_driven_clock_the_header_gives_the_business_time_else_the_clock_does(node, packages):
    node.routes({"flights": route([variant(1, "lgb1")]), "other": route([variant(2, "lgb2")])}, packages, clock="driven")
    node.start()
    with node.client() as client:
        for name, headers in {"iso": {"Regie_Time": "2013-02-15T00:00:00Z"}, "ms": {"Regie_Time": "77"}, "none": {}}.items():
            path = "/endpoints/flights/invocations"
            assert client.call("POST", path, records(), X_Request_Id=name, **headers)[0] == 200
        assert client.call("POST", path, records(), Regie_Time="soon")[0] == 422
        assert client.call("POST", "/invocations", records())[0] == 404  # which of the two?
    assert {one["rid"]: one["t"] for one in node.records()} == {"iso": 1360886400000, "ms": 77, "none": 5000}


def test_a_model_without_a_fast_path_and_one_of_scikit_learn_answer_too(node, packages):
    node.routes({"linear": route([variant(1, "linear")])}, packages)
    node.start()
    with node.client() as client:
        answer = client.ask({"distance": 10.0, "hour": 3})
        assert answer["predictions"] == [pytest.approx(23.0)]
        rows = [{"distance": float(n), "hour": 0} for n in range(5000)]
        status, many = client.call("POST", "/invocations", {"dataframe_records": rows})
        assert (status, len(many["predictions"])) == (200, 5000)
    assert until(lambda: len(node.records()) == 2)


def test_requests_of_many_connections_at_once_are_all_answered(serving):
    clients = [Client(serving.port) for _ in range(50)]
    body = json.dumps(records()).encode()
    for one in clients:
        one.connection.request("POST", "/invocations", body)
    assert [one.connection.getresponse().status for one in clients] == [200] * 50
    for one in clients:
        one.connection.close()
