import json
import warnings

import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from sqlalchemy import insert, select

from regie.registry import changes, crown, queries
from regie.store.change import remembered
from regie.store.tables import audit_records, specs, workspaces
from regie.store.tokens import issue
from regie.store.types import LOCAL, NOBODY_CAUSE, system
from regie.tracking import changes as tracking
from regie.tracking import queries as tracked

SPEC = {
    "regie": 1,
    "workspace": "flights",
    "model": {"name": "late"},
    "serve": {"endpoint": "flights"},
    "environments": {"prod": {"production": True}},
}


@pytest.fixture(scope="module")
def flights(server):
    """A workspace that serves the model `late`; version 1 is its champion, version 2 competes."""
    with server.store.change(LOCAL, "workspace.create", "flights", workspace="flights") as tx:
        row = {
            "name": "flights",
            "clock": "driven",
            "now_ms": 1_360_000_000_000,
            "secret": "s",
            "spec_digest": "sha256:spec",
            "created_ms": 0,
        }
        tx.execute(insert(workspaces).values(row))
        spec = {"digest": "sha256:spec", "workspace": "flights", "document": json.dumps(SPEC), "root": ".", "code_digest": "", "git": "{}",
                "applied_ms": 0, "applied_by": "local"}  # fmt: skip
        tx.execute(insert(specs).values(spec))
    with server.store.change(LOCAL, "model.register", "late", workspace="flights") as tx:
        changes.ensure_model(tx, "late")
        assert changes.register(tx, "late", source="regie:train", package="sha256:" + "1" * 64) == 1
        assert changes.register(tx, "late", source="regie:train", role="challenger") == 2
        assert changes.register(tx, "late", source="regie:train") == 3
    with server.store.change(system("release"), "rollout.step", "r", workspace="flights") as tx:
        crown.crown(tx, "flights", "prod", "late", 1, "r", NOBODY_CAUSE)
    return server


def refusals(server, action: str) -> list[dict]:
    with server.store.read() as db:
        found = db.execute(
            select(audit_records.c.record).where(audit_records.c.action == action, audit_records.c.result == "refused")
        )
        return [json.loads(record) for record in found.scalars()]


def refused(deed, *args) -> str:
    with pytest.raises(MlflowException) as error:
        deed(*args)
    assert error.value.error_code == "PERMISSION_DENIED"
    assert error.value.get_http_status_code() == 403
    return str(error.value)


@pytest.mark.parametrize("alias", ["champion", "Champion", "challenger"])
def test_nobody_sets_or_deletes_the_champion_of_a_served_model_and_the_refusal_is_audited(flights, alias):
    client = flights.client("flights")
    text = refused(client.set_registered_model_alias, "late", alias, "3")
    assert "register the version; the gates and the rollout promote it: regie status" in text
    refused(client.delete_registered_model_alias, "late", alias)
    action = "model.change" if alias == "challenger" else "champion.set"
    assert f"late@{alias}" in {one["target"] for one in refusals(flights, action)}
    assert client.get_model_version_by_alias("late", "champion").version == "1"


def test_from_the_root_the_way_to_the_workspace_is_shown(flights):
    text = refused(flights.client().set_registered_model_alias, "late", "champion", "1")
    assert ".../w/flights" in text


def test_the_champion_and_the_challenger_are_read_from_facts(flights):
    client = flights.client("flights")
    assert client.get_model_version_by_alias("late", "challenger").version == "2"
    assert client.get_registered_model("late").aliases == {"champion": "1", "challenger": "2"}
    assert client.get_model_version("late", "1").aliases == ["champion"]


def test_other_aliases_of_a_served_model_are_free(flights):
    client = flights.client("flights")
    client.set_registered_model_alias("late", "mine", "3")
    assert client.get_model_version_by_alias("late", "mine").version == "3"
    client.delete_registered_model_alias("late", "mine")


def test_a_served_model_and_its_competing_versions_stay(flights):
    client = flights.client("flights")
    refused(client.delete_registered_model, "late")
    refused(client.rename_registered_model, "late", "other")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        refused(client.transition_model_version_stage, "late", "3", "Production")
    refused(client.delete_model_version, "late", "1")
    refused(client.delete_model_version, "late", "2")
    client.delete_model_version("late", "3")


def test_a_version_registered_by_hand_is_a_challenger_and_never_more(flights):
    client = flights.client("flights")
    run_id = client.create_run("0").info.run_id
    with pytest.raises(MlflowException) as empty:
        client.create_model_version("late", f"runs:/{run_id}/model", run_id)
    assert empty.value.error_code == "INVALID_PARAMETER_VALUE"
    client.log_text(run_id, "x", "model/MLmodel")
    number = int(client.create_model_version("late", f"runs:/{run_id}/model", run_id).version)
    with flights.store.read() as db:
        made = queries.version(db, "flights", "late", number)
    assert (made.role, made.seen_until_ms) == ("challenger", 1_360_000_000_000)
    assert json.loads(flights.store.blobs.get(made.package))["MLmodel"]["bytes"] == 1
    assert client.get_model_version_by_alias("late", "champion").version == "1"


def test_in_a_workspace_without_a_spec_the_champion_is_an_alias_like_any_other(flights):
    client = flights.client("notebook")
    client.create_registered_model("late")
    run_id = client.create_run("0").info.run_id
    client.create_model_version("late", f"runs:/{run_id}/model", run_id)
    client.set_registered_model_alias("late", "champion", "1")
    assert client.get_model_version_by_alias("late", "champion").version == "1"


@pytest.fixture
def task(flights, monkeypatch):
    """A task's own run, another one, and the client that the task's token makes."""
    with flights.store.change(LOCAL, "run.create", "flights", workspace="flights") as tx:
        experiment = tracking.ensure_experiment(tx, "train")
        own = tracking.create_run(tx, experiment, "own", tags={"regie.kind": "task"})
        other = tracking.create_run(tx, experiment, "other")
    with flights.store.machinery() as batch:
        token = issue(batch, "task:1", "task", f"run:{own}")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    return flights.client("flights"), own, other


def test_a_tasks_token_measures_its_own_run_and_no_other(task, flights):
    client, own, other = task
    client.log_metric(own, "m", 1)
    client.log_text(own, "x", "note.txt")
    assert client.get_run(own).data.metrics == {"m": 1.0}
    assert [one.path for one in client.list_artifacts(own)] == ["note.txt"]
    refused(client.log_metric, other, "m", 1)
    refused(client.set_tag, other, "a", "b")
    refused(client.get_run, other)
    refused(client.create_experiment, "new")
    refused(client.set_registered_model_alias, "late", "champion", "1")
    refused(client.set_registered_model_alias, "late", "mine", "1")
    with pytest.raises(MlflowException, match="PERMISSION_DENIED"):
        client.log_text(other, "x", "note.txt")
    assert f"run:{other}" in {one["target"] for one in refusals(flights, "run.measure")}


def test_the_status_of_a_tasks_run_as_its_client_says_it_is_ignored(task, flights):
    client, own, _ = task
    client.set_terminated(own, "FAILED")
    with flights.store.read() as db:
        assert tracked.run(db, own).status == "RUNNING"
    with flights.store.change(LOCAL, "run.change", own, workspace="flights") as tx:
        assert tracking.end_run(tx, own, "FINISHED")
        assert not tracking.end_run(tx, own, "FAILED")
    assert client.get_run(own).info.status == "FINISHED"


def test_inside_a_task_the_fluent_api_lands_in_its_run(task, monkeypatch):
    import mlflow

    client, own, _ = task
    monkeypatch.setenv("MLFLOW_RUN_ID", own)
    monkeypatch.setattr("mlflow.tracking.fluent._active_experiment_id", None)
    with mlflow.start_run() as run:
        mlflow.log_metric("inside", 2)
        mlflow.log_param("p", 1)
    assert run.info.run_id == own
    assert client.get_run(own).data.metrics["inside"] == 2


def test_an_unknown_token_is_401(flights, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "nothing")
    with pytest.raises(MlflowException) as unknown:
        MlflowClient(flights.url).search_experiments()
    assert unknown.value.error_code == "UNAUTHENTICATED"


def test_a_crown_remembers_the_former_one_and_is_set_once(flights):
    with flights.store.change(system("release"), "rollout.step", "r", workspace="flights") as tx:
        crown.crown(tx, "other", "prod", "late", 1, "r", NOBODY_CAUSE)
        cause = crown.crown(tx, "other", "prod", "late", 2, "r", NOBODY_CAUSE)
        assert crown.crown(tx, "other", "prod", "late", 2, "r", cause) == cause
    with flights.store.read() as db:
        found = queries.champion(db, "flights", endpoint="other")
    assert found is not None
    assert (found.version, found.former_version, found.cause) == (2, 1, remembered(cause))


def test_what_took_part_in_the_loop_stays_even_where_nothing_is_served_any_more(server):
    """Verdicts and routes name versions: made again, a number would carry the verdict of another package."""
    with server.store.change(LOCAL, "model.register", "old", workspace="bare") as tx:
        changes.ensure_model(tx, "old")
        changes.register(tx, "old", source="regie:train", role="challenger")
        changes.ensure_model(tx, "free")
        changes.register(tx, "free", source="regie:train")
    client = server.client("bare")
    assert "version 1 competes" in refused(client.delete_registered_model, "old")
    refused(client.rename_registered_model, "old", "new")
    refused(client.delete_model_version, "old", "1")
    client.delete_registered_model("free")


@pytest.fixture(scope="module")
def released(server, tmp_path_factory):
    """A model whose versions were and are champion: from a run's model folder, and from a logged model."""
    client = server.client("lineage")
    experiment = client.create_experiment("origin")
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "x", "model/MLmodel")
    client.log_text(run, "x", "plot.txt")
    logged = client.create_logged_model(experiment, "m", run)
    folder = tmp_path_factory.mktemp("logged")
    (folder / "MLmodel").write_text("x")
    client.log_model_artifacts(logged.model_id, str(folder))
    client.create_registered_model("led")
    client.create_model_version("led", f"runs:/{run}/model", run)
    client.create_model_version("led", f"models:/{logged.model_id}", run, model_id=logged.model_id)
    with server.store.change(system("release"), "rollout.step", "r", workspace="lineage") as tx:
        crown.crown(tx, "led", "prod", "led", 1, "r", NOBODY_CAUSE)
    with server.store.change(system("release"), "rollout.step", "r", workspace="lineage") as tx:
        crown.crown(tx, "led", "prod", "led", 2, "r", NOBODY_CAUSE)
    return server, experiment, run, logged.model_id


def test_what_a_released_version_came_from_is_not_deleted_and_the_refusals_are_audited(released):
    server, experiment, run, model_id = released
    client = server.client("lineage")
    said = refused(client.delete_run, run)
    assert "led@1 was champion, and came from this run" in said
    assert "regie why leads back to it" in said
    refused(client.delete_run, client.create_run(experiment, tags={"mlflow.parentRunId": run}).info.run_id)
    refused(client.delete_experiment, experiment)
    refused(client.delete_logged_model, model_id)
    assert {f"run:{run}", model_id} <= {one["target"] for one in refusals(server, "run.delete")}
    assert experiment in {one["target"] for one in refusals(server, "experiment.change")}
    other = client.create_run(experiment).info.run_id
    client.delete_run(other)


def test_the_files_of_a_released_version_are_not_deleted_or_written_over_and_new_ones_go_beside_them(released, tmp_path):
    server, _, run, model_id = released
    client = server.client("lineage")
    for path in ("model/MLmodel", "model/new.txt", "plot.txt"):
        with pytest.raises(requests.HTTPError, match=r"PERMISSION_DENIED.*none of them is written"):
            client.log_text(run, "y", path)
    client.log_text(run, "y", "later.txt")
    repository = get_artifact_repository(client.get_run(run).info.artifact_uri)
    for path in ("model", "plot.txt", ""):
        with pytest.raises(requests.HTTPError, match="none of them is deleted"):
            repository.delete_artifacts(path)
    (tmp_path / "extra").write_text("x")
    with pytest.raises(requests.HTTPError, match="none of them is written"):
        client.log_model_artifacts(model_id, str(tmp_path))
    assert f"runs/{run}/model/MLmodel" in {one["target"] for one in refusals(server, "run.measure")}


def test_the_description_of_a_released_version_stays_and_its_tags_are_free(released):
    server = released[0]
    client = server.client("lineage")
    said = refused(client.update_model_version, "led", "1", "another story")
    assert "was champion, and its description stays" in said
    assert "say it in a tag" in said
    client.set_model_version_tag("led", "1", "seen_by", "ines")
    client.update_registered_model("led", "what the model is for")
    assert client.get_model_version("led", "1").tags == {"seen_by": "ines"}


def test_a_challenger_that_still_waits_for_its_gates_is_described_but_not_deleted(server):
    with server.store.change(LOCAL, "model.register", "waits", workspace="waits") as tx:
        changes.ensure_model(tx, "waits")
        changes.register(tx, "waits", source="regie:train", role="challenger")
    client = server.client("waits")
    client.update_model_version("waits", "1", "fewer columns")
    assert client.get_model_version("waits", "1").description == "fewer columns"
    refused(client.delete_model_version, "waits", "1")


def test_where_nothing_is_served_runs_models_files_and_versions_are_deleted_as_in_mlflow(server):
    client = server.client("free")
    experiment = client.create_experiment("e")
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "x", "model/MLmodel")
    client.create_registered_model("m")
    client.create_model_version("m", f"runs:/{run}/model", run)
    client.update_model_version("m", "1", "x")
    client.log_text(run, "y", "model/MLmodel")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        client.transition_model_version_stage("m", "1", "Production")
    client.delete_run(run)
    client.restore_run(run)
    client.delete_experiment(experiment)
    client.delete_model_version("m", "1")
    client.delete_registered_model("m")
