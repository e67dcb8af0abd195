"""Fixtures that every test may use: a store on each database, a PostgreSQL server of our own."""

import gc
import itertools
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from regie.app.schema import metadata
from regie.base.blobs import BlobStore
from regie.store.chain import start_chain
from regie.store.change import Store
from regie.store.database import Database, sqlite_path
from tests.support import postgres

# A busy machine is no reason for a test to fail: nothing here is timed.
settings.register_profile("regie", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("regie")
_numbers = itertools.count()
gc.disable()  # until the tests are collected: half of that time it would look through modules that stay


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


class ByFile(LoadFileScheduling):
    """A file's tests are played by one worker; the attacks all by the same one, since they besiege one home."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return file.rpartition("/")[0] if "/attacks/" in file else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a PostgreSQL server that this session started; each worker of a parallel run has its own."""
    with postgres.start(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The URL of a new, empty database."""
    return _new_postgresql(postgres_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The same test on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'regie.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url


def open_store(url: str, folder: Path) -> Store:
    """A store with the whole schema on an empty or known database."""
    if url.startswith("sqlite:///") and not sqlite_path(url).exists():
        sqlite_path(url).write_bytes(_new_sqlite())
    database = Database(url)
    if not database.is_sqlite:
        _make(database)
    return Store(database, BlobStore(folder / "blobs"))


def _make(database: Database) -> None:
    metadata.create_all(database.engine)
    with database.write() as connection:
        start_chain(connection)


@cache
def _new_sqlite() -> bytes:
    """The file of a new database: copied, since making one takes as long as many a test."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "regie.db"
        with closing(Database(f"sqlite:///{file}")) as database:
            _make(database)
        return file.read_bytes()


class Kept:
    """A PostgreSQL database with the whole schema, for one test after another: a new one for each takes longer than most tests."""

    def __init__(self, server: str) -> None:
        self.server, self.url = server, ""

    def empty(self) -> str:
        """The URL of one without rows; another one where the last test left it changed, or somebody still holds it."""
        try:
            if not self.url or not self._emptied():
                self.url = _new_postgresql(self.server)
        except psycopg.Error:
            self.url = _new_postgresql(self.server)
        return self.url

    def _emptied(self) -> bool:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET lock_timeout = 1000")
            found = connection.execute(
                "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            ).fetchall()
            if {name for name, _ in found} != set(metadata.tables):
                return False
            if written := [name for name, size in found if size]:
                connection.execute(f"TRUNCATE {', '.join(written)} RESTART IDENTITY CASCADE".encode())
            return True


def _new_postgresql(server: str) -> str:
    name = f"regie_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.rsplit("/", 1)[0] + "/" + name


@pytest.fixture(scope="session")
def kept_postgres(postgres_server: str) -> Kept:
    return Kept(postgres_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """The same test on SQLite and on PostgreSQL."""
    url = f"sqlite:///{tmp_path / 'regie.db'}"
    if request.param == "postgresql":
        kept: Kept = request.getfixturevalue("kept_postgres")
        url = kept.empty()
    made = open_store(url, tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(f"sqlite:///{tmp_path / 'regie.db'}", tmp_path)
    yield made
    made.database.close()
