"""What the wire answers, call by call, as a stock server does, or differs on purpose (docs/mlflow.md): found by sending both the same.

`{experiment}`, `{run}` and so on stand for what is there, `{new}` for a name that nobody has.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from uuid import uuid4

import pytest

TAKEN, GONE, WRONG = (400, "RESOURCE_ALREADY_EXISTS"), (404, "RESOURCE_DOES_NOT_EXIST"), (400, "INVALID_PARAMETER_VALUE")
GOOD, LATER = (200, ""), (501, "NOT_IMPLEMENTED")
NOBODY = "0" * 32
KEY, LONG_KEY = "k" * 250, "k" * 251


@pytest.fixture(scope="module")
def things(server) -> dict[str, str]:
    """Something of each kind, alive and deleted."""
    client = server.client()
    name = uuid4().hex
    experiment, deleted = client.create_experiment(f"e{name}"), client.create_experiment(f"d{name}")
    run, deleted_run = client.create_run(experiment).info.run_id, client.create_run(experiment).info.run_id
    client.log_param(run, "kept", "1")
    client.set_tag(run, "tag", "1")
    client.log_text(run, "x", "model/MLmodel")
    client.delete_run(deleted_run)
    client.delete_experiment(deleted)
    client.create_registered_model(f"m{name}", tags={"tag": "1"})
    for _ in range(2):
        client.create_model_version(f"m{name}", f"runs:/{run}/model", run)
    client.set_registered_model_alias(f"m{name}", "best", "1")
    logged = client.create_logged_model(experiment, "logged", run, params={"kept": "1"}).model_id
    return {
        "url": server.url, "experiment": experiment, "experiment_name": f"e{name}", "deleted": deleted, "deleted_name": f"d{name}",
        "run": run, "deleted_run": deleted_run, "model": f"m{name}", "logged": logged,
    }  # fmt: skip


def filled(said: Any, things: dict[str, str]) -> Any:
    if isinstance(said, dict):
        return {name: filled(value, things) for name, value in said.items()}
    if isinstance(said, list):
        return [filled(value, things) for value in said]
    if isinstance(said, str) and "{" in said:
        for name, value in things.items():
            said = said.replace("{" + name + "}", value)
        said = said.replace("{new}", uuid4().hex)
    return said


def ask(things: dict[str, str], method: str, path: str, said: Any, kind: str = "application/json") -> tuple[int, dict[str, Any]]:
    """One call: a query for GET, else JSON; bytes go as they are."""
    said = filled(said, things)
    url = f"{things['url']}/api/2.0/mlflow/{filled(path, things)}"
    if method == "GET":
        request = urllib.request.Request(f"{url}?{urllib.parse.urlencode(said or {}, doseq=True)}")
    else:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        request = urllib.request.Request(url, body, {"Content-Type": kind}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


EXPERIMENT, RUN, MODEL = {"experiment_id": "{experiment}"}, {"run_id": "{run}"}, {"name": "{model}"}
VERSION = MODEL | {"version": "1"}
POINT = RUN | {"key": "m", "value": 1, "timestamp": 1}


def tag(key: Any, value: Any = "v") -> dict[str, Any]:
    return {"key": key, "value": value}


CASES: list[tuple[str, str, Any, tuple[int, str]]] = [
    # experiments
    ("POST", "experiments/create", {"name": "{experiment_name}"}, TAKEN),
    ("POST", "experiments/create", {"name": "{deleted_name}"}, TAKEN),
    ("POST", "experiments/create", {"name": ""}, WRONG),
    ("POST", "experiments/create", {}, WRONG),
    ("POST", "experiments/create", {"name": 5}, WRONG),
    ("POST", "experiments/create", {"name": "x" * 501}, WRONG),
    ("POST", "experiments/create", {"name": "E{new}", "unknown": 1}, GOOD),
    ("POST", "experiments/create", {"name": "/Users/é中 {new}"}, GOOD),
    ("POST", "experiments/create", {"name": "{new}", "tags": "x"}, WRONG),
    ("POST", "experiments/create", {"name": "{new}", "tags": [tag("a"), tag("a", "b")]}, GOOD),
    ("POST", "experiments/create", {"name": "{new}", "artifact_location": "s3://b/k"}, LATER),
    ("GET", "experiments/get", {"experiment_id": NOBODY}, GONE),
    ("GET", "experiments/get", {}, WRONG),
    ("GET", "experiments/get", {"experiment_id": "0"}, GOOD),
    ("GET", "experiments/get", {"experiment_id": "{deleted}"}, GOOD),
    ("GET", "experiments/get-by-name", {"experiment_name": "{deleted_name}"}, GOOD),
    ("GET", "experiments/get-by-name", {"experiment_name": "E{experiment_name}"}, GONE),
    ("POST", "experiments/update", EXPERIMENT | {"new_name": "{experiment_name}"}, GOOD),
    ("POST", "experiments/update", EXPERIMENT | {"new_name": "{deleted_name}"}, TAKEN),
    ("POST", "experiments/update", EXPERIMENT | {"new_name": "x" * 501}, WRONG),
    ("POST", "experiments/update", EXPERIMENT, WRONG),
    ("POST", "experiments/update", {"experiment_id": "{deleted}", "new_name": "{new}"}, WRONG),
    ("POST", "experiments/delete", {"experiment_id": "{deleted}"}, GONE),
    ("POST", "experiments/delete", {"experiment_id": NOBODY}, GONE),
    ("POST", "experiments/restore", EXPERIMENT, GONE),
    ("POST", "experiments/set-experiment-tag", EXPERIMENT | tag(KEY), GOOD),
    ("POST", "experiments/set-experiment-tag", EXPERIMENT | tag(LONG_KEY), WRONG),
    ("POST", "experiments/set-experiment-tag", EXPERIMENT | tag("../a"), WRONG),
    ("POST", "experiments/set-experiment-tag", EXPERIMENT | tag("a", 4), WRONG),
    ("POST", "experiments/set-experiment-tag", {"experiment_id": "{deleted}"} | tag("a"), WRONG),
    ("POST", "experiments/delete-experiment-tag", EXPERIMENT | {"key": "nobody"}, GONE),
    ("POST", "experiments/search", {"max_results": 50_000}, GOOD),
    ("POST", "experiments/search", {"max_results": "3"}, GOOD),
    ("POST", "experiments/search", {"max_results": 50_001}, WRONG),
    ("POST", "experiments/search", {"max_results": -1}, WRONG),
    ("POST", "experiments/search", {"max_results": 1, "page_token": "zzz"}, WRONG),
    ("POST", "experiments/search", {"max_results": 1, "view_type": 3}, GOOD),
    ("POST", "experiments/search", {"max_results": 1, "view_type": "NOPE"}, WRONG),
    ("POST", "experiments/search", {"max_results": 1, "filter": "name == "}, WRONG),
    ("POST", "experiments/search", {"max_results": 1, "filter": "name = 'a' OR name = 'b'"}, WRONG),
    ("GET", "experiments/search", {"max_results": 1, "order_by": ["name SIDEWAYS"]}, WRONG),
    ("GET", "experiments/search", {"max_results": 1, "order_by": ["name DESC"], "view_type": "ALL"}, GOOD),
    ("POST", "experiments/search-datasets", {}, WRONG),
    ("POST", "experiments/search-datasets", {"experiment_ids": [NOBODY] * 21}, WRONG),
    ("POST", "experiments/search-datasets", {"experiment_ids": [NOBODY]}, GOOD),
    # runs
    ("POST", "runs/create", {"experiment_id": "{deleted}"}, WRONG),
    ("POST", "runs/create", {"experiment_id": NOBODY}, GONE),
    ("POST", "runs/create", {"experiment_id": 5}, WRONG),
    ("POST", "runs/create", {}, GOOD),
    ("POST", "runs/create", EXPERIMENT | {"start_time": "12"}, GOOD),
    ("POST", "runs/create", EXPERIMENT | {"start_time": 1.5}, GOOD),
    ("POST", "runs/create", EXPERIMENT | {"start_time": "abc"}, WRONG),
    ("POST", "runs/create", EXPERIMENT | {"start_time": 2**63}, WRONG),
    ("POST", "runs/create", EXPERIMENT | {"run_name": "m", "tags": [tag("mlflow.runName", "n")]}, WRONG),
    ("POST", "runs/create", EXPERIMENT | {"run_name": "n", "tags": [tag("mlflow.runName", "n")]}, GOOD),
    ("POST", "runs/create", EXPERIMENT | {"tags": [tag("a", None)]}, GOOD),
    ("GET", "runs/get", {"run_uuid": "{run}"}, GOOD),
    ("GET", "runs/get", {"run_id": NOBODY}, GONE),
    ("GET", "runs/get", {"runId": "{run}"}, WRONG),
    ("GET", "runs/get", {"run_id": "{deleted_run}"}, GOOD),
    ("POST", "runs/update", RUN | {"status": 3, "end_time": "5"}, GOOD),
    ("POST", "runs/update", RUN | {"status": "RUNNING"}, GOOD),
    ("POST", "runs/update", RUN | {"status": "finished"}, WRONG),
    ("POST", "runs/update", RUN | {"end_time": "x"}, WRONG),
    ("POST", "runs/update", {"run_id": "{deleted_run}", "status": "FINISHED"}, WRONG),
    ("POST", "runs/delete", {"run_id": NOBODY}, GONE),
    ("POST", "runs/delete", {"run_id": "{deleted_run}"}, GOOD),
    ("POST", "runs/restore", RUN, GOOD),
    ("POST", "runs/set-tag", RUN | {"key": "a"}, GOOD),
    ("POST", "runs/set-tag", RUN | tag("a", True), WRONG),
    ("POST", "runs/set-tag", RUN | tag("a", "x" * 9_000), GOOD),
    ("POST", "runs/set-tag", RUN | tag(""), WRONG),
    ("POST", "runs/set-tag", RUN | tag("regie.kind"), WRONG),
    ("POST", "runs/set-tag", {"run_id": "{deleted_run}"} | tag("a"), WRONG),
    ("POST", "runs/delete-tag", RUN | {"key": "nobody"}, GONE),
    ("POST", "runs/delete-tag", {"run_id": "{deleted_run}", "key": "a"}, WRONG),
    *[("POST", "runs/set-tag", RUN | tag(key), GOOD) for key in ("a/b", "a b", "a.b", "a-b", "a:b", "é", "中", KEY)],
    *[("POST", "runs/set-tag", RUN | tag(key), WRONG) for key in ("a@b", "a\tb", "..", "../a", "/a", "a//b", "./a", "a/", "a'b", LONG_KEY)],
    ("POST", "runs/log-parameter", RUN | tag("kept", "1"), GOOD),
    ("POST", "runs/log-parameter", RUN | tag("kept", "2"), WRONG),
    ("POST", "runs/log-parameter", RUN | tag("Kept", "2"), GOOD),
    ("POST", "runs/log-parameter", RUN | tag("null", None), GOOD),
    ("POST", "runs/log-parameter", RUN | tag("number", 1), WRONG),
    ("POST", "runs/log-parameter", RUN | tag("long", "x" * 7_000), GOOD),
    ("POST", "runs/log-parameter", {"run_id": NOBODY} | tag("a"), GONE),
    ("POST", "runs/log-parameter", tag("a"), WRONG),
    # metrics
    *[("POST", "runs/log-metric", POINT | {"value": one}, GOOD) for one in ("1.5", "NaN", "Infinity", "-Infinity", "1e400", -0.0, 2**53 + 1)],
    *[("POST", "runs/log-metric", POINT | {"value": one}, WRONG) for one in ("abc", "", None, [], {}, True, "0x10")],
    *[("POST", "runs/log-metric", POINT | {"timestamp": one}, GOOD) for one in ("1", 1.5, 2**63 - 1, 1.0, "1e3")],
    *[("POST", "runs/log-metric", POINT | {"timestamp": one}, WRONG) for one in (-1, "x", "1.5", None, [], True, 2**63)],
    *[("POST", "runs/log-metric", POINT | {"step": one}, GOOD) for one in (-1, "1", None, -(2**63), 1.5)],
    *[("POST", "runs/log-metric", POINT | {"step": one}, WRONG) for one in ("", "x", [], {}, "1.5", 2**63)],
    ("POST", "runs/log-metric", {"run_id": "{deleted_run}", "key": "m", "value": 1, "timestamp": 1}, WRONG),
    ("POST", "runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}, WRONG),
    ("POST", "runs/log-metric", POINT | {"model_id": "m-" + NOBODY}, GONE),
    ("POST", "runs/log-batch", RUN, GOOD),
    ("POST", "runs/log-batch", {}, WRONG),
    ("POST", "runs/log-batch", RUN | {"metrics": [POINT | {"key": f"k{i}"} for i in range(1_001)]}, WRONG),
    ("POST", "runs/log-batch", RUN | {"params": [tag(f"k{i}") for i in range(101)]}, WRONG),
    ("POST", "runs/log-batch", RUN | {"tags": [tag(f"k{i}") for i in range(101)]}, WRONG),
    ("POST", "runs/log-batch", RUN | {"params": [tag("twice", "o"), tag("twice", "p")]}, WRONG),
    ("POST", "runs/log-batch", RUN | {"metrics": "x"}, WRONG),
    ("POST", "runs/log-batch", RUN | {"metrics": [None]}, WRONG),
    ("POST", "runs/log-batch", {"run_id": NOBODY}, GONE),
    ("GET", "metrics/get-history", RUN | {"metric_key": "m", "max_results": 0}, WRONG),
    ("GET", "metrics/get-history", RUN | {"metric_key": "m", "max_results": 25_000}, GOOD),
    ("GET", "metrics/get-history", RUN | {"metric_key": "m", "page_token": "abc"}, WRONG),
    ("GET", "metrics/get-history", RUN, WRONG),
    ("GET", "metrics/get-history", {"run_id": "{deleted_run}", "metric_key": "m"}, GOOD),
    # inputs and outputs
    ("POST", "runs/log-inputs", {"datasets": []}, WRONG),
    ("POST", "runs/log-inputs", RUN | {"datasets": "x"}, WRONG),
    ("POST", "runs/log-inputs", RUN | {"datasets": [{"dataset": {"name": "d", "digest": "g", "source_type": "s", "source": "s"}}]}, GOOD),
    ("POST", "runs/log-inputs", RUN | {"datasets": [{"dataset": {"name": "d" * 501, "digest": "g"}}]}, WRONG),
    ("POST", "runs/log-inputs", RUN | {"datasets": [{"dataset": {"name": "d", "digest": "g" * 37}}]}, WRONG),
    ("POST", "runs/log-inputs", RUN | {"datasets": [{"dataset": {"name": "d"}}]}, WRONG),
    ("POST", "runs/outputs", {"models": []}, WRONG),
    # search
    *[("POST", "runs/search", {"experiment_ids": ["{experiment}"], "filter": one}, GOOD) for one in (
        "metrics.m > 1", "metric.m != 1", "params.kept = '1'", "params.x IS NULL", "tags.tag != '1'", "attributes.status = 'FAILED'",
        "run_name ILIKE 'X%'", "start_time >= 1", "dataset.name = 'd'", "tags.`mlflow.runName` = 'x'",
        "metrics.m > 1 AND params.kept LIKE '1%'", "",
    )],
    *[("POST", "runs/search", {"experiment_ids": ["{experiment}"], "filter": one}, WRONG) for one in (
        "metrics.m > 'a'", "metrics.m = 1 OR metrics.m = 2", "params.kept = 1", "foo = 1", "metrics.m", "metrics.m >", "metrics.m LIKE '1'",
        "status > 'A'", "tags.tag IN ('1')", "tags.tag = v1", "NOT metrics.m > 1", "(metrics.m > 1)", "metrics.m BETWEEN 1 AND 2",
    )],
    ("POST", "runs/search", {"experiment_ids": ["{experiment}"], "order_by": ["metrics.m DESC", "start_time"]}, GOOD),
    ("POST", "runs/search", {"experiment_ids": ["{experiment}"], "order_by": ["metrics.m DOWN"]}, WRONG),
    ("POST", "runs/search", {"experiment_ids": ["{experiment}"], "order_by": ["metrics.m", "metrics.m DESC"]}, WRONG),
    ("POST", "runs/search", {"experiment_ids": ["{experiment}"], "max_results": 50_001}, WRONG),
    ("POST", "runs/search", {"experiment_ids": ["{experiment}"], "run_view_type": "ALL"}, GOOD),
    ("POST", "runs/search", {}, GOOD),
    # the registry
    ("POST", "registered-models/create", MODEL, TAKEN),
    *[("POST", "registered-models/create", {"name": one}, WRONG) for one in ("", None, 5, "a/b", "a:b", " ", ".", "..", "x" * 256)],
    ("POST", "registered-models/create", {"name": "a b é {new}"}, GOOD),
    ("GET", "registered-models/get", {"name": "nobody"}, GONE),
    ("GET", "registered-models/get", {}, WRONG),
    ("PATCH", "registered-models/update", {"name": "nobody", "description": "x"}, GONE),
    ("POST", "registered-models/rename", MODEL | {"new_name": "a/b"}, WRONG),
    ("POST", "registered-models/rename", {"name": "nobody", "new_name": "{new}"}, GONE),
    ("POST", "registered-models/set-tag", MODEL | tag("a", "x" * 5_001), GOOD),
    ("POST", "registered-models/set-tag", MODEL | tag("a", "x" * 100_001), WRONG),
    ("POST", "registered-models/set-tag", {"name": "nobody"} | tag("a"), GONE),
    ("DELETE", "registered-models/delete-tag", MODEL | {"key": "nobody"}, GOOD),
    ("DELETE", "registered-models/delete", {"name": "nobody"}, GONE),
    ("GET", "registered-models/search", {"max_results": 1_001}, WRONG),
    ("GET", "registered-models/search", {"filter": "name ILIKE 'M%'", "order_by": ["last_updated_timestamp DESC"]}, GOOD),
    ("GET", "registered-models/search", {"filter": "description = 'x'"}, WRONG),
    ("POST", "registered-models/get-latest-versions", {"name": "nobody"}, GONE),
    ("POST", "registered-models/alias", VERSION | {"alias": "ok"}, GOOD),
    *[("POST", "registered-models/alias", VERSION | {"alias": one}, WRONG) for one in (
        "latest", "LATEST", "v1", "V12", "a/b", "a b", "", "x" * 256, None,
    )],
    *[("POST", "registered-models/alias", VERSION | {"alias": one}, GOOD) for one in ("v1a", "a-b_c", "1", "champion")],
    ("POST", "registered-models/alias", MODEL | {"version": "99", "alias": "a"}, GONE),
    ("POST", "registered-models/alias", {"name": "nobody", "version": "1", "alias": "a"}, GONE),
    ("GET", "registered-models/alias", MODEL | {"alias": "best"}, GOOD),
    ("GET", "registered-models/alias", MODEL | {"alias": "latest"}, GOOD),
    ("GET", "registered-models/alias", MODEL | {"alias": "nobody"}, WRONG),
    ("GET", "registered-models/alias", {"name": "nobody", "alias": "best"}, GONE),
    ("DELETE", "registered-models/alias", MODEL | {"alias": "nobody"}, GOOD),
    ("DELETE", "registered-models/alias", MODEL | {"alias": "a/b"}, WRONG),
    ("POST", "model-versions/create", MODEL | {"source": "s3://b/k"}, GOOD),
    ("POST", "model-versions/create", {"name": "nobody", "source": "s3://b/k"}, GONE),
    ("POST", "model-versions/create", MODEL | {"source": "models:/{model}/1"}, GOOD),
    ("POST", "model-versions/create", MODEL | {"source": "models:/nobody/1"}, GONE),
    *[("POST", "model-versions/create", MODEL | {"source": one, "run_id": "{run}"}, WRONG) for one in (
        "", "file:///etc/passwd", "/etc/passwd", "x/y", "http://x/y", "runs:/{run}/../../x", "runs:/{run}/%2e%2e/x", f"runs:/{NOBODY}/m",
        "mlflow-artifacts:/x/y", f"models:/m-{NOBODY}",
    )],
    *[("GET", "model-versions/get", MODEL | {"version": one}, GOOD) for one in ("1", "01")],
    *[("GET", "model-versions/get", MODEL | {"version": one}, GONE) for one in ("99", "0")],
    *[("GET", "model-versions/get", MODEL | {"version": one}, WRONG) for one in ("x", "", "1.0", "latest")],
    ("PATCH", "model-versions/update", MODEL | {"version": "99", "description": "x"}, GONE),
    ("POST", "model-versions/set-tag", VERSION | tag("a", "x" * 100_001), WRONG),
    ("POST", "model-versions/set-tag", VERSION | tag("a@"), WRONG),
    ("DELETE", "model-versions/delete", MODEL | {"version": "99"}, GONE),
    ("GET", "model-versions/search", {"max_results": 200_001}, WRONG),
    ("GET", "model-versions/search", {"filter": "version_number = 1 AND name = '{model}'"}, GOOD),
    ("GET", "model-versions/search", {"filter": "current_stage = 'Production'"}, WRONG),
    ("POST", "model-versions/transition-stage", VERSION | {"stage": "staging"}, GOOD),
    ("POST", "model-versions/transition-stage", VERSION | {"stage": "x"}, WRONG),
    ("POST", "model-versions/transition-stage", VERSION | {"stage": "None", "archive_existing_versions": True}, WRONG),
    ("POST", "model-versions/transition-stage", VERSION | {"stage": "Production", "archive_existing_versions": "yes"}, WRONG),
    ("GET", "model-versions/get-download-uri", MODEL | {"version": "99"}, GONE),
    # logged models
    ("POST", "logged-models", {}, WRONG),
    ("POST", "logged-models", {"experiment_id": NOBODY}, GONE),
    *[("POST", "logged-models", EXPERIMENT | {"name": one}, WRONG) for one in ("a/b", "a:b", "a.b", "a%b", "a'b", 5)],
    ("GET", f"logged-models/m-{NOBODY}", {}, GONE),
    ("GET", "logged-models/xyz", {}, GONE),
    ("PATCH", "logged-models/{logged}", {"status": "LOGGED_MODEL_READY"}, GOOD),
    ("PATCH", "logged-models/{logged}", {"status": 2}, GOOD),
    ("PATCH", "logged-models/{logged}", {"status": "x"}, WRONG),
    ("PATCH", "logged-models/{logged}/tags", {"tags": [tag("a")]}, GOOD),
    ("DELETE", "logged-models/{logged}/tags/nobody", {}, GONE),
    ("POST", "logged-models/{logged}/params", {"params": [tag("kept", "1")]}, GOOD),
    ("POST", "logged-models/{logged}/params", {"params": [tag("kept", "2")]}, WRONG),
    ("POST", "logged-models/search", {"experiment_ids": ["{experiment}"], "filter": "name = 'logged'"}, GOOD),
    ("POST", "logged-models/search", {"experiment_ids": ["{experiment}"], "filter": "foo = 1"}, WRONG),
    ("POST", "logged-models/search", {"experiment_ids": ["{experiment}"], "order_by": ["name"]}, WRONG),
    # artifacts
    ("GET", "artifacts/list", RUN | {"path": "../x"}, WRONG),
    ("GET", "artifacts/list", RUN | {"path": "%252e%252e/x"}, WRONG),
    ("GET", "artifacts/list", RUN | {"path": "/etc"}, WRONG),
    ("GET", "artifacts/list", RUN | {"path": "nobody"}, GOOD),
    ("GET", "artifacts/list", {"run_id": NOBODY}, GONE),
    ("GET", "artifacts/list", {}, WRONG),
    # bodies
    ("POST", "experiments/search", b"{not json", WRONG),
    ("POST", "experiments/search", b"[]", WRONG),
    ("POST", "experiments/search", b'{"max_results": 1}', GOOD),
    ("POST", "experiments/nobody", {}, LATER),
    ("PUT", "experiments/create", {}, (405, "BAD_REQUEST")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "said", "expected"), CASES, ids=[f"{at}-{case[0]}-{case[1]}" for at, case in enumerate(CASES)]
)
def test_a_call_is_answered_with_the_status_and_the_code_of_a_stock_server(things, method, path, said, expected):
    status, answer = ask(things, method, path, said)
    assert (status, answer.get("error_code", "")) == expected, answer


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_without_its_kind_is_refused(things, kind):
    assert ask(things, "POST", "experiments/search", {"max_results": 1}, kind)[0] == 400
    assert ask(things, "POST", "experiments/search", {"max_results": 1}, "application/json; charset=utf-8")[0] == 200


def test_an_answer_has_the_fields_of_stocks_and_leaves_out_what_is_empty(things):
    experiment = ask(things, "GET", "experiments/get", EXPERIMENT)[1]["experiment"]
    assert {
        "experiment_id",
        "name",
        "artifact_location",
        "lifecycle_stage",
        "creation_time",
        "last_update_time",
        "workspace",
    } <= experiment.keys()
    assert experiment["workspace"] == "default"
    assert isinstance(experiment["creation_time"], int)
    run = ask(things, "POST", "runs/create", EXPERIMENT | {"run_name": "one"})[1]["run"]
    assert set(run) <= {"info", "data", "inputs", "outputs"}
    assert run["data"] == {"tags": [{"key": "mlflow.runName", "value": "one"}]}
    assert {"run_id", "run_uuid", "run_name", "experiment_id", "status", "start_time", "artifact_uri", "lifecycle_stage"} <= run[
        "info"
    ].keys()
    assert "end_time" not in run["info"]
    version = ask(things, "GET", "model-versions/get", MODEL | {"version": "2"})[1]["model_version"]
    assert (version["version"], version["status"], version["current_stage"]) == ("2", "READY", "None")
    assert not {"model_id", "aliases", "tags"} & version.keys()
    logged = ask(things, "GET", "logged-models/{logged}", {})[1]["model"]
    assert logged["info"]["status"].startswith("LOGGED_MODEL_")
    assert logged["data"]["params"] == [{"key": "kept", "value": "1"}]
    assert ask(things, "POST", "runs/search", {})[1] == {}


def test_numbers_travel_whole_and_what_json_cannot_say_as_text(things):
    run = {"run_id": ask(things, "POST", "runs/create", EXPERIMENT)[1]["run"]["info"]["run_id"]}
    for key, value, step in (
        ("nan", "NaN", 0),
        ("inf", "Infinity", 0),
        ("big", 1, 2**53 + 1),
        ("last", 3, 1),
        ("last", 2, 2),
        ("last", 1, 2),
    ):
        assert (
            ask(things, "POST", "runs/log-metric", run | {"key": key, "value": value, "timestamp": 2**53 + 1, "step": step})[0]
            == 200
        )
    found = {one["key"]: one for one in ask(things, "GET", "runs/get", run)[1]["run"]["data"]["metrics"]}
    assert found["nan"]["value"] == "NaN"
    assert found["inf"]["value"] == 1.7976931348623157e308
    assert (found["big"]["step"], found["big"]["timestamp"]) == (2**53 + 1, 2**53 + 1)
    assert (found["last"]["value"], found["last"]["step"]) == (2.0, 2)  # the greatest of step, timestamp, value


def test_long_values_are_cut_where_stock_cuts_them(things):
    run = {"run_id": ask(things, "POST", "runs/create", EXPERIMENT)[1]["run"]["info"]["run_id"]}
    assert (
        ask(things, "POST", "runs/log-batch", run | {"params": [tag("p", "x" * 7_000)], "tags": [tag("t", "x" * 9_000)]})[0]
        == 200
    )
    data = ask(things, "GET", "runs/get", run)[1]["run"]["data"]
    assert len(data["params"][0]["value"]) == 6_000
    assert len({one["key"]: one["value"] for one in data["tags"]}["t"]) == 8_000


def test_a_batch_that_changes_a_parameter_leaves_nothing_behind(things):
    run = {"run_id": ask(things, "POST", "runs/create", EXPERIMENT)[1]["run"]["info"]["run_id"]}
    assert ask(things, "POST", "runs/log-parameter", run | tag("p", "1"))[0] == 200
    batch = {"metrics": [{"key": "m", "value": 1, "timestamp": 1}], "params": [tag("p", "2")], "tags": [tag("new")]}
    assert ask(things, "POST", "runs/log-batch", run | batch)[0] == 400
    data = ask(things, "GET", "runs/get", run)[1]["run"]["data"]
    assert "metrics" not in data
    assert "new" not in {one["key"] for one in data["tags"]}


def test_what_the_gates_alone_write_is_refused_and_nothing_of_the_batch_is_kept(things):
    run = {"run_id": ask(things, "POST", "runs/create", EXPERIMENT)[1]["run"]["info"]["run_id"]}
    points = [{"key": key, "value": 1, "timestamp": 1} for key in ("judged", "judged.log_loss")]
    status, answer = ask(things, "POST", "runs/log-batch", run | {"metrics": points})
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "judged.log_loss is written by the gates alone" in answer["message"]
    assert ask(things, "POST", "runs/log-metric", run | points[1])[0] == 400
    assert "metrics" not in ask(things, "GET", "runs/get", run)[1]["run"]["data"]


def test_pages_follow_each_other_and_the_last_one_has_no_token(things):
    for _ in range(3):
        assert ask(things, "POST", "experiments/create", {"name": "page {new}"})[0] == 200
    seen: list[str] = []
    token: str | None = ""
    while token is not None:
        said = {"filter": "name LIKE 'page %'", "max_results": 2, "order_by": ["name"], "page_token": token}
        answer = ask(things, "POST", "experiments/search", said)[1]
        seen += [one["name"] for one in answer["experiments"]]
        token = answer.get("next_page_token")
    assert seen == sorted(set(seen))
    assert len(seen) >= 3
