"""A home in which pipelines run for tests: a real store, a real HTTP server on a real port, real children.

`FLOW` is a project's code; where a step ran, it left a file in `World.marks`.
"""

import threading
import time

import pandas as pd
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy import insert

from regie.app.api import blobs
from regie.app.doors import guard
from regie.app.mlflow.routes import install as install_mlflow
from regie.app.policy import OWN, WIRE
from regie.app.workspace_path import WorkspacePath
from regie.base.clock import wall_ms
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.data.table import Table
from regie.pipelines import changes, lock, project, queries
from regie.pipelines.runner import Runner
from regie.pipelines.types import RunRequest
from regie.pipelines.why import explain
from regie.store.tables import workspaces
from regie.store.types import LOCAL
from regie.tracking import changes as tracking
from tests.conftest import open_store

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
LOCK = lock.current()  # one for a whole test: regie itself may be an editable install that somebody edits
HELPERS = "FACTOR = 1.0\n\ndef scale():\n    return FACTOR\n"


class World:
    """A home with a server, an executor and one dataset."""

    def __init__(self, folder, executor):
        self.folder = folder
        self.store = open_store(f"sqlite:///{folder / 'regie.db'}", folder)
        self.marks = folder / "marks"
        self.marks.mkdir()
        with self.store.change(LOCAL, "workspace.create", "w", workspace="w") as tx:
            row = {"name": "w", "clock": "wall", "now_ms": 0, "secret": "s", "created_ms": wall_ms()}
            tx.execute(insert(workspaces).values(row))
            self.experiment = tracking.ensure_experiment(tx, "train")
        self.server, self.url = serve(self.store)
        self.lock = LOCK
        self.runner = Runner(self.store, executor, self.url, folder / "scratch", 0.01, lambda: self.lock)
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
    app = FastAPI(openapi_url=None)
    app.state.store = store
    app.include_router(blobs.router)
    install_mlflow(app)
    guard(app, store, {**WIRE, **{route: action for route, action in OWN.items() if "/blobs/" in route[1]}})
    app.add_middleware(WorkspacePath)

    @app.exception_handler(RegieError)
    def answer(request: Request, error: RegieError) -> JSONResponse:
        return JSONResponse(error.body(), status_code=error.status)

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off", ws="none"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
