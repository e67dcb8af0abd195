"""One schema on SQLite (WAL) and PostgreSQL.

Three ways in: `read` (the database itself refuses writes), `write` (short, `BEGIN IMMEDIATE` on SQLite; durable or not).
Everything above says which one it needs; only the store calls `write`.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from regie.base.clock import monotonic
from regie.base.errors import BadInput, RegieError, StorageFull

BUSY_MS = 30_000
# How many requests a server works on at once; others wait their turn. Each has at most one connection of each pool, and the few threads
# of the server's own another one, so nobody ever waits for a connection: stock's pool drains, and answers 400.
THREADS = 32
POOL, OWN = 10, 8  # connections that are kept; those beyond the requests'
# A connection that rested longer is tried before it is used. Trying it each time took a third of the time of a short change.
REST_S = 0.1
# SQLite's words for a full disk, and for a file that reached the limit of its file system or process; PostgreSQL's.
FULL = ("is full", "disk I/O error", "No space left")
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "9p", "fuse.sshfs", "glusterfs", "ceph", "lustre"}
)


class NetworkFileSystem(RegieError):
    """SQLite's locks do not hold on a network file system: two writers would corrupt the file."""

    code, status, exit_code = "store.network_file_system", 500, 1


class DatabaseUnreachable(RegieError):
    """The database does not answer."""

    code, status, exit_code = "store.unreachable", 503, 6


def failure(error: DBAPIError) -> RegieError:
    """What an OperationalError means: a full disk, or no answer. Nothing of what was being done was kept."""
    said = str(error.orig)
    if any(words in said for words in FULL):
        return StorageFull(
            f"the disk is full, or fails; nothing of this was kept: {said[:200]}", "the database", "look at the disk, then repeat"
        )
    return DatabaseUnreachable("the database does not answer", "", "try again")


class now_ms(FunctionElement[int]):
    """The database's own clock, milliseconds since 1970 UTC: leases never compare clocks of two machines."""

    type = BigInteger()
    inherit_cache = True


@compiles(now_ms, "sqlite")
def _now_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)"


@compiles(now_ms, "postgresql")
def _now_postgresql(element: Any, compiler: Any, **kw: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


class Database:
    """Connections to one database. Safe to share between threads; not across a fork."""

    def __init__(self, url: str) -> None:
        self.url = normal_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self._writer, self._writing = threading.Lock(), 0
        if self.is_sqlite:
            refuse_network_file_system(sqlite_path(self.url))
            self._read = _sqlite_engine(self.url, "NORMAL", read_only=True)
            self._light = _sqlite_engine(self.url, "NORMAL")
            self._durable = _sqlite_engine(self.url, "FULL")
        else:
            self._read = _postgresql_engine(
                self.url, isolation_level="REPEATABLE READ", execution_options={"postgresql_readonly": True}
            )
            # Without the option, psycopg's row count of an INSERT is lost (-1), and a change would seem to alter nothing.
            self._durable = _postgresql_engine(self.url, execution_options={"preserve_rowcount": True})
            self._light = _postgresql_engine(self.url, "off", execution_options={"preserve_rowcount": True})

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent look; the database refuses writes."""
        with self._read.connect() as connection:
            yield connection

    @contextmanager
    def write(self, durable: bool = True) -> Iterator[Connection]:
        """One short transaction; rolled back on any exception. `durable`: on disk when it returns, whatever happens then."""
        engine = self._durable if durable else self._light
        if not self.is_sqlite:
            with engine.begin() as connection:
                yield connection
            return
        if self._writing == threading.get_ident():
            raise AssertionError("a write inside a write of the same thread would wait for itself")
        # Threads of one process queue here fairly, instead of sleeping in SQLite's busy handler.
        with self._writer:
            self._writing = threading.get_ident()
            try:
                with engine.begin() as connection:
                    yield connection
            finally:
                self._writing = 0

    @property
    def engine(self) -> Engine:
        """For migrations."""
        return self._durable

    def close(self) -> None:
        for engine in {self._read, self._light, self._durable}:
            engine.dispose()


def normal_url(url: str) -> str:
    """Name the driver: `postgresql://` means psycopg 3. Raises BadInput for another database."""
    if url.startswith("sqlite:///"):
        return url
    if match := re.match(r"postgres(?:ql)?(?:\+psycopg)?://(.*)", url):
        return "postgresql+psycopg://" + match.group(1)
    shown = url.split("://")[0]
    raise BadInput(
        f"{shown!r} is not a database that Regie knows",
        "REGIE_DATABASE",
        "sqlite:///FILE or postgresql://USER@HOST/NAME",
    )


def sqlite_path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _sqlite_engine(url: str, synchronous: str, read_only: bool = False) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_MS / 1000, "check_same_thread": False},
        pool_size=POOL,
        max_overflow=THREADS + OWN - POOL,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={synchronous}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A read that upgrades to a write fails at once, whatever the timeout: writers say so from the start.
        connection.connection.cursor().execute("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _postgresql_engine(url: str, synchronous_commit: str = "on", **options: Any) -> Engine:
    engine = create_engine(url, pool_size=POOL, max_overflow=THREADS + OWN - POOL, **options)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        record.info["rests_since"] = monotonic()
        # Compiling a statement pays for reports of minutes; a search that it was tried on took a hundred times as long.
        connection.execute("SET SESSION jit = off")
        if synchronous_commit == "off":
            connection.execute("SET SESSION synchronous_commit = off")
        connection.commit()

    @event.listens_for(engine, "checkin")
    def rest(connection: Any, record: Any) -> None:
        record.info["rests_since"] = monotonic()

    @event.listens_for(engine, "checkout")
    def try_out(connection: Any, record: Any, _: Any) -> None:
        """A server that was restarted has cut every connection: all are made anew."""
        if monotonic() - record.info["rests_since"] > REST_S:
            try:
                connection.execute("SELECT 1")
                connection.rollback()
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError("the server has cut the connection") from error

    return engine


def refuse_network_file_system(path: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Raise NetworkFileSystem where the mount table says so. Without a mount table (macOS) nothing is known, and nothing refused."""
    if not mounts.exists():
        return
    where = path.resolve()
    rows = [line.split(" ")[1:3] for line in mounts.read_text().splitlines()]
    inside = [(Path(point), kind) for point, kind in rows if where.is_relative_to(point)]
    point, kind = max(inside, key=lambda row: len(row[0].parts), default=(Path("/"), ""))
    if kind in NETWORK_FILE_SYSTEMS:
        raise NetworkFileSystem(
            f"SQLite does not work on {kind}", str(point), "use a local --home, or PostgreSQL by REGIE_DATABASE"
        )
