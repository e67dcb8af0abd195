"""A real server on a real port, on both databases, and the unmodified client."""

import itertools
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mlflow
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from mlflow import MlflowClient

from regie.app.doors import guard
from regie.app.mlflow.routes import install
from regie.app.policy import WIRE
from regie.app.schema import metadata
from regie.app.workspace_path import WorkspacePath
from regie.base.blobs import BlobStore
from regie.store.chain import start_chain
from regie.store.change import Store
from regie.store.database import Database

with warnings.catch_warnings():
    # MLflow warns about its own annotations while it is imported; warnings are errors here, but not that one.
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    import mlflow.sklearn

_names = itertools.count()


@dataclass(frozen=True)
class Server:
    """`url` of the personal workspace; `at` of another one."""

    store: Store
    url: str

    def at(self, workspace: str) -> str:
        return f"{self.url}/w/{workspace}"

    def client(self, workspace: str | None = None) -> MlflowClient:
        """The real client, also for the functions of `mlflow` itself."""
        uri = self.at(workspace) if workspace else self.url
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        return MlflowClient(uri, uri)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    url = f"sqlite:///{folder / 'regie.db'}"
    if request.param == "postgresql":
        admin: str = request.getfixturevalue("postgres_server")
        name = f"mlflow_{next(_names)}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = admin.rsplit("/", 1)[0] + "/" + name
    with running(url, folder) as found:
        yield found


@pytest.fixture(autouse=True)
def no_run_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    yield
    while mlflow.active_run():
        mlflow.end_run()


class running:
    """The control plane's wire, alone, on a free port."""

    def __init__(self, database_url: str, folder: Path) -> None:
        database = Database(database_url)
        with database.write() as connection:
            metadata.create_all(connection)
            start_chain(connection)
        self.store = Store(database, BlobStore(folder / "blobs"))
        app = FastAPI(openapi_url=None)
        app.state.store = self.store
        install(app)
        guard(app, self.store, WIRE)
        app.add_middleware(WorkspacePath)
        self.server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def __enter__(self) -> Server:
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return Server(self.store, f"http://127.0.0.1:{port}")

    def __exit__(self, *exc: object) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.store.database.close()
