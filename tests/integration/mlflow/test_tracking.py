import json
import math
import threading
import urllib.error
import urllib.request
from typing import Any
from uuid import uuid4

import mlflow
import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from regie.store import audit


def post(url: str, path: str, body: Any, content_type: str | None = "application/json", method: str = "POST") -> tuple[int, Any]:
    """One raw call: status and JSON."""
    request = urllib.request.Request(f"{url}/{path}", data=json.dumps(body).encode(), method=method)
    request.add_header("Content-Type", content_type or "text/plain")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture
def experiment(server) -> str:
    return server.client().create_experiment(f"experiment-{uuid4().hex[:8]}")


def test_experiments_are_created_found_renamed_deleted_and_restored(server):
    client = server.client()
    name = f"e-{uuid4().hex}"
    identity = client.create_experiment(name, tags={"team": "crm"})
    assert client.get_experiment_by_name(name).tags == {"team": "crm"}
    with pytest.raises(MlflowException) as taken:
        client.create_experiment(name)
    assert taken.value.error_code == "RESOURCE_ALREADY_EXISTS"
    client.rename_experiment(identity, name + "-new")
    client.set_experiment_tag(identity, "stage", "x")
    run = client.create_run(identity)
    client.delete_experiment(identity)
    assert client.get_experiment(identity).lifecycle_stage == "deleted"
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException):
        client.create_run(identity)
    with pytest.raises(MlflowException) as owned:
        client.create_experiment(name + "-new")
    assert owned.value.error_code == "RESOURCE_ALREADY_EXISTS"
    client.restore_experiment(identity)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
    assert client.get_experiment(identity).tags == {"team": "crm", "stage": "x"}
    assert [one.name for one in client.search_experiments(filter_string=f"name LIKE '{name}%'")] == [name + "-new"]


def test_a_missing_experiment_is_none_for_the_client_and_404_on_the_wire(server):
    assert server.client().get_experiment_by_name("nowhere") is None
    status, body = post(server.url, "api/2.0/mlflow/runs/search", {"experiment_ids": ["none"]})
    assert (status, body) == (200, {})


def test_the_default_experiment_is_one_per_workspace_whoever_asks_first(server):
    found = [server.client(name).get_experiment("0") for name in ("alpha", "beta", "alpha")]
    assert {one.name for one in found} == {"Default"}
    assert found[0].experiment_id == found[2].experiment_id != found[1].experiment_id


def test_workspaces_do_not_see_each_others_runs(server):
    run = server.client("alpha").create_run("0")
    with pytest.raises(MlflowException) as unseen:
        server.client("beta").get_run(run.info.run_id)
    assert unseen.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    with pytest.raises(MlflowException):
        server.client("beta").log_metric(run.info.run_id, "m", 1)


def test_a_run_keeps_what_the_fluent_api_logs(server, experiment, tmp_path):
    server.client()
    mlflow.set_experiment(experiment_id=experiment)
    with mlflow.start_run(run_name="first", tags={"a": "1"}) as run:
        mlflow.log_param("depth", 4)
        mlflow.log_params({"x": 1, "y": "z"})
        mlflow.log_metrics({"rmse": 0.5, "auc": 0.9})
        mlflow.log_metric("rmse", 0.4, step=1)
        mlflow.set_tags({"b": "2"})
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("inner", 1)
    found = mlflow.get_run(run.info.run_id)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "first"
    assert found.data.params == {"depth": "4", "x": "1", "y": "z"}
    assert found.data.metrics == {"rmse": 0.4, "auc": 0.9}
    assert {"a": "1", "b": "2", "mlflow.runName": "first"}.items() <= found.data.tags.items()
    assert mlflow.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
    assert mlflow.search_runs([experiment], filter_string="params.depth = '4'").run_id.tolist() == [run.info.run_id]
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("late", 2)
    assert mlflow.get_run(run.info.run_id).data.metrics["late"] == 2


def test_the_latest_metric_is_the_greatest_step_then_time_then_value(server, experiment):
    client = server.client()
    run_id = client.create_run(experiment).info.run_id
    for value, timestamp, step in ((1.0, 5, 2), (9.0, 9, 1), (3.0, 5, 2), (2.0, 4, 2), (3.0, 5, 2)):
        client.log_metric(run_id, "m", value, timestamp=timestamp, step=step)
    assert client.get_run(run_id).data.metrics == {"m": 3.0}
    points = [(one.timestamp, one.step, one.value) for one in client.get_metric_history(run_id, "m")]
    assert points == [(4, 2, 2.0), (5, 2, 1.0), (5, 2, 3.0), (9, 1, 9.0)]


def test_nan_infinity_and_large_integers_survive(server, experiment):
    client = server.client()
    run_id = client.create_run(experiment).info.run_id
    big = (1 << 53) + 1
    client.log_metric(run_id, "nan", math.nan)
    client.log_metric(run_id, "inf", math.inf)
    client.log_metric(run_id, "low", -math.inf)
    client.log_metric(run_id, "m", 1.0, timestamp=big, step=big)
    found = client.get_run(run_id).data.metrics
    assert math.isnan(found["nan"])
    assert (found["inf"], found["low"]) == (1.7976931348623157e308, -1.7976931348623157e308)
    point = client.get_metric_history(run_id, "m")[0]
    assert (point.timestamp, point.step) == (big, big)
    assert math.isnan(client.get_metric_history(run_id, "nan")[0].value)


@pytest.mark.parametrize(
    ("value", "timestamp", "status"),
    [
        ("1.5", 1, 200),
        (1, "7", 200),
        (1, 1.5, 200),
        (None, 1, 400),
        ("abc", 1, 400),
        (1, None, 400),
        (True, 1, 400),
        (1, 1 << 64, 400),
    ],
)
def test_numbers_are_taken_as_protobuf_writes_them_and_nothing_else(server, experiment, value, timestamp, status):
    run_id = server.client().create_run(experiment).info.run_id
    body = {"run_id": run_id, "key": "m", "value": value, "timestamp": timestamp}
    got, answer = post(server.url, "api/2.0/mlflow/runs/log-metric", body)
    assert got == status
    assert status == 200 or answer["error_code"] == "INVALID_PARAMETER_VALUE"


def test_a_changed_parameter_is_refused_and_takes_its_whole_batch_with_it(server, experiment):
    client = server.client()
    run_id = client.create_run(experiment).info.run_id
    client.log_param(run_id, "depth", 4)
    client.log_param(run_id, "depth", 4)
    with pytest.raises(MlflowException) as changed:
        client.log_batch(run_id, [Metric("m", 1, 1, 1)], [Param("depth", "5"), Param("new", "1")], [RunTag("t", "1")])
    assert changed.value.error_code == "INVALID_PARAMETER_VALUE"
    data = client.get_run(run_id).data
    assert (data.params, data.metrics, "t" in data.tags) == ({"depth": "4"}, {}, False)


def test_long_values_are_cut_and_long_keys_refused(server, experiment):
    run_id = server.client().create_run(experiment).info.run_id
    body = {"run_id": run_id, "params": [{"key": "p", "value": "x" * 7000}], "tags": [{"key": "t", "value": "y" * 9000}]}
    assert post(server.url, "api/2.0/mlflow/runs/log-batch", body)[0] == 200
    data = server.client().get_run(run_id).data
    assert (len(data.params["p"]), len(data.tags["t"])) == (6000, 8000)
    body = {"run_id": run_id, "key": "k" * 251, "value": "1"}
    assert post(server.url, "api/2.0/mlflow/runs/log-parameter", body)[0] == 400
    body = {"run_id": run_id, "metrics": [{"key": f"m{n}", "value": 1, "timestamp": 1} for n in range(1001)]}
    assert post(server.url, "api/2.0/mlflow/runs/log-batch", body)[0] == 400


def test_a_deleted_run_takes_no_measurement(server, experiment):
    client = server.client()
    run_id = client.create_run(experiment).info.run_id
    client.delete_run(run_id)
    with pytest.raises(MlflowException):
        client.log_metric(run_id, "m", 1)
    assert not client.search_runs([experiment])
    client.restore_run(run_id)
    client.log_metric(run_id, "m", 1)


def test_a_run_name_and_its_tag_are_one(server, experiment):
    client = server.client()
    run_id = client.create_run(experiment, run_name="before").info.run_id
    client.update_run(run_id, name="between")
    assert client.get_run(run_id).data.tags["mlflow.runName"] == "between"
    client.set_tag(run_id, "mlflow.runName", "after")
    assert client.get_run(run_id).info.run_name == "after"
    assert [run.info.run_id for run in client.search_runs([experiment], "attributes.run_name = 'after'")] == [run_id]


def test_tags_under_our_prefix_are_ours(server, experiment):
    client = server.client()
    with pytest.raises(MlflowException):
        client.create_run(experiment, tags={"regie.kind": "pipeline"})
    run_id = client.create_run(experiment).info.run_id
    with pytest.raises(MlflowException):
        client.set_tag(run_id, "regie.kind", "task")


def test_search_filters_orders_and_pages(server, experiment):
    client = server.client()
    for number in range(7):
        run_id = client.create_run(experiment, start_time=number + 10, run_name=f"run {number}").info.run_id
        client.log_batch(
            run_id,
            [Metric("m", math.nan if number == 3 else number % 4, 1, 1)] if number != 5 else [],
            [Param("p", f"v{number}")],
        )

    def names(text: str = "", order: list[str] | None = None) -> list[int]:
        return [int(run.data.params["p"][1:]) for run in client.search_runs([experiment], text, order_by=order or [])]

    assert names() == [6, 5, 4, 3, 2, 1, 0]
    assert names("", ["metrics.m DESC", "start_time ASC"]) == [2, 6, 1, 0, 4, 3, 5]
    assert names("", ["metrics.m ASC", "start_time ASC"]) == [0, 4, 1, 2, 6, 3, 5]
    assert names("metrics.m >= 1 AND params.p != 'v2'") == [6, 1]
    assert names("params.p LIKE 'V%'") == []
    assert names("params.p ILIKE 'V_'") == [6, 5, 4, 3, 2, 1, 0]
    assert names("run_name LIKE '%1' AND user_id != 'x'") == [1]
    assert names("attributes.start_time < 12") == [1, 0]
    assert names("params.q != 'x'") == []
    assert names("params.q IS NULL and attribute.start_time > 14") == [6, 5]
    for wrong in (
        "params.p = 'a' OR params.p = 'b'",
        "nothing.x = 1",
        "metrics.m = 'a'",
        "params.p = 1",
        "shoe = 'a'",
        "params.p =",
    ):
        with pytest.raises(MlflowException) as refused:
            client.search_runs([experiment], wrong)
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    page = client.search_runs([experiment], max_results=3)
    seen = [*page]
    while page.token:
        page = client.search_runs([experiment], max_results=3, page_token=page.token)
        seen += page
    assert len({run.info.run_id for run in seen}) == 7
    assert post(server.url, "api/2.0/mlflow/runs/search", {"experiment_ids": [experiment], "page_token": "garbage"})[0] == 400


def test_datasets_of_a_run_are_kept_and_searched(server, experiment):
    import pandas as pd

    server.client()
    mlflow.set_experiment(experiment_id=experiment)
    data = mlflow.data.from_pandas(pd.DataFrame({"a": [1.5, 2.5]}), name="rows", source="s3://bucket/rows.csv")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training")
    found = mlflow.get_run(run.info.run_id).inputs.dataset_inputs[0]
    assert (found.dataset.name, found.tags[0].value) == ("rows", "training")
    assert len(mlflow.MlflowClient().search_runs([experiment], "dataset.name = 'rows' AND datasets.context = 'training'")) == 1
    assert not mlflow.MlflowClient().search_runs([experiment], "dataset.name = 'other'")


def test_eight_threads_setting_one_tag_all_succeed(server, experiment):
    client = server.client()
    run_id = client.create_run(experiment).info.run_id
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                client.set_tag(run_id, "shared", f"{number}-{turn}")
                client.log_batch(run_id, [Metric("m", number, turn, turn)], [], [RunTag("a", "1"), RunTag("b", "1")])
        except MlflowException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert client.get_run(run_id).data.metrics == {"m": 7.0}
    assert len(client.get_metric_history(run_id, "m")) == 40


def test_one_experiment_comes_of_many_who_create_it_at_once(server):
    outcomes: list[tuple[int, Any]] = []
    name = f"race-{uuid4().hex}"
    threads = [
        threading.Thread(target=lambda: outcomes.append(post(server.url, "api/2.0/mlflow/experiments/create", {"name": name})))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in outcomes) == [200] + [400] * 7
    assert {body["error_code"] for status, body in outcomes if status == 400} == {"RESOURCE_ALREADY_EXISTS"}


def test_what_is_not_there_says_so_by_name(server):
    status, body = post(server.url, "api/2.0/mlflow/webhooks", {})
    assert (status, body["error_code"]) == (501, "NOT_IMPLEMENTED")
    assert "webhooks" in body["message"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [({"name": "x"}, None), ([1], "application/json"), ({}, "application/json"), ({"name": 5}, "application/json")],
)
def test_bad_bodies_are_400_in_mlflows_shape(server, body, kind):
    status, answer = post(server.url, "api/2.0/mlflow/experiments/create", body, kind)
    assert status == 400
    assert set(answer) == {"error_code", "message"}


def test_the_audit_chain_holds_after_all_this(server):
    with server.store.read() as db:
        assert audit.verify(db).records > 0
