"""Migrations on both databases: the same schema as the code's, repeatable after a kill, and never over a newer program's."""

import os
import signal
import subprocess
import sys
import time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from regie.app import migrate
from regie.app.home import open_home
from regie.app.schema import metadata
from regie.store.database import Database

KILLED = """
import os, signal, sys
from sqlalchemy import event
from regie.app import migrate
from regie.store.database import Database
database = Database(sys.argv[1])
made = []
@event.listens_for(database.engine, "after_cursor_execute")
def after(connection, cursor, statement, *rest):
    if statement.lstrip().startswith("CREATE TABLE"):
        made.append(statement)
        if len(made) == 12:
            os.kill(os.getpid(), signal.SIGKILL)
migrate.upgrade(database)
"""


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.close()


def tables(database):
    return set(inspect(database.engine).get_table_names())


# SQLite's own list of an index shows no expressions: these are compared on PostgreSQL only.
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index:UserWarning")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index:sqlalchemy.exc.SAWarning")
def test_the_migrations_make_exactly_the_schema_of_the_code(database):
    migrate.upgrade(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_a_migrations_file_begins_with_its_number():
    scripts = ScriptDirectory(str(migrate.FOLDER))
    assert migrate.known() == [script.revision for script in reversed(list(scripts.walk_revisions()))]
    assert migrate.newest() == scripts.get_current_head()


def test_an_upgrade_that_is_repeated_changes_nothing(database):
    migrate.upgrade(database)
    before = tables(database)
    migrate.upgrade(database)
    assert tables(database) == before


def test_a_database_of_a_newer_program_is_refused_and_left_as_it_is(database):
    migrate.upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_from_the_future'"))
        connection.execute(text("DROP TABLE settling"))
    before = tables(database)
    with pytest.raises(migrate.NewerDatabase) as refused:
        migrate.upgrade(database)
    assert "9999_from_the_future" in refused.value.what
    assert refused.value.do == "upgrade Regie"
    assert tables(database) == before


def test_a_killed_upgrade_is_simply_run_again(database, database_url):
    done = subprocess.run([sys.executable, "-c", KILLED, database_url], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    end = time.monotonic() + 10
    while tables(database) - {"alembic_version"} and time.monotonic() < end:
        time.sleep(0.05)  # PostgreSQL notices the dead client
    assert tables(database) <= {"alembic_version"}
    migrate.upgrade(database)
    assert set(metadata.tables) <= tables(database)


def test_a_password_is_never_part_of_the_refusal(tmp_path, postgres_url):
    database = Database(postgres_url.replace("postgres@", "postgres:geheim@"))
    migrate.upgrade(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'x'"))
    with pytest.raises(migrate.NewerDatabase) as refused:
        migrate.upgrade(database)
    assert "geheim" not in str(refused.value)
    database.close()


def test_a_home_opened_twice_is_the_same_home(tmp_path):
    for _ in range(2):
        home = open_home(tmp_path / "home")
        assert home.clock == "wall"
        home.store.database.close()
    assert os.listdir(tmp_path) == ["home"]
