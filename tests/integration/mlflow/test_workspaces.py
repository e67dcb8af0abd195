import json
import urllib.error
import urllib.request
from uuid import uuid4

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from regie.registry import changes
from regie.store import actors
from regie.store.types import LOCAL


@pytest.fixture(autouse=True)
def no_workspace_left(monkeypatch):
    monkeypatch.delenv("MLFLOW_WORKSPACE", raising=False)
    yield
    mlflow.set_workspace(None)


def get(url: str, path: str, **headers: str) -> tuple[int, dict]:
    request = urllib.request.Request(f"{url}{path}", headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_clients_workspace_is_the_one_that_the_path_selects(server):
    name, at_root = f"e-{uuid4().hex}", server.client()
    mlflow.set_workspace("team-a")
    identity = mlflow.set_experiment(name).experiment_id
    with mlflow.start_run() as run:
        mlflow.log_metric("m", 1)
        mlflow.log_text("x", "note.txt")
    client = MlflowClient(server.url)
    assert client.download_artifacts(run.info.run_id, "note.txt").endswith("note.txt")
    client.create_registered_model(name)
    mlflow.set_workspace(None)

    assert MlflowClient(server.at("team-a"), server.at("team-a")).get_experiment(identity).name == name
    assert MlflowClient(server.at("team-a"), server.at("team-a")).get_registered_model(name).name == name
    assert at_root.get_experiment_by_name(name) is None
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        at_root.get_run(run.info.run_id)


@pytest.mark.parametrize("called", ["default", "personal"])
def test_what_mlflow_calls_default_is_the_personal_workspace(server, called):
    name = f"e-{uuid4().hex}"
    identity = server.client().create_experiment(name)
    mlflow.set_workspace(called)
    assert mlflow.get_experiment_by_name(name).experiment_id == identity


def test_path_and_header_name_one_workspace_or_the_call_is_refused(server):
    path = "/api/2.0/mlflow/experiments/search?max_results=1"
    assert get(server.at("one"), path, X_MLFLOW_WORKSPACE="one")[0] == 200
    status, said = get(server.at("one"), path, X_MLFLOW_WORKSPACE="two")
    assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "one and two" in said["message"]
    assert get(server.at("one"), path, X_MLFLOW_WORKSPACE="default")[0] == 400
    assert get(server.at("default"), path, X_MLFLOW_WORKSPACE="default")[0] == 200
    assert get(server.url, path, X_MLFLOW_WORKSPACE="../x")[0] == 400
    assert get(server.url, path, X_MLFLOW_WORKSPACE="  ")[0] == 200


def test_a_token_of_one_workspace_does_not_open_another_by_its_header(server, monkeypatch):
    with server.store.change(LOCAL, "actor.add", "ines", workspace="ours") as tx:
        token = actors.add(tx, f"ines-{uuid4().hex[:8]}", ["scientist"])
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    server.client()
    mlflow.set_workspace("ours")
    mlflow.create_experiment(f"e-{uuid4().hex}")
    mlflow.set_workspace("theirs")
    with pytest.raises(MlflowException, match="the token is for workspace ours") as refused:
        mlflow.search_experiments()
    assert refused.value.error_code == "PERMISSION_DENIED"
    assert [one.name for one in MlflowClient(server.at("ours")).list_workspaces()] == ["ours"]


def test_workspaces_are_listed_found_and_begun(server):
    server.client("begun").create_experiment(f"e-{uuid4().hex}")
    with server.store.change(LOCAL, "model.register", "m", workspace="models") as tx:
        changes.ensure_model(tx, f"m-{uuid4().hex}")
    server.client()
    assert {"begun", "models", "default"} <= {one.name for one in mlflow.list_workspaces()}
    assert mlflow.get_workspace("begun").name == "begun"
    with pytest.raises(MlflowException) as missing:
        mlflow.get_workspace("nowhere")
    assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"

    name = f"w-{uuid4().hex[:8]}"
    assert mlflow.create_workspace(name).name == name
    assert mlflow.get_workspace(name).name == name
    with pytest.raises(MlflowException) as taken:
        mlflow.create_workspace(name)
    assert taken.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException) as elsewhere:
        mlflow.create_workspace(f"w-{uuid4().hex[:8]}", default_artifact_root="s3://bucket")
    assert elsewhere.value.error_code == "NOT_IMPLEMENTED"
    for deed in (lambda: mlflow.delete_workspace(name), lambda: mlflow.update_workspace(name, description="x")):
        with pytest.raises(MlflowException, match="not there yet"):
            deed()
