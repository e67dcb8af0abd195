"""Runs from beginning to end: a real store, a real HTTP server on a real port, real children."""

import json
import threading
import time
from dataclasses import replace

import httpx2
import pandas as pd
import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import insert, select

from regie.app.api import blobs
from regie.app.mlflow.routes import install as install_mlflow
from regie.app.schema import metadata
from regie.app.workspace_path import WorkspacePath
from regie.base.blobs import BlobStore
from regie.base.canonical import sha256
from regie.base.clock import wall_ms
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.data.table import Table
from regie.pipelines import changes, lock, project, queries
from regie.pipelines.executors import ProcessExecutor
from regie.pipelines.runner import PlanFailed, RunCancelled, Runner, RunRequest, StepFailed
from regie.pipelines.tables import cache_entries
from regie.pipelines.why import explain
from regie.runtime import manifest
from regie.runtime.package import open_package
from regie.store import tokens
from regie.store.change import Store, start_chain
from regie.store.database import Database
from regie.store.tables import audit_records, events, workspaces
from regie.store.tables import tokens as tokens_table
from regie.store.types import LOCAL
from regie.tracking import changes as tracking
from regie.tracking import measure
from regie.tracking import queries as tracked

FLOW = """
import os
from pathlib import Path
from sklearn.linear_model import LogisticRegression
from regie import Dataset, Model, Table, pipeline, step
import helpers

MARKS = Path(os.environ["MARKS"])

def mark(name):
    (MARKS / f"{name}-{os.getpid()}").write_text("")

@step
def clean(customers: Dataset) -> Table:
    mark("clean")
    return customers.read().where("spend < 90")

@step
def fit(rows: Table, strength: float = 1.0) -> Model:
    mark("fit")
    print("fitting", len(rows), "rows")
    return Model(LogisticRegression(C=strength * helpers.scale()).fit(rows.features, rows.label))

@step
def score(model: Model, rows: Table) -> float:
    mark("score")
    return float((model.estimator.predict(rows.features) == rows.label).mean())

@step(retries=2)
def flaky(rows: Table) -> int:
    mark("flaky")
    if len(list(MARKS.glob("flaky-*"))) < 3:
        raise RuntimeError("not yet")
    return len(rows)

@step(deterministic=False)
def now(rows: Table) -> int:
    mark("now")
    return 1

@step
def dies(rows: Table) -> int:
    os._exit(3)

@step(timeout="1s")
def slow(rows: Table) -> int:
    import time
    time.sleep(60)

@step
def peeks(rows: Table) -> list:
    return sorted(name for name in os.environ if "REGIE" in name or "DATABASE" in name)

@pipeline
def train(customers: Dataset, strength: float = 1.0) -> Model:
    rows = clean(customers)
    return fit(rows, strength)

@pipeline
def evaluated(customers: Dataset) -> float:
    rows = clean(customers)
    return score(fit(rows), rows)

@pipeline
def with_flaky(customers: Dataset) -> int:
    return flaky(clean(customers))

@pipeline
def with_now(customers: Dataset) -> int:
    return now(clean(customers))

@pipeline
def with_dies(customers: Dataset) -> int:
    return dies(clean(customers))

@pipeline
def with_slow(customers: Dataset) -> int:
    return slow(clean(customers))

@pipeline
def with_peeks(customers: Dataset) -> list:
    return peeks(clean(customers))

@pipeline
def broken(customers: Dataset) -> Model:
    return fit(customers)
"""
HELPERS = "FACTOR = 1.0\n\ndef scale():\n    return FACTOR\n"


class World:
    """A home with a server, an executor and one dataset."""

    def __init__(self, folder, executor):
        self.folder = folder
        database = Database(f"sqlite:///{folder / 'regie.db'}")
        metadata.create_all(database.engine)
        with database.write() as connection:
            start_chain(connection)
        self.store = Store(database, BlobStore(folder / "blobs"))
        self.marks = folder / "marks"
        self.marks.mkdir()
        with self.store.change(LOCAL, "workspace.create", "w", workspace="w") as tx:
            row = {"name": "w", "clock": "wall", "now_ms": 0, "secret": "s", "created_ms": wall_ms()}
            tx.execute(insert(workspaces).values(row))
            self.experiment = tracking.ensure_experiment(tx, "train")
        self.server, self.url = serve(self.store)
        self.runner = Runner(self.store, executor, self.url, folder / "scratch", retry_s=0.01)
        frame = pd.DataFrame({"spend": [float(n % 100) for n in range(300)], "age": [n % 7 for n in range(300)]})
        frame["churned"] = (frame["spend"] > 45).astype(int)
        self.dataset = self.put_rows(frame)

    def put_rows(self, frame):
        digest = self.store.blobs.put(Table.of(frame, label="churned").to_bytes())
        return {"kind": "dataset", "digest": digest, "name": "customers"}

    def request(self, function="train", flow=FLOW, helpers=HELPERS, **params):
        # The folder of marks is no declared input; the environment of a launcher is fixed at its start.
        flow = flow.replace('os.environ["MARKS"]', repr(str(self.marks)))
        code = self.store.blobs.put(project.pack_files({"flow.py": flow.encode(), "helpers.py": helpers.encode()}))
        run_id = new_id()
        with self.store.change(LOCAL, "run.create", run_id, workspace="w") as tx:
            tracking.create_run(tx, self.experiment, function, run_id=run_id, tags={"regie.kind": "pipeline"})
            changes.queue_run(tx, run_id, function, f"flow:{function}", params=params, reason="", code_digest=code)
        return RunRequest(run_id, "w", f"flow:{function}", code, params=params, model={"kind": "binary", "positive": 1})

    def go(self, request, dataset=None, window="", on_wait=lambda: True):
        graph = self.runner.plan(request)
        return self.runner.execute(request, graph, {"customers": dataset or self.dataset}, window, on_wait)

    def tasks(self, request):
        with self.store.read() as db:
            return [(one["name"], one["state"]) for one in queries.tasks_of(db, request.run_id)]

    def why(self, request, name):
        with self.store.read() as db:
            return explain(db, request.run_id, name, blobs=self.store.blobs)

    def close(self):
        self.server.should_exit = True
        self.store.database.close()


def serve(store):
    app = FastAPI()
    app.state.store = store
    app.include_router(blobs.router)
    install_mlflow(app)
    app.add_middleware(WorkspacePath)

    @app.exception_handler(RegieError)
    def answer(request: Request, error: RegieError) -> JSONResponse:
        return JSONResponse(error.body(), status_code=error.status)

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


@pytest.fixture(scope="module")
def executor():
    with ProcessExecutor() as one:
        yield one


LOCK = lock.current()


@pytest.fixture
def world(tmp_path, executor, monkeypatch):
    # One lock for a whole test: an editable install is project code, and somebody may be editing it.
    monkeypatch.setattr(lock, "current", lambda: LOCK)
    made = World(tmp_path, executor)
    yield made
    made.close()


def test_a_pipeline_yields_a_package_that_answers(world, tmp_path):
    request = world.request()
    output = world.go(request)
    assert output["kind"] == "model"
    content = json.loads(world.store.blobs.get(output["digest"]))
    manifest.unpack(content, world.store.blobs.get, tmp_path / "package")
    package = open_package(tmp_path / "package")
    low, high = package.answer_records([{"spend": 1.0, "age": 3}, {"spend": 80.0, "age": 3}])
    assert low < 0.5 < high
    assert [column.name for column in package.signature] == ["spend", "age"]


def test_nothing_that_did_not_change_is_computed_again(world):
    first, again = world.request(), world.request()
    assert world.go(first) == world.go(again)
    assert world.tasks(first) == [("clean", "finished"), ("fit", "finished")]
    assert world.tasks(again) == [("clean", "cached"), ("fit", "cached")]
    assert len(list(world.marks.iterdir())) == 2
    assert "nothing that it depends on changed" in world.why(again, "fit").because


def changed_helper(world):
    return world.request(helpers=HELPERS.replace("return FACTOR", "return FACTOR * 2")), None, "code helpers.scale"


def changed_constant(world):
    return world.request(helpers=HELPERS.replace("1.0", "3.0")), None, "code helpers.FACTOR"


def changed_parameter(world):
    return world.request(strength=2.0), None, "parameter strength"


def changed_step(world):
    return world.request(flow=FLOW.replace('"rows")', '"rows!")')), None, "code flow.fit"


@pytest.mark.parametrize("change", [changed_helper, changed_constant, changed_parameter, changed_step])
def test_a_change_runs_again_what_it_affects_and_why_names_it(world, change):
    world.go(world.request())
    request, dataset, part = change(world)
    world.go(request, dataset)
    assert world.tasks(request) == [("clean", "cached"), ("fit", "finished")]
    explained = world.why(request, "fit")
    assert [one.part for one in explained.differences] == [part]
    assert explained.because.startswith(f"{part} differs from run ")


def test_a_changed_input_runs_everything_behind_it_again(world):
    world.go(world.request())
    frame = pd.DataFrame({"spend": [float(n % 80) for n in range(200)], "age": 1})
    frame["churned"] = (frame["spend"] > 40).astype(int)
    request = world.request()
    world.go(request, world.put_rows(frame))
    assert world.tasks(request) == [("clean", "finished"), ("fit", "finished")]
    assert world.why(request, "clean").differences[0].part == "input customers"


def test_a_changed_lock_runs_everything_again_and_why_names_the_library(world, monkeypatch):
    world.go(world.request())
    newer = replace(LOCK, installed=LOCK.installed | {"scikit-learn": "99.0"})
    monkeypatch.setattr(lock, "current", lambda: newer)
    request = world.request()
    world.go(request)
    assert world.tasks(request) == [("clean", "finished"), ("fit", "finished")]
    assert [one.part for one in world.why(request, "fit").differences] == ["lock: library scikit-learn"]


def test_a_step_behind_an_unchanged_output_is_not_computed_again(world):
    world.go(world.request())
    request = world.request(flow=FLOW.replace('mark("clean")', 'mark("clean"); print("said")'))
    world.go(request)
    assert world.tasks(request) == [("clean", "finished"), ("fit", "cached")]


def test_a_lost_blob_is_computed_again_instead_of_being_missed(world):
    output = world.go(world.request())
    world.store.blobs.path(output["digest"]).unlink()
    request = world.request()
    assert world.go(request) == output
    assert world.tasks(request) == [("clean", "cached"), ("fit", "finished")]


def test_a_model_is_handed_to_another_step_as_it_was_made(world):
    request = world.request("evaluated")
    assert world.go(request)["value"] > 0.9
    assert world.tasks(request) == [("clean", "finished"), ("fit", "finished"), ("score", "finished")]


def test_a_step_that_is_not_deterministic_is_never_answered_by_the_cache(world):
    world.go(world.request("with_now"))
    request = world.request("with_now")
    world.go(request)
    assert world.tasks(request) == [("clean", "cached"), ("now", "finished")]


def test_a_step_is_tried_again_as_often_as_it_says(world):
    request = world.request("with_flaky")
    assert world.go(request)["value"] > 0
    assert world.tasks(request) == [("clean", "finished"), ("flaky", "failed"), ("flaky", "failed"), ("flaky", "finished")]
    with world.store.read() as db:
        attempts = [one for one in queries.tasks_of(db, request.run_id) if one["name"] == "flaky"]
        statuses = [tracked.run(db, one["mlflow_run_id"]).status for one in attempts]
    assert [one["attempt"] for one in attempts] == [1, 2, 3]
    assert attempts[0]["error"]["message"] == "not yet"
    assert statuses == ["FAILED", "FAILED", "FINISHED"]


def test_a_failed_step_names_itself_and_its_attempt_and_keeps_its_log(world):
    request = world.request("with_dies")
    with pytest.raises(StepFailed) as caught:
        world.go(request)
    assert (caught.value.step, caught.value.attempt) == ("flow:dies", 1)
    assert "exit code 3" in str(caught.value)
    with world.store.read() as db:
        task = queries.task(db, request.run_id, "dies")
        assert (task["state"], task["exit"]) == ("failed", 3)
        assert tracked.artifact(db, "w", f"runs/{task['mlflow_run_id']}", "logs/dies-1.txt") is not None
        failed = db.execute(select(events.c.subject).where(events.c.type == "task.failed")).scalars().all()
    assert failed == [f"{request.run_id}/dies"]


def test_a_step_that_exceeds_its_timeout_has_failed(world):
    with pytest.raises(StepFailed, match="longer than its timeout of 1 s"):
        world.go(world.request("with_slow"))


def test_a_cancelled_run_stops_and_its_task_is_closed(world):
    request = world.request("with_slow")
    started = []

    def on_wait():
        started.append(1)
        return ("slow", "running") not in world.tasks(request)

    with pytest.raises(RunCancelled):
        world.go(request, on_wait=on_wait)
    assert world.tasks(request)[-1] == ("slow", "failed")


def test_a_task_sees_no_database(world, monkeypatch):
    monkeypatch.setenv("REGIE_DATABASE", "postgresql://x")
    assert world.go(world.request("with_peeks"))["value"] == []


def test_a_graph_that_does_not_fit_is_refused_before_anything_runs(world):
    with pytest.raises(PlanFailed, match="rows of fit is a Table; the dataset customers is a Dataset"):
        world.runner.plan(world.request("broken"))
    with pytest.raises(PlanFailed, match="invalid syntax"):
        world.runner.plan(world.request(flow="def x(:\n"))
    with pytest.raises(PlanFailed, match="has no nowhere"):
        world.runner.plan(world.request("nowhere"))


def test_the_log_of_a_task_is_an_artifact_of_its_run(world):
    request = world.request()
    world.go(request)
    with world.store.read() as db:
        run = queries.task(db, request.run_id, "fit")["mlflow_run_id"]
        digest, _ = tracked.artifact(db, "w", f"runs/{run}", "logs/fit-1.txt")
    assert world.store.blobs.get(digest) == b"fitting 270 rows\n"


def test_a_cached_task_replays_what_it_measured_and_the_run_shows_it(world):
    first, again = world.request(), world.request()
    world.go(first)
    with world.store.read() as db:
        task = queries.task(db, first.run_id, "fit")
    measure.log_batch(world.store, task["mlflow_run_id"], [("auc", 0.8, 5, 0), ("auc", 0.9, 6, 1)], {"depth": "4"})
    world.go(again)
    with world.store.read() as db:
        replayed = queries.task(db, again.run_id, "fit")["mlflow_run_id"]
        for run_id in (replayed, again.run_id):
            data = tracked.data(db, run_id)
            assert [(metric.key, metric.value) for metric in data.metrics] == [("auc", 0.9)]
            assert data.params["depth"] == "4"
            assert len(tracked.history(db, tracked.run(db, run_id).key, "auc", 10)) == 2


MEASURED = """
import mlflow
from regie import Dataset, Table, pipeline, step

@step
def first(rows: Dataset) -> Table:
    mlflow.log_param("depth", 1)
    mlflow.log_metric("auc", 0.5)
    return rows.read()

@step
def second(rows: Table) -> str:
    mlflow.log_param("depth", 2)
    mlflow.log_metric("loss", 0.25)
    return mlflow.active_run().info.run_id

@pipeline
def train(customers: Dataset) -> str:
    return second(first(customers))
"""


def test_what_steps_log_with_mlflow_lands_in_runs_of_their_own_and_is_shown_together(world):
    request = world.request(flow=MEASURED)
    said = world.go(request)["value"]
    with world.store.read() as db:
        of = {one["name"]: one["mlflow_run_id"] for one in queries.tasks_of(db, request.run_id)}
        each = {name: tracked.data(db, run_id) for name, run_id in of.items()}
        together = tracked.data(db, request.run_id)
        states = {name: tracked.run(db, run_id).status for name, run_id in of.items()}
    assert said == of["second"]
    assert {name: data.params for name, data in each.items()} == {"first": {"depth": "1"}, "second": {"depth": "2"}}
    assert {metric.key for metric in together.metrics} == {"auc", "loss"}
    assert together.params == {"depth": "1", "second.depth": "2"}
    assert states == {"first": "FINISHED", "second": "FINISHED"}


def test_a_window_has_tasks_of_its_own(world):
    request = world.request()
    graph = world.runner.plan(request)
    for window in ("all", "last 26w"):
        world.runner.execute(request, graph, {"customers": world.dataset}, window)
    assert world.tasks(request) == [("clean", "finished"), ("fit", "finished"), ("clean", "cached"), ("fit", "cached")]


def test_what_a_dead_worker_left_running_is_closed_when_its_run_is_taken_over(world, monkeypatch):
    request = world.request()
    monkeypatch.setattr(world.runner.executor, "run", die := Dying(world.runner.executor.run))
    graph = world.runner.plan(request)
    die.armed = True
    with pytest.raises(MemoryError):
        world.runner.execute(request, graph, {"customers": world.dataset})
    die.armed = False
    world.runner.execute(request, graph, {"customers": world.dataset})
    assert world.tasks(request) == [("clean", "failed"), ("clean", "finished"), ("fit", "finished")]


class Dying:
    def __init__(self, run):
        self.run, self.armed = run, False

    def __call__(self, *args, **more):
        if self.armed:
            raise MemoryError
        return self.run(*args, **more)


def test_every_token_of_a_task_is_taken_back_and_everything_is_audited(world):
    world.go(world.request())
    with world.store.read() as db:
        assert db.execute(select(tokens_table.c.hash).where(tokens_table.c.revoked_wall_ms.is_(None))).all() == []
        actions = set(db.execute(select(audit_records.c.action)).scalars())
        kinds = db.execute(select(events.c.type).where(events.c.type.like("task.%")).order_by(events.c.seq)).scalars().all()
        entries = db.execute(select(cache_entries.c.step)).scalars().all()
    assert "task.record" in actions
    assert kinds == ["task.started", "task.finished"] * 2
    assert sorted(entries) == ["flow:clean", "flow:fit"]


# ---- the blobs over HTTP


def as_task(world, scope):
    with world.store.machinery() as batch:
        token = tokens.issue(batch, "task:x", "task", scope)
    return httpx2.Client(base_url=world.url, headers={"authorization": f"Bearer {token}"}, trust_env=False)


def test_a_task_fetches_its_inputs_and_nothing_else(world):
    mine, other = world.store.blobs.put(b"mine"), world.store.blobs.put(b"not mine")
    with as_task(world, f"blob:{mine} put:*") as http:
        assert http.get(f"/api/v1/blobs/{mine}").content == b"mine"
        refused = http.get(f"/api/v1/blobs/{other}")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        assert http.get("/api/v1/blobs/sha256:nothing").status_code == 403
    with httpx2.Client(base_url=world.url, headers={"authorization": "Bearer made-up"}, trust_env=False) as http:
        assert http.get(f"/api/v1/blobs/{mine}").status_code == 401


def test_what_a_task_stores_must_have_the_digest_that_it_says(world):
    with as_task(world, "put:*") as http:
        digest = sha256(b"content")
        assert http.put(f"/api/v1/blobs/{digest}", content=b"other").status_code == 422
        assert not world.store.blobs.has(digest)
        assert http.put(f"/api/v1/blobs/{digest}", content=b"content").status_code == 201
        assert http.put(f"/api/v1/blobs/{digest}", content=b"content").status_code == 200
    with as_task(world, "run:x") as http:
        assert http.put(f"/api/v1/blobs/{sha256(b'y')}", content=b"y").status_code == 403


def test_a_large_blob_streams_both_ways(world):
    pieces = [bytes([number]) * 1_000_000 for number in range(20)]
    digest = sha256(b"".join(pieces))
    with as_task(world, f"put:* blob:{digest}") as http:
        assert http.put(f"/api/v1/blobs/{digest}", content=iter(pieces)).status_code == 201
        assert sha256(http.get(f"/api/v1/blobs/{digest}").content) == digest
    assert list(world.store.blobs.temporary.iterdir()) == []
