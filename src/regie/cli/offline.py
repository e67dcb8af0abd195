"""Look into a database directly: of a copy, a backup, or a server that is down. Its audit chain, its invariants.

Needs `regie[server]`. The database is only read.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from regie.app import invariants
from regie.base.errors import NotFound, RegieError, Unreachable
from regie.store import audit
from regie.store.database import Database, normal_url


class DatabaseBroken(RegieError):
    """The file is no database that can be read: its pages themselves were damaged."""

    code, status, exit_code = "audit.unreadable", 409, 1


def verify_database(where: str, anchor: Mapping[str, Any] | None) -> dict[str, Any]:
    """Raises ChainBroken, DatabaseBroken, NotFound for a missing file, Unreachable for a server that does not answer."""
    with _opened(where if "://" in where else f"sqlite:///{where}") as database, database.read() as db:
        found = audit.verify(db, anchor)
    return {"verified": True, "records": found.records, "events": found.events, "hash": found.hash}


def look_at_invariants(url: str, home: Path) -> list[dict[str, Any]]:
    """Each invariant of a home, and what breaks it. Raises DatabaseBroken, NotFound, Unreachable."""
    with _opened(url) as database:
        broken = invariants.broken(database, home)
    of = {name: [one.what for one in broken if one.invariant == name] for name, _ in invariants.INVARIANTS}
    return [{"invariant": name, "ok": not what, "broken": what} for name, what in of.items()]


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    normal_url(url)
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise NotFound(
            "there is no such file", url.removeprefix("sqlite:///"), "give a database's URL, or the path of an SQLite file"
        )
    database = Database(url)
    try:
        yield database
    except (SQLAlchemyError, UnicodeDecodeError) as wrong:
        shown = url.rsplit("@", 1)[-1]
        reason = wrong.orig if isinstance(wrong, DBAPIError) else wrong
        if not url.startswith("sqlite") and "connection" in str(reason):
            raise Unreachable(f"the database does not answer: {reason}", shown, "start it, then repeat") from wrong
        raise DatabaseBroken(
            f"it cannot be read: {reason}", shown, "compare with a backup; do not write to this database"
        ) from wrong
    finally:
        database.close()
