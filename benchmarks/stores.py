"""A store on each database, as in production: SQLite in a file, and a PostgreSQL server of our own that writes through to the disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from regie.app import migrate
from regie.base.blobs import BlobStore
from regie.store.chain import start_chain
from regie.store.change import Store
from regie.store.database import Database
from tests.support import postgres

DATABASES = ("SQLite", "PostgreSQL")


@contextmanager
def urls(folder: Path) -> Iterator[dict[str, str]]:
    """The URL of an empty database for each name in DATABASES; the two servers of one benchmark share nothing else."""
    with postgres.start(folder / "postgres", durable=True) as server:
        yield {"SQLite": f"sqlite:///{folder / 'regie.db'}", "PostgreSQL": server}


def another(server: str, name: str) -> str:
    """A new database on the same PostgreSQL server."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return server.rsplit("/", 1)[0] + "/" + name


@contextmanager
def opened(url: str, folder: Path) -> Iterator[Store]:
    """A store with the whole schema."""
    database = Database(url)
    migrate.upgrade(database)
    with database.write() as connection:
        start_chain(connection)
    yield Store(database, BlobStore(folder / "blobs"))
    database.close()
