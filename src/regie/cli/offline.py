"""Verify the audit chain of a database directly: of a copy, a backup, or a server that is down.

Needs `regie[server]`. The database is only read.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from regie.base.errors import NotFound, RegieError, Unreachable
from regie.store import audit
from regie.store.database import Database, normal_url


class DatabaseBroken(RegieError):
    """The file is no database that can be read: its pages themselves were damaged."""

    code, status, exit_code = "audit.unreadable", 409, 1


def verify_database(where: str, anchor: Mapping[str, Any] | None) -> dict[str, Any]:
    """Raises ChainBroken, DatabaseBroken, NotFound for a missing file, Unreachable for a server that does not answer."""
    url = where if "://" in where else f"sqlite:///{where}"
    normal_url(url)
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise NotFound(
            "there is no such file", url.removeprefix("sqlite:///"), "give a database's URL, or the path of an SQLite file"
        )
    database = Database(url)
    try:
        with database.read() as db:
            found = audit.verify(db, anchor)
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
    return {"verified": True, "records": found.records, "events": found.events, "hash": found.hash}
