"""What a run is told is kept whole or not at all: batches, names, models, inputs, many writers at once, a database that goes away."""

import json
import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from mlflow.entities import LoggedModelInput, LoggedModelOutput, Metric, Param, RunTag
from mlflow.exceptions import MlflowException

from regie.store import audit
from tests.support import postgres
from tests.support.wire import post

API = "api/2.0/mlflow"


@pytest.fixture
def run_id(server) -> str:
    client = server.client()
    return client.create_run(client.create_experiment(f"e-{uuid4().hex}")).info.run_id


def at_once(count: int, work: Callable[[int], Any]) -> list[BaseException]:
    """Do it in so many threads; returns what they raised."""
    raised: list[BaseException] = []

    def one(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001
            raised.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def metrics(count: int, **more: Any) -> list[Metric]:
    return [Metric(f"m{number}", 1.0, 1, 1, **more) for number in range(count)]


@pytest.mark.parametrize(
    ("sizes", "status"), [((900, 50, 50), 200), ((1000, 1, 0), 400), ((1001, 0, 0), 400), ((0, 101, 0), 400), ((0, 0, 101), 400)]
)
def test_a_batch_has_the_limits_of_a_stock_server(server, run_id, sizes, status):
    said = {
        "run_id": run_id,
        "metrics": [{"key": f"m{number}", "value": 1, "timestamp": 1} for number in range(sizes[0])],
        "params": [{"key": f"p{number}", "value": "1"} for number in range(sizes[1])],
        "tags": [{"key": f"t{number}", "value": "1"} for number in range(sizes[2])],
    }
    assert post(server.url, f"{API}/runs/log-batch", said)[0] == status
    kept = server.client().get_run(run_id).data
    assert (len(kept.metrics), len(kept.params)) == (sizes[:2] if status == 200 else (0, 0))


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"metrics": [{"key": "m", "value": 1, "timestamp": 1}, {"key": "m", "value": "x", "timestamp": 1}]}, "metrics[1].value"),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": 1}, {"key": "m", "value": 1}]}, "metrics[1].timestamp"),
        ({"metrics": [{"key": ["m"], "value": 1, "timestamp": 1}]}, "key"),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": 1}, {"key": "a//b", "value": 1, "timestamp": 1}]}, "a//b"),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": 1, "model_id": 5}]}, "model_id"),
        ({"params": [{"key": "p", "value": "1"}, {"key": "p", "value": "1"}]}, "parameter"),
        ({"params": [{"key": "p", "value": {"a": 1}}]}, "value"),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": 1, "model_id": "m-none"}]}, "m-none"),
        ({"metrics": [{"key": "m", "value": 1, "timestamp": 1, "dataset_name": "rows"}]}, "dataset_digest"),
    ],
)
def test_a_batch_with_one_bad_entry_keeps_nothing_and_names_it(server, run_id, said, field):
    whole = {"run_id": run_id, "tags": [{"key": "t", "value": "1"}], **said}
    status, answer = post(server.url, f"{API}/runs/log-batch", whole)
    assert status in (400, 404)
    assert field in answer["message"]
    kept = server.client().get_run(run_id).data
    assert (kept.metrics, kept.params, "t" in kept.tags) == ({}, {}, False)


def test_points_of_a_model_are_kept_with_those_of_the_run_or_not_at_all(server, run_id):
    client = server.client()
    experiment = client.get_run(run_id).info.experiment_id
    model = client.create_logged_model(experiment, source_run_id=run_id)
    named = {"model_id": model.model_id, "dataset_name": "rows", "dataset_digest": "d1"}
    client.log_batch(run_id, [Metric("auc", 0.5, 1, 1, **named), Metric("auc", 0.7, 2, 2, **named), *metrics(3)])
    client.log_batch(run_id, [Metric("late", 1.0, 1, 1, **named)], [Param("p", "1")])
    with pytest.raises(MlflowException):
        client.log_batch(run_id, [Metric("late", 1.0, 1, 1, **named), Metric("auc", 0.9, 3, 3, **named)], [Param("p", "2")])
    seen = client.get_logged_model(model.model_id).metrics
    assert sorted((one.key, one.value, one.dataset_name) for one in seen) == [
        ("auc", 0.5, "rows"), ("auc", 0.7, "rows"), ("late", 1.0, "rows"),
    ]  # fmt: skip
    assert client.get_run(run_id).data.metrics == {"auc": 0.7, "late": 1.0, "m0": 1.0, "m1": 1.0, "m2": 1.0}


def test_a_run_that_is_ended_and_renamed_in_one_call_shows_both(server, run_id):
    client = server.client()
    said = {"run_id": run_id, "status": "FINISHED", "end_time": 7, "run_name": "second"}
    status, answer = post(server.url, f"{API}/runs/update", said)
    assert (status, answer["run_info"]["run_name"], answer["run_info"]["end_time"]) == (200, "second", 7)
    assert client.get_run(run_id).data.tags["mlflow.runName"] == "second"
    client.set_tag(run_id, "mlflow.runName", "third")
    client.set_tag(run_id, "mlflow.runName", "")  # as in stock, no name is no news
    assert client.get_run(run_id).info.run_name == "third"
    client.update_run(run_id, status="RUNNING")
    found = client.get_run(run_id).info
    assert (found.status, found.end_time, found.run_name) == ("RUNNING", 7, "third")


def test_who_names_the_run_that_it_makes_may_repeat_the_call(server, run_id):
    client = server.client()
    named = uuid4().hex
    said = {"run_id": named, "experiment_id": client.get_run(run_id).info.experiment_id, "run_name": "r", "start_time": 5}
    answers = [post(server.url, f"{API}/runs/create", said) for _ in range(2)]
    assert {status for status, _ in answers} == {200}
    assert answers[0][1] == answers[1][1]
    assert answers[0][1]["run"]["info"]["run_id"] == named
    assert post(server.url, f"{API}/runs/create", {**said, "run_id": "../../x"})[0] == 400


def test_a_nested_run_is_deleted_and_restored_alone(server, run_id):
    client = server.client()
    experiment = client.get_run(run_id).info.experiment_id
    child = client.create_run(experiment, tags={"mlflow.parentRunId": run_id}).info.run_id
    for _ in range(2):  # as in stock, both may be repeated
        client.delete_run(child)
    assert [client.get_run(one).info.lifecycle_stage for one in (run_id, child)] == ["active", "deleted"]
    for write in (
        lambda: client.log_metric(child, "m", 1), lambda: client.log_param(child, "p", 1), lambda: client.set_tag(child, "t", "1"),
        lambda: client.set_terminated(child), lambda: client.log_inputs(child, models=[LoggedModelInput("m-1")]),
    ):  # fmt: skip
        with pytest.raises(MlflowException) as refused:
            write()
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE"
    for _ in range(2):
        client.restore_run(child)
    client.log_metric(child, "m", 1)
    assert client.get_run(child).data.tags["mlflow.parentRunId"] == run_id


def test_models_that_old_clients_log_are_listed_in_the_runs_tag_whoever_logs_at_once(server, run_id):
    info = {
        "artifact_path": "model",
        "flavors": {"sklearn": {"code": None, "config": "x"}},
        "utc_time_created": "t",
        "run_id": run_id,
    }

    def log(number: int) -> None:
        said = {"run_id": run_id, "model_json": json.dumps({**info, "artifact_path": f"model{number}", "signature": "left out"})}
        assert post(server.url, f"{API}/runs/log-model", said) == (200, {})

    assert at_once(6, log) == []
    listed = json.loads(server.client().get_run(run_id).data.tags["mlflow.log-model.history"])
    assert sorted(one["artifact_path"] for one in listed) == [f"model{number}" for number in range(6)]
    assert {"signature"}.isdisjoint(listed[0])
    assert listed[0]["flavors"] == {"sklearn": {"code": None}}
    for bad in ("", "[", "[]", "{}", json.dumps({**info, "flavors": 5})):
        assert post(server.url, f"{API}/runs/log-model", {"run_id": run_id, "model_json": bad})[0] == 400


def test_inputs_and_outputs_of_a_run_are_kept_once(server, run_id):
    client = server.client()
    rows = {
        "dataset": {"name": "rows", "digest": "d", "source_type": "local", "source": "{}"},
        "tags": [{"key": "k", "value": "v"}],
    }
    for _ in range(2):
        assert post(server.url, f"{API}/runs/log-inputs", {"run_id": run_id, "datasets": [rows, rows]})[0] == 200
        client.log_outputs(run_id, [LoggedModelOutput("m-1", 3)])
    found = client.get_run(run_id)
    assert [(one.dataset.name, one.tags[0].value) for one in found.inputs.dataset_inputs] == [("rows", "v")]
    assert [(one.model_id, one.step) for one in found.outputs.model_outputs] == [("m-1", 3)]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"datasets": [{"dataset": "rows"}]}, "datasets[0]"),
        ({"datasets": [{"dataset": {"name": "rows"}}]}, "datasets[0]"),
        ({"datasets": [{"dataset": {"name": "x" * 501, "digest": "d"}}]}, "datasets[0].dataset.name"),
        ({"datasets": [{"dataset": {"name": "rows", "digest": "d" * 37}}]}, "datasets[0].dataset.digest"),
        ({"datasets": [{"dataset": {"name": "rows", "digest": "d"}, "tags": ["x"]}]}, "datasets[0].tags"),
        (
            {"datasets": [{"dataset": {"name": "rows", "digest": "d"}, "tags": [{"key": "k", "value": "v" * 501}]}]},
            "datasets[0].tags",
        ),
        ({"models": [{"id": "m-1"}]}, "model_id"),
    ],
)
def test_a_malformed_input_is_refused_by_its_name(server, run_id, said, field):
    status, answer = post(server.url, f"{API}/runs/log-inputs", {"run_id": run_id, **said})
    assert status == 400
    assert field in answer["message"]


def test_writers_of_the_same_points_in_any_order_do_not_stop_each_other(server, run_id):
    client = server.client()

    def log(number: int) -> None:
        points = metrics(200)
        client.log_batch(run_id, points if number % 2 else points[::-1], tags=[RunTag(f"t{number % 2}", "1"), RunTag("t", "1")])

    assert at_once(8, log) == []
    assert len(client.get_run(run_id).data.metrics) == 200
    assert len(client.get_metric_history(run_id, "m0")) == 1


def test_a_parameter_that_two_set_at_once_is_one_of_the_two_and_one_hears_no(server, run_id):
    client = server.client()
    raised = at_once(8, lambda number: client.log_param(run_id, "depth", number % 2))
    kept = client.get_run(run_id).data.params["depth"]
    assert kept in ("0", "1")
    assert len(raised) == 4
    assert all(isinstance(one, MlflowException) and one.error_code == "INVALID_PARAMETER_VALUE" for one in raised)


def test_a_hundred_calls_at_once_wait_their_turn_and_none_fails(server, run_id):
    client = server.client()
    reads = (lambda: client.get_run(run_id), lambda: client.search_runs([]), lambda: client.get_experiment_by_name("nowhere"))

    def mixed(number: int) -> None:
        client.log_metric(run_id, "m", number, step=number)
        reads[number % 3]()
        client.create_run(client.get_run(run_id).info.experiment_id)

    assert at_once(100, mixed) == []
    assert len(client.get_metric_history(run_id, "m")) == 100
    with server.store.read() as db:
        assert audit.verify(db).records >= 100


def test_a_database_that_cut_every_connection_costs_at_most_a_refusal_that_clients_repeat(server, run_id):
    if server.store.database.is_sqlite:
        pytest.skip("there is no server to go away")
    postgres.cut(server.store.database.url.replace("+psycopg", ""))
    statuses = {
        post(server.url, f"{API}/runs/log-metric", {"run_id": run_id, "key": "m", "value": 1, "timestamp": n})[0]
        for n in range(3)
    }
    assert statuses <= {200, 503}
    assert post(server.url, f"{API}/runs/log-metric", {"run_id": run_id, "key": "m", "value": 1, "timestamp": 9}) == (200, {})
