"""Bring a database to this program's schema; refuse one that a newer program wrote.

Each migration is one transaction, so a killed upgrade is simply run again.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, inspect, select, table

from regie.base.errors import RegieError
from regie.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent / "migrations"


class NewerDatabase(RegieError):
    """A newer Regie wrote this database; an older one must not touch it."""

    code, status, exit_code = "store.newer", 500, 1


def upgrade(database: Database, to: str = "head") -> None:
    """Upgrade to the newest schema, or to a former one for a test of what comes after it. Raises NewerDatabase."""
    with database.engine.connect() as connection:
        current = _current(connection)
    if current == newest():
        return
    if current is not None and current not in known():
        raise NewerDatabase(
            f"the database has schema {current}, which this program does not know", database.url.split("@")[-1], "upgrade Regie"
        )
    from alembic import command  # 12 MB in every process; one whose database is new enough never needs it

    with database.write() as connection:
        command.upgrade(_config(connection), to)


def newest() -> str:
    """The schema that this program knows."""
    return known()[-1]


def known() -> list[str]:
    """The schemas that this program can upgrade from, in order: each migration's file begins with its number."""
    return sorted(file.stem.partition("_")[0] for file in (FOLDER / "versions").glob("[0-9]*.py"))


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(select(column("version_num")).select_from(table("alembic_version"))).scalar()
    return found


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # as above

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config
