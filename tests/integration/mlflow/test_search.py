"""Searches, pages and histories through the real client; what stock MLflow 3.17 answered to the same calls is what is promised here."""

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from uuid import uuid4

import mlflow
import pytest
from mlflow.entities import LoggedModelStatus, Metric, Param
from mlflow.exceptions import MlflowException


def ask(server, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
    """One raw call: status and JSON."""
    address = f"{server.url}/api/2.0/mlflow/{path}" + (f"?{urllib.parse.urlencode(query, doseq=True)}" if query else "")
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, method=method, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def runs(server) -> tuple[list[str], list[str]]:
    """Two experiments with three runs each, and their ids, oldest first."""
    client = server.client()
    experiments = [client.create_experiment(f"search-{uuid4().hex[:8]}") for _ in range(2)]
    found = []
    for number in range(6):
        run_id = client.create_run(experiments[number % 2], start_time=100 + number, run_name=f"Run {number}").info.run_id
        value = math.nan if number == 2 else math.inf if number == 3 else float(number % 2)
        client.log_batch(run_id, [Metric("m m", value, 5, 0)], [Param("p", f"v{number}")])
        found.append(run_id)
    return experiments, found


def found_by(server, experiments: list[str], text: str = "", *order: str) -> list[int]:
    found = server.client().search_runs(experiments, text, order_by=list(order))
    return [int(run.data.params["p"][1:]) for run in found]


def test_runs_of_several_experiments_are_filtered_and_sorted_as_by_stock(server, runs):
    experiments, ids = runs
    for text, order, expected in (
        ("", [], [5, 4, 3, 2, 1, 0]),
        ('metrics."m m" != 1', [], [4, 3, 2, 0]),
        ("metrics.`m m` > 1e300", [], [3]),
        ("metrics.`m m` >= 0", ["metrics.`m m` DESC", "start_time ASC"], [3, 1, 5, 0, 4]),
        ("", ["metric.`m m`", "created"], [0, 4, 1, 5, 3, 2]),
        ("`Run Name` LIKE 'Run%' AND attributes.created > 102", ["run_name DESC"], [5, 4, 3]),
        ("`run name` = 'Run 1'", [], [1]),
        (f"run_id IN ('{ids[0]}', '{ids[5]}') and status = 'RUNNING'", [], [5, 0]),
        (f"run_id NOT IN ('{ids[0]}') AND params.p ILIKE 'V_' AND tags.missing IS NULL", ["params.p"], [1, 2, 3, 4, 5]),
    ):
        assert found_by(server, experiments, text, *order) == expected, text
    assert found_by(server, experiments[:1]) == [4, 2, 0]
    for text, order in (
        ("metrics.m IS NULL", ""), ("end_time IS NULL", ""), ("status IN ('RUNNING')", ""), ("Metrics.m > 1", ""),
        ("lifecycle_stage = 'active'", ""), ("", "Run Name"), ("", "dataset.name"), ("", "metrics.m DESC NULLS LAST"),
        ("", "experiment_id"),
    ):  # fmt: skip
        with pytest.raises(MlflowException) as refused:
            server.client().search_runs(experiments, text, order_by=[order] if order else [])
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE", text or order


def test_a_page_token_goes_on_with_its_own_search_only(server, runs):
    experiments, _ = runs
    asked = {"experiment_ids": experiments, "max_results": 4, "order_by": ["metrics.`m m` DESC"], "filter": "start_time > 0"}
    _, first = ask(server, "POST", "runs/search", asked)
    again = asked | {"page_token": first["next_page_token"]}
    status, second = ask(server, "POST", "runs/search", again | {"max_results": 50, "experiment_ids": experiments[::-1]})
    assert (status, len(second["runs"]), "next_page_token" in second) == (200, 2, False)
    assert {one["info"]["run_id"] for one in first["runs"]}.isdisjoint(one["info"]["run_id"] for one in second["runs"])
    for other in (
        {"filter": "start_time > 1"}, {"order_by": ["metrics.`m m`"]}, {"experiment_ids": experiments[:1]}, {"run_view_type": "ALL"},
        {"page_token": "garbage"}, {"page_token": "W10="}, {"page_token": "e30="}, {"page_token": "eyJvZmZzZXQiOiAtMX0="},
    ):  # fmt: skip
        status, said = ask(server, "POST", "runs/search", again | other)
        assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), other
    # Stock's token, as somebody may still hold it.
    status, said = ask(server, "POST", "runs/search", asked | {"page_token": "eyJvZmZzZXQiOiA1fQ=="})
    assert (status, len(said["runs"])) == (200, 1)


@pytest.mark.parametrize(
    ("method", "path", "most"),
    [("POST", "runs/search", 50_000), ("POST", "experiments/search", 50_000), ("GET", "registered-models/search", 1_000),
     ("GET", "model-versions/search", 200_000)],
)  # fmt: skip
def test_a_page_has_at_least_one_thing_and_at_most_what_stock_allows(server, method, path, most):
    for count, expected in ((0, 400), (-1, 400), (most + 1, 400), (most, 200)):
        said = {"max_results": count} | ({"experiment_ids": []} if path.startswith("runs") else {})
        status, _ = ask(server, method, path, said) if method == "POST" else ask(server, method, path, None, **said)
        assert status == expected, count


def test_a_history_is_read_whole_in_pages_and_as_a_chart(server, runs):
    experiments, _ = runs
    client = server.client()
    run_id, other = (client.create_run(experiments[0]).info.run_id for _ in range(2))
    for batch in range(3):
        points = [Metric("loss", float(number), 2_000 - number, number) for number in range(batch * 500, batch * 500 + 500)]
        client.log_batch(run_id, points)
    client.log_batch(other, [Metric("loss", math.nan, 1, 7)])
    whole = client.get_metric_history(run_id, "loss")
    assert [point.step for point in whole] == list(range(1499, -1, -1))  # by timestamp, which runs backwards here
    asked = {"run_id": run_id, "metric_key": "loss", "max_results": 1000}
    _, first = ask(server, "GET", "metrics/get-history", **asked)
    _, second = ask(server, "GET", "metrics/get-history", **asked, page_token=first["next_page_token"])
    assert [one["step"] for one in first["metrics"] + second["metrics"]] == [point.step for point in whole]
    assert "next_page_token" not in second
    assert ask(server, "GET", "metrics/get-history", run_id=run_id, metric_key="loss")[1]["metrics"][-1]["step"] == 0
    assert ask(server, "GET", "metrics/get-history", **asked | {"max_results": 0})[0] == 400
    wrong = asked | {"metric_key": "other", "page_token": first["next_page_token"]}
    assert ask(server, "GET", "metrics/get-history", **wrong)[0] == 400
    assert ask(server, "GET", "metrics/get-history", run_id="none", metric_key="loss") == (200, {})
    chart = {"run_ids": [run_id, other, "none"], "metric_key": "loss", "max_results": 3}
    _, drawn = ask(server, "GET", "metrics/get-history-bulk-interval", **chart)
    assert [(one["run_id"], one["step"], one["value"]) for one in drawn["metrics"]] == [
        (run_id, 0, 0.0), (run_id, 500, 500.0), (run_id, 1499, 1499.0), (other, 7, "NaN"),
    ]  # fmt: skip
    _, drawn = ask(server, "GET", "metrics/get-history-bulk-interval", **chart, start_step=10, end_step=12)
    assert [one["step"] for one in drawn["metrics"]] == [10, 11, 12]
    for wrong_steps in ({"start_step": 1}, {"start_step": 2, "end_step": 1}, {"max_results": 2501}, {"run_ids": ["a"] * 101}):
        assert ask(server, "GET", "metrics/get-history-bulk-interval", **chart | wrong_steps)[0] == 400, wrong_steps
    _, bulk = ask(server, "GET", "metrics/get-history-bulk", run_id=[run_id, other, "none"], metric_key="loss", max_results=1200)
    assert len(bulk["metrics"]) == 1200
    assert [one["run_id"] for one in bulk["metrics"]] == sorted(one["run_id"] for one in bulk["metrics"])


def test_logged_models_are_found_by_what_they_measured_on_a_dataset(server):
    client = server.client()
    mlflow.set_experiment(f"logged-{uuid4().hex[:8]}")
    with mlflow.start_run() as run:
        made = [
            mlflow.create_external_model(name=f"forest{number}", params={"depth": str(number)}, tags={"k": "v"})
            for number in range(3)
        ]
        for number, model in enumerate(made):
            point = {"key": "acc", "value": number / 2, "timestamp": 5, "step": number, "model_id": model.model_id}
            said = {"run_id": run.info.run_id, **point, "dataset_name": f"d{number % 2}", "dataset_digest": f"x{number}"}
            assert ask(server, "POST", "runs/log-metric", said)[0] == 200
    experiment = [run.info.experiment_id]

    def names(text: str = "", **said: Any) -> list[str]:
        return [one.name for one in client.search_logged_models(experiment, filter_string=text or None, **said)]

    by_acc = [{"field_name": "metrics.acc", "ascending": False}]
    assert names(order_by=by_acc) == ["forest2", "forest1", "forest0"]
    assert names(order_by=[by_acc[0] | {"dataset_name": "d1"}]) == ["forest1", "forest2", "forest0"]
    assert names("metrics.acc >= 0.5 AND params.depth = '2'") == ["forest2"]
    assert names("metrics.acc < 2", datasets=[{"dataset_name": "d0"}], order_by=by_acc) == ["forest2", "forest0"]
    assert names(datasets=[{"dataset_name": "d0", "dataset_digest": "x0"}]) == ["forest0"]
    assert (
        names("name LIKE 'forest%' AND tags.k = 'v' AND attributes.model_id != 'm-x' AND creation_time > 0", order_by=by_acc)[0]
        == "forest2"
    )
    page = client.search_logged_models(experiment, max_results=2, order_by=by_acc)
    rest = client.search_logged_models(experiment, max_results=2, order_by=by_acc, page_token=page.token)
    assert [one.name for one in [*page, *rest]] == ["forest2", "forest1", "forest0"]
    found = page[0]
    assert (found.params, found.tags["k"], found.status) == ({"depth": "2"}, "v", LoggedModelStatus.READY)
    assert [(one.value, one.dataset_name, one.dataset_digest, one.run_id) for one in found.metrics] == [
        (1.0, "d0", "x2", run.info.run_id)
    ]
    for wrong in ({"order_by": [{"field_name": "params.depth"}]}, {"order_by": [{"field_name": "shoe"}]}, {"filter_string": "foo.x = 'a'"},
                  {"order_by": [by_acc[0] | {"dataset_digest": "x"}]}, {"datasets": [{"dataset_name": ""}]}):  # fmt: skip
        with pytest.raises(MlflowException):
            client.search_logged_models(experiment, **wrong)
    client.delete_logged_model(made[0].model_id)
    assert set(names()) == {"forest1", "forest2"}


def test_the_registry_is_searched_as_by_stock_and_shows_no_prompts(server):
    client = server.client()
    start = f"m{uuid4().hex[:6]}"
    for name, kind in (("b", "x"), ("A", "y"), ("a", "x")):
        client.create_registered_model(f"{start}-{name}", tags={"kind": kind})
    prompt = {"name": f"{start}-prompt", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    assert ask(server, "POST", "registered-models/create", prompt)[0] == 200
    status, refused = ask(server, "POST", "model-versions/create", prompt | {"source": "dummy-source"})
    assert (status, "prompts are not there" in refused["message"]) == (501, True)
    experiment = client.create_experiment(start)
    run_ids = [client.create_run(experiment).info.run_id for _ in range(2)]
    for number in range(3):
        run_id = run_ids[number % 2]
        client.create_model_version(f"{start}-a", f"mlflow-artifacts:/runs/{run_id}/model", run_id, tags={"n": str(number)})

    def models(text: str, **said: Any) -> list[str]:
        return [
            one.name.removeprefix(f"{start}-") for one in client.search_registered_models(f"name LIKE '{start}%' {text}", **said)
        ]

    assert models("") == ["A", "a", "b"]
    assert models("AND tags.kind = 'x'", order_by=["name DESC"]) == ["b", "a"]
    assert models(f"AND name IN ('{start}-a', '{start}-b')", order_by=["timestamp DESC"])[0] == "a"
    assert models("AND tags.`mlflow.prompt.is_prompt` = 'true'") == ["prompt"]
    page = client.search_registered_models(f"name ILIKE '{start.upper()}%'", max_results=2)
    rest = client.search_registered_models(f"name ILIKE '{start.upper()}%'", max_results=2, page_token=page.token)
    assert [len(page), len(rest), rest.token or None] == [2, 1, None]
    assert [one.latest_versions[0].version for one in [*page, *rest] if one.latest_versions] == ["3"]

    def versions(text: str, **said: Any) -> list[int]:
        return [int(one.version) for one in client.search_model_versions(f"name = '{start}-a' {text}", **said)]

    assert versions("", order_by=["version_number ASC"]) == [1, 2, 3]
    assert versions(f"AND run_id IN ('{run_ids[0]}')", order_by=["creation_timestamp ASC", "version_number ASC"]) == [1, 3]
    assert versions("AND source_path LIKE '%/model' AND version_number >= 2 AND tags.n != '2'") == [2]
    assert versions("AND version_number = '3'") == [3]
    for wrong in ("AND source = 'x'", "AND version_number LIKE '1'", "AND name = 5", "AND tags.n IS NULL", "OR name = 'x'"):
        with pytest.raises(MlflowException) as refused:
            client.search_model_versions(f"name = '{start}-a' {wrong}")
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE", wrong
    status, said = ask(server, "POST", "registered-models/get-latest-versions", {"name": f"{start}-a", "stages": ["nonsense"]})
    assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_datasets_are_listed_for_one_to_twenty_experiments(server, runs):
    experiments, ids = runs
    dataset = {"name": "rows", "digest": "d1", "source_type": "local", "source": "{}"}
    said = {"run_id": ids[0], "datasets": [{"tags": [{"key": "mlflow.data.context", "value": "train"}], "dataset": dataset}]}
    assert ask(server, "POST", "runs/log-inputs", said)[0] == 200
    _, found = ask(server, "POST", "experiments/search-datasets", {"experiment_ids": experiments})
    assert found == {"dataset_summaries": [{"experiment_id": experiments[0], "name": "rows", "digest": "d1", "context": "train"}]}
    for wrong in ([], experiments * 11):
        assert ask(server, "POST", "experiments/search-datasets", {"experiment_ids": wrong})[0] == 400
    assert found_by(server, experiments, "dataset.name = 'rows' AND datasets.context IN ('train', 'x')") == [0]
    assert found_by(server, experiments, "dataset.digest NOT IN ('d1')") == []


def test_experiments_are_searched_by_name_time_and_tag(server):
    client = server.client()
    start = f"e{uuid4().hex[:6]}"
    ids = [client.create_experiment(f"{start}-{name}", tags={"team": name}) for name in ("b", "A", "a")]

    def names(text: str = "", **said: Any) -> list[str]:
        found = client.search_experiments(filter_string=f"name LIKE '{start}%' {text}", **said)
        return [one.name.removeprefix(f"{start}-") for one in found]

    assert names(order_by=["name"]) == ["A", "a", "b"]
    assert names("AND tags.team != 'a'", order_by=["name DESC"]) == ["b", "A"]
    assert names(f"AND experiment_id IN ('{ids[0]}')") == ["b"]
    assert names("AND tags.none IS NULL AND creation_time > 0 AND attribute.name ILIKE '%-A'", order_by=["name"]) == ["A", "a"]
    client.delete_experiment(ids[0])
    assert names(view_type=2) == ["b"]
    for wrong in ("AND attributes.name = 'x'", "AND name like 'x'", "AND creation_time > 1.5", "AND experiment_id LIKE '1%'"):
        with pytest.raises(MlflowException) as refused:
            names(wrong)
        assert refused.value.error_code == "INVALID_PARAMETER_VALUE", wrong
