"""Bring a database to this program's schema; refuse one that a newer program wrote.

Each migration is one transaction, so a killed upgrade is simply run again.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from regie.base.errors import RegieError
from regie.store.database import Database

FOLDER = Path(__file__).parent / "migrations"


class NewerDatabase(RegieError):
    """A newer Regie wrote this database; an older one must not touch it."""

    code, status, exit_code = "store.newer", 500, 1


def upgrade(database: Database) -> None:
    """Upgrade to the newest schema. Raises NewerDatabase, having changed nothing."""
    scripts = ScriptDirectory.from_config(_config(None))
    with database.engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current == scripts.get_current_head():
        return
    if current is not None and current not in {script.revision for script in scripts.walk_revisions()}:
        raise NewerDatabase(
            f"the database has schema {current}, which this program does not know", database.url.split("@")[-1], "upgrade Regie"
        )
    with database.write() as connection:
        command.upgrade(_config(connection), "head")


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config
