"""The token of a task: enough for its own inputs, outputs and measurements, for nothing else, and only while it runs."""

import json

import pytest

from tests.support.platform import World, made

FLOW = '''
import json
import os
import urllib.error
import urllib.request

from regie import Dataset, Model, pipeline, step
from sklearn.linear_model import LogisticRegression


def status(method, path, body=None):
    """What the server answers to this task's token."""
    request = urllib.request.Request(
        os.environ["MLFLOW_TRACKING_URI"] + path, json.dumps(body).encode() if body is not None else None,
        {"authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"], "content-type": "application/json"}, method=method,
    )
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code


@step
def fit(rows: Dataset, asks: str) -> Model:
    tried = {name: status(*one) for name, one in json.loads(asks).items()}
    tried["database"] = "REGIE_DATABASE" in os.environ
    print("TRIED " + json.dumps(tried))
    print("TOKEN " + os.environ["MLFLOW_TRACKING_TOKEN"])
    table = rows.read()
    return Model(LogisticRegression().fit(table.features, table.label))


@pipeline
def train(rows: Dataset, asks: str = "{}") -> Model:
    return fit(rows, asks)
'''


@pytest.fixture(scope="module")
def tried(platform):
    world = World(platform, "rights", made(), platform.folder / "rights")
    world.apply(FLOW)
    foreign = world.client.blobs.put(b"a secret of somebody else")
    document = world.client.spec()
    other = world.client.pipelines.run("train")["run_id"]
    world.settle()
    rollout = world.client.rollouts.list()[0]["id"]
    asks = {
        "apply": ["PUT", "/api/v1/spec", {name: document[name] for name in ("document", "root", "code_digest")}],
        "abort": ["POST", f"/api/v1/rollouts/{rollout}/abort", {"reason": "mine"}],
        "pause": ["POST", f"/api/v1/rollouts/{rollout}/pause", {"reason": "mine"}],
        "clock": ["POST", "/api/v1/clock/advance", {"to": 1 << 50}],
        "run": ["POST", "/api/v1/pipelines/train/runs", {}],
        "cancel": ["POST", f"/api/v1/runs/{other}/cancel", {"reason": "mine"}],
        "labels": ["POST", "/api/v1/labels", {"labels": [{"key": "r1", "time_ms": 1, "value": True}]}],
        "foreign blob": ["GET", f"/api/v1/blobs/{foreign}", None],
        "sync": ["POST", "/api/v1/nodes/mine/sync", {"nonce": "x", "address": "y"}],
        "status": ["GET", "/api/v1/status", None],
        "audit": ["GET", "/api/v1/audit/records", None],
        "champion": [
            "POST", "/api/2.0/mlflow/registered-models/alias", {"name": "rights", "alias": "champion", "version": "1"},
        ],
        "other run": ["POST", "/api/2.0/mlflow/runs/log-metric", {"run_id": other, "key": "auc", "value": 1.0, "timestamp": 1}],
    }  # fmt: skip
    run = world.train(asks=json.dumps(asks))
    assert run["state"] == "finished", run
    log = "\n".join(world.client.runs.logs(run["run_id"]).values())
    found = {line.split(" ", 1)[0]: line.split(" ", 1)[1] for line in log.splitlines() if line.startswith(("TRIED", "TOKEN"))}
    yield world, json.loads(found["TRIED"]), found["TOKEN"].strip(), run
    world.close()


@pytest.mark.parametrize(
    "what", ["apply", "abort", "pause", "clock", "run", "cancel", "labels", "foreign blob", "sync", "status", "audit", "champion",
             "other run"],
)  # fmt: skip
def test_a_tasks_token_may_not(tried, what):
    _, answers, _, _ = tried
    assert answers[what] == 403


def test_a_task_sees_no_database(tried):
    assert tried[1]["database"] is False


def test_each_refusal_is_in_the_audit_log_under_the_tasks_name(tried):
    world, _, _, run = tried
    refused = {
        (one["action"], one["actor"] if isinstance(one["actor"], str) else one["actor"]["name"])
        for one in world.client.audit.records() if one["result"] == "refused"
    }  # fmt: skip
    task = f"task:{run['tasks'][-1]['id']}"
    assert {("spec.apply", task), ("rollout.abort", task), ("clock.advance", task), ("blob.read", task)} <= refused


def test_a_tasks_token_ends_with_the_task(tried):
    world, _, token, _ = tried
    with world.platform.http(world.name, token) as http:
        assert http.get("/api/v1/status").status_code == 401
