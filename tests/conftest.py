"""Fixtures that every test may use: a store on each database, a PostgreSQL server of our own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from regie.app.schema import metadata
from regie.base.blobs import BlobStore
from regie.store.chain import start_chain
from regie.store.change import Store
from regie.store.database import Database
from tests.support import postgres

# A busy machine is no reason for a test to fail: nothing here is timed.
settings.register_profile("regie", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("regie")
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server that this session started; each worker of a parallel run has its own."""
    with postgres.start(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of a new, empty database."""
    name = f"regie_{next(_numbers)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.rsplit("/", 1)[0] + "/" + name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same test on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'regie.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


def open_store(url: str, folder: Path) -> Store:
    """A store with the whole schema on an empty or known database."""
    database = Database(url)
    metadata.create_all(database.engine)
    with database.write() as connection:
        start_chain(connection)
    return Store(database, BlobStore(folder / "blobs"))


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    made = open_store(database_url, tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path / 'regie.db'}", tmp_path)
    yield made
    made.database.close()
