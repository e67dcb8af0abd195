"""Import and export between two servers, through the command, filled and read by the real client."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import mlflow
import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus, Metric, Param, RunTag
from sqlalchemy import Table, func, insert, select

from regie.app.schema import metadata
from regie.base.canonical import canonical
from regie.cli.root import run as regie
from regie.client.mlflow import marks, wire
from regie.client.mlflow.lease import LASTS_MS, Holder
from regie.registry import changes as registry
from regie.registry.tables import model_versions
from regie.store import actors
from regie.store.tables import specs, workspaces
from regie.store.types import LOCAL
from regie.tracking import artifacts, changes, judged
from regie.tracking.tables import logged_models, runs
from tests.integration.mlflow.conftest import Server, running

BYTES = os.urandom(3 << 20)


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """No settings of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "REGIE_TOKEN", "REGIE_WORKSPACE", "MLFLOW_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The other server."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with running(f"sqlite:///{folder / 'regie.db'}", folder) as found:
        (folder / "files").mkdir()
        fill(found, folder / "files")
        yield found


@dataclass(frozen=True)
class Place:
    """A workspace of a server."""

    server: Server
    name: str = ""

    @property
    def url(self) -> str:
        return self.server.at(self.name) if self.name else self.server.url

    @property
    def words(self) -> list[str]:
        return ["--server", self.server.url, *(["-w", self.name] if self.name else [])]

    def client(self) -> MlflowClient:
        return self.server.client(self.name or None)

    def count(self, table: Table) -> int:
        with self.server.store.read() as db:
            mine = select(func.count()).select_from(table).where(table.c.workspace == (self.name or "personal"))
            return int(db.execute(mine).scalar_one())

    @property
    def counts(self) -> tuple[int, int, int]:
        """Runs, logged models, versions."""
        return self.count(runs), self.count(logged_models), self.count(model_versions)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Our server, of which each test has a workspace of its own."""
    folder = tmp_path_factory.mktemp("ours")
    with running(f"sqlite:///{folder / 'regie.db'}", folder) as found:
        yield found


def _place(server: Server) -> Place:
    place = Place(server, f"w-{uuid4().hex[:12]}")
    assert place.client().get_experiment_by_name("Default").experiment_id
    return place


@pytest.fixture
def here(ours: Server) -> Place:
    return _place(ours)


@pytest.fixture
def away(ours: Server) -> Place:
    return _place(ours)


def fill(server: Server, folder: Path) -> None:
    """Everything that is moved, once."""
    client = server.client()
    assert client.get_experiment_by_name("Default").experiment_id
    churn = client.create_experiment("churn", tags={"team": "crm"})
    parent = client.create_run(churn, start_time=5_000, run_name="search", tags={"mlflow.user": "ines"}).info.run_id
    # The child began first: its parent must be placed before it all the same.
    child = client.create_run(churn, start_time=1_000, run_name="a child", tags={"mlflow.parentRunId": parent}).info.run_id
    points = [Metric("loss", value, 10_000 + step, step) for step, value in enumerate([1.0, float("nan"), float("inf"), 0.25])]
    late = [Metric("late", 1.0, 20_000, 9), Metric("late", 2.0, 30_000, 1), Metric("big", 5.0, 40_000, (1 << 53) + 1)]
    params = [Param(f"p{place}", "x" * place) for place in range(1, 100)]
    client.log_batch(child, [*points, *late], params, [RunTag("note", "été\n" + parent)])
    client.log_batch(parent, [Metric("curve", place / 7, place, place) for place in range(1_000)])
    client.log_batch(parent, [Metric("curve", place / 7, place, place) for place in range(1_000, 1_500)])
    mlflow.set_experiment("churn")
    with mlflow.start_run(run_id=child):
        data = mlflow.data.from_numpy(np.arange(4.0), name="rows")
        mlflow.log_input(data, context="training", tags={"k": "v"})
        model = mlflow.initialize_logged_model(name="net", model_type="linear", params={"C": "1"}, tags={"kind": "m"})
        mlflow.log_metric("auc", 0.9, step=3, dataset=data, model_id=model.model_id)
        mlflow.log_text("x", "notes/a name é 1.txt")
        mlflow.log_text("", "empty.txt")
    (folder / "MLmodel").write_text(f"run_id: {child}\nmodel_id: {model.model_id}\nflavors: {{}}\n")
    (folder / "weights.bin").write_bytes(BYTES)
    client.log_model_artifacts(model.model_id, str(folder))
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.log_outputs(child, [mlflow.entities.LoggedModelOutput(model.model_id, 3)])
    client.set_tag(child, "mlflow.log-model.history", json.dumps([{"run_id": child, "model_uuid": "u"}]))
    client.set_terminated(child, "FAILED", 2_000)
    client.set_terminated(parent, "FINISHED", 9_000)
    trace(server, churn, child)
    client.delete_run(client.create_run(churn, run_name="deleted").info.run_id)
    client.delete_experiment(client.create_experiment("deleted"))
    client.log_text(parent, "old", "model/MLmodel")
    client.create_registered_model("churn", tags={"owner": "ines"}, description="the model")
    client.create_model_version(
        "churn", f"models:/{model.model_id}", child, tags={"k": "v"}, description="first", model_id=model.model_id
    )
    client.create_model_version("churn", f"runs:/{parent}/model", parent)
    artifacts = client.get_run(parent).info.artifact_uri
    client.create_model_version("churn", f"{artifacts}/model", parent)
    client.create_model_version("churn", "s3://bucket/model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow calls stages deprecated; they are moved all the same
        client.transition_model_version_stage("churn", "2", "Production")
    client.set_registered_model_alias("churn", "champion", "2")


def trace(server: Server, experiment_id: str, run_id: str) -> None:
    """A trace of two spans, with an assessment and a file."""
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}
    judged = {
        "assessment_id": "a-" + "1" * 32, "assessment_name": "good", "source": {"source_type": "HUMAN", "source_id": "ines"},
        "create_time": "2026-01-01T00:00:00Z", "last_update_time": "2026-01-01T00:00:00Z", "feedback": {"value": True},
    }  # fmt: skip
    info = {
        "trace_id": "tr-" + "a" * 32, "trace_location": place, "request_time": "2026-01-01T00:00:00Z", "state": "OK",
        "execution_duration": "1.5s", "tags": {"color": "red"}, "trace_metadata": {"mlflow.sourceRun": run_id}, "assessments": [judged],
    }  # fmt: skip
    said = {"key": "mlflow.spanInputs", "value": {"stringValue": '"mlflow-attachment://a.bin"'}}
    root = {
        "traceId": "a" * 32, "spanId": "b" * 16, "name": "été", "startTimeUnixNano": "1767225600000000000",
        "endTimeUnixNano": "1767225601500000000", "attributes": [said], "status": {"code": 1},
    }  # fmt: skip
    below = root | {"spanId": "c" * 16, "parentSpanId": "b" * 16, "links": [{"traceId": "d" * 32, "spanId": "e" * 16}]}
    with closing(wire.Wire(server.url)) as door:
        door.send("/api/3.0/mlflow/traces", {"trace": {"trace_info": info}})
        spans = {"resourceSpans": [{"scopeSpans": [{"spans": [root, below]}]}]}
        door.send("/v1/traces", spans, headers={"x-mlflow-experiment-id": experiment_id})
        door.put(f"/api/2.0/mlflow-artifacts/artifacts/traces/tr-{'a' * 32}/attachments/a.bin", [b"abc"], 3)


def facts(place: Place | Server) -> dict:
    """What a server says, with each id replaced by the one where the thing first was, and without the marks."""
    client, ids = place.client(), {}
    experiments = client.search_experiments(filter_string="name != 'Default'")
    numbers = [one.experiment_id for one in experiments]
    found, models = client.search_runs(numbers, max_results=1_000), client.search_logged_models(numbers)
    for run in found:
        ids[run.info.run_id] = run.data.tags.get(marks.RUN, run.info.run_id)
    for model in models:
        ids[model.model_id] = model.tags.get(marks.MODEL, model.model_id)

    def first(text: str) -> str:
        for new, old in ids.items():
            text = text.replace(new, old)
        return text

    def own(tags: dict[str, str]) -> dict[str, str]:
        return {
            key: first(value) if key.startswith("mlflow.") else value
            for key, value in tags.items()
            if not key.startswith("transfer.")
        }

    return {
        "experiments": {one.name: own(one.tags) for one in experiments},
        "runs": {ids[one.info.run_id]: _run(client, one, own, first) for one in found},
        "logged models": {ids[one.model_id]: _logged(client, one, own, first) for one in models},
        "models": [_model(client, one, own, first) for one in client.search_registered_models()],
        "traces": [_trace(client, one, own, first) for one in client.search_traces(locations=numbers, include_spans=True)],
    }


def _run(client: MlflowClient, run, own, first) -> tuple:
    info = run.info
    return (
        info.run_name, info.user_id, info.status, info.start_time, info.end_time, run.data.params, own(run.data.tags),
        {key: [repr(vars(one)) for one in client.get_metric_history(info.run_id, key)] for key in run.data.metrics},
        [(vars(one.dataset), [vars(tag) for tag in one.tags]) for one in run.inputs.dataset_inputs],
        [(first(one.model_id), one.step) for one in run.outputs.model_outputs],
        _files(client, info.run_id, "", first),
    )  # fmt: skip


def _logged(client: MlflowClient, model, own, first) -> tuple:
    metrics = sorted((one.key, one.value, one.step, one.timestamp, first(one.run_id), one.dataset_name) for one in model.metrics)
    names = sorted(one.path for one in client.list_logged_model_artifacts(model.model_id))
    return model.name, model.model_type, model.status, first(model.source_run_id), model.params, own(model.tags), metrics, names


def _model(client: MlflowClient, model, own, first) -> tuple:
    versions = sorted(client.search_model_versions(f"name = '{model.name}'"), key=lambda one: int(one.version))
    return (
        model.name, model.description, own(model.tags), model.aliases,
        [(one.version, first(one.source), first(one.run_id), one.description, one.current_stage, own(one.tags)) for one in versions],
    )  # fmt: skip


def _trace(client: MlflowClient, trace, own, first) -> tuple:
    info = trace.info
    tags = {key: value for key, value in own(info.tags).items() if key != "mlflow.artifactLocation"}
    return (
        info.trace_id, info.request_time, info.execution_duration, info.state, tags,
        {key: first(value) for key, value in info.trace_metadata.items()},
        [one.to_dictionary() for one in info.assessments], sorted(str(one.to_dict()) for one in trace.data.spans),
    )  # fmt: skip


def _files(client: MlflowClient, run_id: str, folder: str, first) -> dict[str, int]:
    found = {}
    for one in client.list_artifacts(run_id, folder):
        found |= _files(client, run_id, one.path, first) if one.is_dir else {one.path: one.file_size}
    return found


def rows(server: Server) -> dict[str, int]:
    with server.store.read() as db:
        return {table.name: db.execute(select(func.count()).select_from(table)).scalar_one() for table in metadata.sorted_tables}


def moved(capsys, *words: str) -> dict:
    code, printed = regie([*words, "--json"]), capsys.readouterr()
    assert printed.out, printed.err
    said = json.loads(printed.out[printed.out.index("{\n") :])  # MLflow's client prints what it does
    assert code == (1 if said["refused"] else 0)
    return said


def test_an_import_brings_everything_and_a_second_one_writes_nothing(server, elsewhere, capsys):
    would = moved(capsys, "import", "mlflow", elsewhere.url, "--server", server.url, "--dry-run")
    assert rows(server)["runs"] == 0
    said = moved(capsys, "import", "mlflow", elsewhere.url, "--server", server.url)
    assert said["refused"] == said["kept"] == said["renumbered"] == []
    assert said["left"] == {"deleted experiments": 1, "deleted runs": 1}
    for name in ("experiments", "runs", "logged_models", "models", "versions", "traces"):
        assert would["counts"].get(name) == said["counts"].get(name)
    assert facts(server) == facts(elsewhere)

    before = rows(server)
    again = moved(capsys, "import", "mlflow", elsewhere.url, "--server", server.url)
    assert rows(server) == before
    assert not {"runs", "points", "files", "versions", "logged_models", "aliases", "traces"} & again["counts"].keys()


def test_files_come_byte_for_byte_but_for_the_ids_in_mlmodel(server, elsewhere, tmp_path):
    regie(["import", "mlflow", elsewhere.url, "--server", server.url])
    client = server.client()
    version = client.get_model_version("churn", "1")
    model_id = version.source.removeprefix("models:/")
    uri = client.get_logged_model(model_id).artifact_location
    folder = mlflow.artifacts.download_artifacts(uri, dst_path=str(tmp_path))
    with open(f"{folder}/weights.bin", "rb") as file:
        assert file.read() == BYTES
    with open(f"{folder}/MLmodel") as file:
        assert file.read() == f"run_id: {version.run_id}\nmodel_id: {model_id}\nflavors: {{}}\n"
    kept = server.store.blobs
    with server.store.read() as db:
        file = artifacts.one(db, "personal", f"traces/tr-{'a' * 32}", "attachments/a.bin")
    assert file is not None
    assert kept.get(file[0]) == b"abc"
    [history] = json.loads(client.get_run(version.run_id).data.tags["mlflow.log-model.history"])
    assert history["run_id"] == version.run_id


def test_what_comes_back_home_is_known_there_and_a_third_server_gets_the_same(server, elsewhere, here, capsys):
    regie(["import", "mlflow", elsewhere.url, "--server", server.url])
    capsys.readouterr()
    before = rows(elsewhere)
    moved(capsys, "export", "mlflow", elsewhere.url, "--server", server.url)
    assert rows(elsewhere) == before
    moved(capsys, "export", "mlflow", here.url, "--server", server.url)
    assert facts(here) == facts(elsewhere)
    # And what is on its way twice is there once.
    before = rows(here.server)
    moved(capsys, "import", "mlflow", elsewhere.url, *here.words)
    assert rows(here.server) == before


def test_a_killed_import_goes_on_where_it_was_and_doubles_nothing(elsewhere, here):
    words = [sys.executable, "-m", "regie", "import", "mlflow", elsewhere.url, *here.words]
    for table in (runs, logged_models, model_versions):
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
            while killed.poll() is None and not here.count(table):
                time.sleep(0.002)
            killed.send_signal(signal.SIGKILL)
    last = subprocess.run(words, capture_output=True, text=True, check=False)
    assert last.returncode == 0, last.stderr
    assert facts(here) == facts(elsewhere)
    assert here.counts == (2, 1, 4)
    assert MlflowClient(here.url).get_experiment_by_name("Default").tags == {}  # the lease was given back


def test_of_two_imports_at_once_one_is_refused_and_nothing_is_doubled(elsewhere, here):
    words = [sys.executable, "-m", "regie", "import", "mlflow", elsewhere.url, *here.words]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ends = [(*one.communicate(), one.returncode) for one in both]
    assert sorted(code for *_, code in ends) in ([0, 0], [0, 1])  # the second may come when the first has ended
    assert all("another import or export writes to it" in err for _, err, code in ends if code)
    assert here.counts == (2, 1, 4)


def test_a_lease_that_somebody_elsewhere_holds_is_kept_until_its_time_is_over(elsewhere, here, capsys):
    client = here.client()
    place = client.get_experiment_by_name("Default").experiment_id
    now = int(time.time() * 1_000)
    held = Holder("elsewhere", 1, "-", "a", now + LASTS_MS)
    client.set_experiment_tag(place, marks.LEASE, str(held))
    assert regie(["import", "mlflow", elsewhere.url, *here.words]) == 1
    assert "another machine" in capsys.readouterr().err
    assert here.count(runs) == 0
    client.set_experiment_tag(place, marks.LEASE, str(Holder("elsewhere", 1, "-", "a", now - 1)))
    assert regie(["import", "mlflow", elsewhere.url, *here.words]) == 0


def test_what_changed_at_the_source_comes_with_the_next_import_and_nothing_else(here, away, capsys):
    client = away.client()
    experiment = client.create_experiment("work")
    going, ended = (client.create_run(experiment, run_name=one).info.run_id for one in ("going", "ended"))
    client.log_metric(ended, "m", 1, step=0)
    client.set_terminated(ended)
    words = ("import", "mlflow", away.url, *here.words, "--experiment", "work")
    assert moved(capsys, *words)["counts"]["runs"] == 2
    client.log_metric(going, "m", 2, step=0)
    client.log_text(going, "x", "late.txt")
    client.set_terminated(going, "KILLED")
    client.set_tag(ended, "seen", "yes")
    said = moved(capsys, *words)
    assert (said["counts"]["points"], said["counts"]["files"]) == (1, 1)
    found = here.client().search_runs([here.client().get_experiment_by_name("work").experiment_id])
    copies = {one.info.run_name: one for one in found}
    assert copies["going"].info.status == "KILLED"
    assert copies["going"].data.metrics == {"m": 2}
    assert copies["ended"].data.tags["seen"] == "yes"


def test_renamed_on_either_side_an_experiment_is_still_the_same(elsewhere, here, capsys):
    words = ("import", "mlflow", elsewhere.url, *here.words, "--experiment", "churn")
    moved(capsys, *words)
    client = here.client()
    client.rename_experiment(client.get_experiment_by_name("churn").experiment_id, "churn of old")
    before = rows(here.server)
    moved(capsys, *words)
    assert rows(here.server) == before


def test_a_run_to_which_marks_were_copied_is_a_run_of_its_own(elsewhere, here, away, capsys):
    moved(capsys, "import", "mlflow", elsewhere.url, *here.words, "--experiment", "churn")
    client = here.client()
    experiment = client.get_experiment_by_name("churn").experiment_id
    copied = client.search_runs([experiment])[0]
    tags = {key: value for key, value in copied.data.tags.items() if not key.startswith("mlflow.")}
    client.create_run(experiment, run_name="clone", tags=tags)
    moved(capsys, "export", "mlflow", away.url, *here.words, "--experiment", "churn")
    found = away.client().search_runs([away.client().get_experiment_by_name("churn").experiment_id])
    assert sorted(one.info.run_name for one in found) == ["a child", "clone", "search"]


def test_one_model_brings_the_runs_that_it_comes_from_and_numbers_that_differ_are_said(elsewhere, here, capsys):
    client = here.client()
    client.create_registered_model("churn", description="ours")
    client.create_model_version("churn", "s3://bucket/ours")
    said = moved(capsys, "import", "mlflow", elsewhere.url, *here.words, "--model", "churn")
    assert said["renumbered"] == [{"model": "churn", "from": number, "to": number + 1} for number in (1, 2, 3, 4)]
    assert said["kept"] == [{"thing": "model churn, description", "why": "the target has another one"}]
    assert client.get_model_version_by_alias("churn", "champion").version == "3"
    assert here.count(runs) == 2


def test_an_alias_that_the_policy_refuses_is_said_and_the_rest_is_moved(elsewhere, here, capsys):
    serve(here, "churn")
    said = moved(capsys, "import", "mlflow", elsewhere.url, *here.words, "--model", "churn")
    refused = {one["thing"]: one for one in said["refused"]}
    assert set(refused) == {"alias churn@champion", "stage Production of churn@2", "version churn@4"}
    assert "gates" in refused["alias churn@champion"]["why"]
    assert said["counts"]["versions"] == 3


def serve(place: Place, model: str) -> None:
    """A regie.yaml that serves the model is applied to the workspace."""
    workspace = place.name
    document = {
        "regie": 1, "workspace": workspace, "model": {"name": model}, "serve": {"endpoint": model},
        "environments": {"prod": {"production": True}},
    }  # fmt: skip
    with place.server.store.change(LOCAL, "workspace.create", workspace, workspace=workspace) as tx:
        tx.execute(
            insert(workspaces).values(name=workspace, clock="wall", now_ms=0, secret="s", spec_digest="sha256:spec", created_ms=0)
        )
        tx.execute(
            insert(specs).values(
                digest="sha256:spec", workspace=workspace, document=json.dumps(document), root=".", code_digest="", git="{}",
                applied_ms=0, applied_by="local",
            )
        )  # fmt: skip


def test_runs_since_bring_their_parents_and_no_artifacts_leaves_files_out(elsewhere, here, capsys):
    client = here.client()
    said = moved(capsys, "import", "mlflow", elsewhere.url, *here.words, "--since", "2200-01-01", "--no-artifacts")
    assert "runs" not in said["counts"]
    assert said["left"]["registered models: a version is its files, which are left out"] == 1
    said = moved(capsys, "import", "mlflow", elsewhere.url, *here.words, "--no-artifacts")
    assert (said["counts"]["runs"], said["counts"].get("files")) == (2, None)
    said = moved(capsys, "import", "mlflow", elsewhere.url, *here.words)
    assert said["counts"]["files"] == 6
    assert len(client.search_registered_models()) == 1


def test_what_regie_alone_writes_is_left_out_of_an_import_and_goes_out_with_an_export(here, away, capsys):
    experiment = away.client().create_experiment("pipelines")
    with away.server.store.change(LOCAL, "run.create", "x", workspace=away.name) as tx:
        run_id = changes.create_run(tx, experiment, "r", tags={"regie.kind": "task", "mine": "1"})
        judged.note(tx, run_id, {"judged.log_loss": 0.5}, 0)
    away.client().log_metric(run_id, "log_loss", 0.25)
    said = moved(capsys, "import", "mlflow", away.url, *here.words, "--experiment", "pipelines")
    assert said["left"] == {"tags that Regie alone writes": 1, "metrics that Regie's gates alone write": 1}
    [run] = here.client().search_runs([here.client().get_experiment_by_name("pipelines").experiment_id])
    assert (run.data.tags["mine"], run.data.metrics) == ("1", {"log_loss": 0.25})
    assert "points" not in moved(capsys, "import", "mlflow", away.url, *here.words, "--experiment", "pipelines")["counts"]


def test_a_version_of_a_pipeline_takes_its_files_along(here, away, tmp_path, capsys):
    client, store = here.client(), here.server.store
    run_id = client.create_run(client.create_experiment("pipelines")).info.run_id
    content = b"flavors: {}\n"
    manifest = {"MLmodel": {"digest": store.blobs.put(content), "bytes": len(content)}}
    package = store.blobs.put(canonical(manifest).encode())
    with store.change(LOCAL, "model.register", "late", workspace=here.name) as tx:
        registry.ensure_model(tx, "late")
        registry.register(tx, "late", source=f"runs:/{run_id}/all", run_id=run_id, package=package)
    moved(capsys, "export", "mlflow", away.url, *here.words)
    version = away.client().get_model_version("late", "1")
    assert version.source == f"runs:/{version.run_id}/all"
    path = away.client().download_artifacts(version.run_id, "all/MLmodel", str(tmp_path))
    assert Path(path).read_bytes() == content
    assert away.client().get_model_version_download_uri("late", "1").startswith("mlflow-artifacts:/packages/")


@pytest.mark.parametrize("password", ["wrong", ""])
def test_who_is_not_known_is_told_how_to_say_it(elsewhere, here, capsys, monkeypatch, password):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN" if password else "MLFLOW_TRACKING_USERNAME", password or "ines")
    assert regie(["import", "mlflow", elsewhere.url, *here.words]) == 4
    assert "MLFLOW_TRACKING_TOKEN" in capsys.readouterr().err


def test_who_may_only_read_here_is_refused_before_anything_is_moved(elsewhere, here, monkeypatch):
    with here.server.store.change(LOCAL, "actor.add", "eve", workspace=here.name) as tx:
        token = actors.add(tx, f"eve-{here.name}", ["viewer"])
    monkeypatch.setenv("REGIE_TOKEN", token)
    assert regie(["import", "mlflow", elsewhere.url, *here.words]) == 4
    assert here.count(runs) == 0


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["sqlite:///mlflow.db"], 2, "mlflow server --backend-store-uri"),
        (["http://ines:secret@host"], 2, "MLFLOW_TRACKING_PASSWORD"),
        (["ftp://host"], 2, "http://host:5000"),
        (["nonsense"], 2, "http://host:5000"),
        (["./mlruns"], 2, "start `mlflow server` first"),
        (["{elsewhere}", "-w", "nobody-made-it"], 5, "regie apply"),
        (["{elsewhere}", "--experiment", "no such"], 5, "one of: Default, churn"),
        (["{elsewhere}", "--experiment", "deleted"], 1, "restore it there"),
        (["{elsewhere}", "--model", "no such"], 5, "one of: churn"),
        (["{elsewhere}", "--since", "yesterday"], 2, "2013-01-01"),
        (["{elsewhere}/nowhere"], 5, "/nowhere"),
        (["{here}"], 2, "the same server"),
    ],
)
def test_what_cannot_be_is_refused_with_a_way_on(elsewhere, here, capsys, words, code, hint):
    client = here.client()
    client.create_run(client.create_experiment("e"))
    places = {"{elsewhere}": elsewhere.url, "{here}": here.url}
    for name, url in places.items():
        words = [one.replace(name, url) for one in words]
    assert regie(["import", "mlflow", *here.words, *words]) == code
    err = capsys.readouterr().err
    assert hint in err
    assert "secret" not in err


def test_the_name_of_a_deleted_experiment_stops_the_import_before_it_writes(elsewhere, here, capsys):
    client = here.client()
    client.delete_experiment(client.create_experiment("churn"))
    assert regie(["import", "mlflow", elsewhere.url, *here.words]) == 1
    assert "restore" in capsys.readouterr().err
    assert here.count(runs) == 0


def test_a_server_that_does_not_answer_ends_it_and_says_how_to_go_on(here, capsys, monkeypatch):
    monkeypatch.setattr(wire, "WAITS_S", (0.001, 0.001))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert regie(["import", "mlflow", url, *here.words]) == 6
    assert "same command again: it goes on where it was" in capsys.readouterr().err
