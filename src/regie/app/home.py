"""A home: the folder and the database of one control plane.

The database is `REGIE_DATABASE`, by default `HOME/regie.db`; blobs and predictions lie in the folder. A home is created once, with a
clock that never changes: `wall`, or `driven` for replays.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, insert, select
from sqlalchemy.exc import OperationalError

from regie.app import migrate
from regie.base import ids
from regie.base.blobs import BlobStore
from regie.base.clock import iso, wall_ms
from regie.base.errors import Conflict
from regie.store.chain import start_chain
from regie.store.change import Store
from regie.store.database import Database, DatabaseUnreachable
from regie.store.tables import events
from regie.store.tables import home as home_table

# Beside the blobs: when each database was made that ever named some of them, a line each.
DATABASES = "databases"


@dataclass(frozen=True)
class Home:
    """One opened home."""

    folder: Path
    store: Store
    clock: str
    start_ms: int

    @property
    def predictions(self) -> Path:
        """Where ingested predictions lie, as Parquet."""
        return self.folder / "predictions"

    @property
    def scratch(self) -> Path:
        """Working folders of tasks."""
        return self.folder / "scratch"


def database_url(folder: Path) -> str:
    return os.environ.get("REGIE_DATABASE") or f"sqlite:///{folder.resolve() / 'regie.db'}"


def open_home(folder: Path, replay_from_ms: int | None = None, url: str | None = None) -> Home:
    """Open the home, creating it if it is new.

    `replay_from_ms`: a new home gets a driven clock that starts there. Raises Conflict if an old home has another clock.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()  # tasks run in other folders, and are told where the blobs lie
    database = Database(url or database_url(folder))
    try:
        migrate.upgrade(database)
    except OperationalError as error:
        raise DatabaseUnreachable(
            f"the database does not answer: {error.orig}", "REGIE_DATABASE", "start it, then repeat"
        ) from error
    store = Store(database, BlobStore(folder / "blobs"))
    clock, start_ms = _clock(store, replay_from_ms)
    _note_database(store)
    with store.read() as db:
        if last := db.execute(select(func.max(events.c.id))).scalar():
            ids.go_on_after(last)
    return Home(folder, store, clock, start_ms)


def _clock(store: Store, replay_from_ms: int | None) -> tuple[str, int]:
    wanted = ("wall", 0) if replay_from_ms is None else ("driven", replay_from_ms)
    with store.database.write() as connection:
        start_chain(connection)
        row = connection.execute(select(home_table)).first()
        if row is None:
            connection.execute(insert(home_table).values(id=1, clock=wanted[0], start_ms=wanted[1], created_wall_ms=wall_ms()))
            return wanted
    if replay_from_ms is not None and row.clock != "driven":
        raise Conflict(
            "this home runs on the wall clock, and a home's clock never changes", "--replay-from", "choose another --home"
        )
    return row.clock, row.start_ms


def _note_database(store: Store) -> None:
    """Leave word of this database beside the blobs: see `alone`."""
    mine, known = _databases(store)
    if mine not in known:
        with (store.blobs.root / DATABASES).open("a", encoding="utf-8") as file:
            file.write(f"{mine}\n")


def _databases(store: Store) -> tuple[str, set[str]]:
    with store.read() as db:
        mine = str(db.execute(select(home_table.c.created_wall_ms)).scalar() or "")
    file = store.blobs.root / DATABASES
    return mine, set(file.read_text("utf-8").split()) if file.exists() else set()


def alone(store: Store) -> None:
    """Raises Conflict where another database has named blobs of this folder: what it alone names looks as if nobody did."""
    mine, known = _databases(store)
    if others := sorted(known - {mine}):
        made = ", ".join(iso(int(one)) for one in others if one.isdecimal())
        raise Conflict(
            f"another database names blobs of this home too (made {made}): nothing is removed", str(store.blobs.root),
            f"look at REGIE_DATABASE; if that database is gone for good, take its line out of {store.blobs.root / DATABASES}",
        )  # fmt: skip
