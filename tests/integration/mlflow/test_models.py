import json
import threading
import warnings
from uuid import uuid4

import mlflow
import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

ROWS = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 1.5], [3.0, 0.5]] * 5)
LATE = np.array([0, 0, 1, 1] * 5)


@pytest.fixture(autouse=True)
def quiet():
    """What third parties warn about while a model is written is not our promise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def fitted() -> LogisticRegression:
    return LogisticRegression().fit(ROWS, LATE)


def logged(name: str | None = None) -> mlflow.models.model.ModelInfo:
    """A model folder as `log_model` writes it, in a run of its own."""
    with mlflow.start_run():
        signature = infer_signature(ROWS, LATE)
        return mlflow.sklearn.log_model(
            fitted(),
            name="model",
            signature=signature,
            pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle",
            registered_model_name=name,
        )


def test_autologging_records_parameters_metrics_and_the_model(server):
    client = server.client()
    mlflow.set_experiment(f"auto-{uuid4().hex}")
    mlflow.sklearn.autolog(log_input_examples=False, log_model_signatures=True)
    try:
        with mlflow.start_run() as run:
            fitted()
    finally:
        mlflow.sklearn.autolog(disable=True)
    found = client.get_run(run.info.run_id)
    assert found.data.params["C"] == "1.0"
    assert "training_accuracy_score" in found.data.metrics
    assert len(found.outputs.model_outputs) == 1
    model = client.get_logged_model(found.outputs.model_outputs[0].model_id)
    assert (model.status.name, model.source_run_id) == ("READY", run.info.run_id)
    assert "training_accuracy_score" in {metric.key for metric in model.metrics}
    assert (mlflow.sklearn.load_model(f"runs:/{run.info.run_id}/model").predict(ROWS) == fitted().predict(ROWS)).all()


def test_a_logged_model_is_registered_aliased_and_loaded(server):
    client = server.client()
    name = f"churn-{uuid4().hex[:8]}"
    info = logged(name)
    client.set_registered_model_alias(name, "blue", 1)
    version = client.get_model_version_by_alias(name, "blue")
    assert (version.version, version.run_id, version.status, version.aliases) == ("1", info.run_id, "READY", ["blue"])
    for uri in (
        f"models:/{name}@blue",
        f"models:/{name}/1",
        f"models:/{name}/latest",
        info.model_uri,
        f"runs:/{info.run_id}/model",
    ):
        assert (mlflow.pyfunc.load_model(uri).predict(ROWS) == fitted().predict(ROWS)).all()
    again = mlflow.register_model(f"runs:/{info.run_id}/model", name)
    assert int(again.version) == 2
    assert (mlflow.sklearn.load_model(f"models:/{name}/2").predict(ROWS) == fitted().predict(ROWS)).all()
    client.delete_registered_model_alias(name, "blue")
    with pytest.raises(MlflowException) as missing:
        client.get_model_version_by_alias(name, "blue")
    assert missing.value.error_code == "INVALID_PARAMETER_VALUE"


def test_a_registered_version_does_not_change_with_its_run(server):
    client = server.client()
    name = f"churn-{uuid4().hex[:8]}"
    run_id = client.create_run("0").info.run_id
    client.log_text(run_id, "before", "model/MLmodel")
    client.create_registered_model(name)
    client.create_model_version(name, f"runs:/{run_id}/model", run_id)
    client.log_text(run_id, "after", "model/MLmodel")
    assert mlflow.artifacts.load_text(f"models:/{name}/1/MLmodel") == "before"


def test_models_and_versions_are_described_tagged_searched_and_deleted(server):
    client = server.client()
    name = f"m-{uuid4().hex[:8]}"
    client.create_registered_model(name, tags={"team": "crm"}, description="one")
    with pytest.raises(MlflowException) as taken:
        client.create_registered_model(name)
    assert taken.value.error_code == "RESOURCE_ALREADY_EXISTS"
    run_id = client.create_run("0").info.run_id
    for _ in range(3):
        client.create_model_version(name, f"runs:/{run_id}/model", run_id, tags={"kind": "x"})
    client.update_model_version(name, "1", "first")
    client.set_model_version_tag(name, "2", "kind", "y")
    client.delete_model_version_tag(name, "3", "kind")
    client.set_registered_model_tag(name, "a", "b")
    client.delete_registered_model_tag(name, "team")
    assert client.get_registered_model(name).tags == {"a": "b"}
    assert client.get_model_version(name, "1").description == "first"
    assert [one.version for one in client.search_model_versions(f"name='{name}' AND tags.kind='y'")] == ["2"]
    assert [one.version for one in client.search_model_versions(f"name='{name}'", order_by=["version_number ASC"])] == [
        "1",
        "2",
        "3",
    ]
    assert [one.name for one in client.search_registered_models(f"name LIKE '{name[:6]}%' AND tags.a='b'")] == [name]
    client.set_registered_model_alias(name, "blue", "2")
    client.delete_model_version(name, "2")
    assert client.get_registered_model(name).aliases == {}
    assert int(client.create_model_version(name, f"runs:/{run_id}/model", run_id).version) == 4
    client.rename_registered_model(name, name + "-new")
    assert len(client.search_model_versions(f"name='{name}-new'")) == 3
    client.transition_model_version_stage(name + "-new", "4", "Production", archive_existing_versions=True)
    assert client.get_model_version(name + "-new", "4").current_stage == "Production"
    client.delete_registered_model(name + "-new")
    with pytest.raises(MlflowException) as gone:
        client.get_registered_model(name + "-new")
    assert gone.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("alias", ["latest", "LATEST", "v1", "V22", "a b", ""])
def test_reserved_and_malformed_aliases_are_refused(server, alias):
    client = server.client()
    name = f"m-{uuid4().hex[:8]}"
    client.create_registered_model(name)
    run_id = client.create_run("0").info.run_id
    client.create_model_version(name, f"runs:/{run_id}/model", run_id)
    with pytest.raises(MlflowException):
        client.set_registered_model_alias(name, alias, "1")


def test_an_alias_of_a_missing_model_is_404_and_of_a_missing_version_too(server):
    client = server.client()
    with pytest.raises(MlflowException) as nowhere:
        client.get_model_version_by_alias("nowhere", "blue")
    assert nowhere.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    client.create_registered_model("empty-" + uuid4().hex[:8])
    with pytest.raises(MlflowException) as missing:
        client.set_registered_model_alias("nowhere", "blue", "1")
    assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize(
    "source",
    ["/etc/passwd", "file:///etc", "runs:/RUN/../../x", "runs:/RUN/%252e%252e/x", "http://example.org/x", "runs:/other/model",
     "models:/m-" + "0" * 32, "mlflow-artifacts:/runs/other/x", "mlflow-artifacts://host/runs/RUN/x", "nothing", "runs://host/RUN/x"],
)  # fmt: skip
def test_a_source_must_be_what_the_run_of_this_server_logged(server, source):
    client = server.client()
    name = f"m-{uuid4().hex[:8]}"
    client.create_registered_model(name)
    run_id = client.create_run("0").info.run_id
    with pytest.raises(MlflowException) as refused:
        client.create_model_version(name, source.replace("RUN", run_id), run_id)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_versions_that_are_created_at_once_get_different_numbers(server):
    client = server.client()
    name = f"m-{uuid4().hex[:8]}"
    client.create_registered_model(name)
    run_id = client.create_run("0").info.run_id
    numbers: list[int] = []

    def work() -> None:
        for _ in range(4):
            numbers.append(int(client.create_model_version(name, f"runs:/{run_id}/model", run_id).version))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 33))


def test_a_package_holds_what_was_logged(server):
    server.client()
    name = f"churn-{uuid4().hex[:8]}"
    logged(name)
    from regie.registry import queries

    with server.store.read() as db:
        version = queries.version(db, "personal", name, 1)
    manifest = json.loads(server.store.blobs.get(version.package))
    assert {"MLmodel", "model.pkl"} & set(manifest)
    assert all(server.store.blobs.has(fact["digest"]) for fact in manifest.values())
