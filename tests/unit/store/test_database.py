"""The database under the store: what a cut connection costs, and that light writes promise less, not something else."""

import time

import psycopg
import pytest
from sqlalchemy import text

from regie.store.database import REST_S
from tests.conftest import open_store


@pytest.fixture
def cut(postgres_url, tmp_path):
    """A store on PostgreSQL whose connections were made, used, and then cut by the server."""
    store = open_store(postgres_url, tmp_path)
    with store.read() as db:
        assert db.execute(text("SELECT 1")).scalar() == 1
    for durable in (True, False):
        with store.database.write(durable=durable) as connection:
            connection.execute(text("UPDATE head SET event_seq = event_seq"))
    with psycopg.connect(postgres_url, autocommit=True) as other:
        ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert len(other.execute(ours).fetchall()) >= 3
    time.sleep(REST_S * 1.5)  # a connection that rested less is not tried before it is used
    yield store
    store.database.close()


def test_after_the_server_has_cut_every_connection_the_next_read_and_write_work(cut):
    with cut.read() as db:
        assert db.execute(text("SELECT count(*) FROM head")).scalar() == 1
    for durable in (True, False):
        with cut.database.write(durable=durable) as connection:
            assert connection.execute(text("UPDATE head SET event_seq = event_seq")).rowcount == 1


def test_only_light_writes_leave_the_disk_for_later(postgres_url, tmp_path):
    store = open_store(postgres_url, tmp_path)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("ALTER DATABASE " + postgres_url.rpartition("/")[2] + " SET synchronous_commit = on")
    store.database.engine.dispose()
    said = {}
    for durable in (True, False):
        with store.database.write(durable=durable) as connection:
            said[durable] = connection.execute(text("SHOW synchronous_commit")).scalar()
    store.database.close()
    assert said == {True: "on", False: "off"}
