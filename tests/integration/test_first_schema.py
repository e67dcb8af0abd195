"""A home that the first program wrote, opened by this one: everything is still there, and still answered, on both databases.

What a later migration adds needs no word here: the home is migration 0001's, its rows stand in `first_schema.sql`, and what is asked
is what could be asked then.
"""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import inspect, text

from regie.app import migrate
from regie.app.invariants import broken
from regie.store import audit
from regie.store.database import Database
from tests.support.platform import Platform

ROWS = Path(__file__).with_name("first_schema.sql").read_text()
POINTS = 5_000
EVENTS, RECORDS = 39, 44
FIRST = ["workspace.created", "spec.applied", "experiment.created", "snapshot.created", "run.started", "task.started"]
# PostgreSQL numbers rows by a sequence, which rows that came with their numbers have not moved.
SEQUENCES = "".join(
    f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT max({column}) FROM {table}));"
    for table, column in (("runs", "key"), ("labels", "seq"))
)
KILLED = """
import os, signal, sys
from sqlalchemy import event
from regie.app import migrate
from regie.store.database import Database
database = Database(sys.argv[1])
left = 5
@event.listens_for(database.engine, "after_cursor_execute")
def after(connection, cursor, statement, *rest):
    global left
    if statement.lstrip().split()[0] in ("CREATE", "ALTER", "INSERT", "UPDATE"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
migrate.upgrade(database)
"""


def first(url):
    """A database as the first program left it."""
    database = Database(url)
    migrate.upgrade(database, "0001")
    database.close()
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db:
            db.executescript(ROWS)
    else:
        with psycopg.connect(url) as db:
            db.execute(ROWS)  # type: ignore[arg-type]
            db.execute(SEQUENCES)  # type: ignore[arg-type]


@pytest.fixture
def url(database_url):
    first(database_url)
    return database_url


def counts(url):
    """How many rows each table holds."""
    database = Database(url)
    try:
        tables = set(inspect(database.engine).get_table_names()) - {"alembic_version"}
        with database.read() as db:
            return {table: db.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in tables}
    finally:
        database.close()


def test_every_table_of_the_first_schema_has_rows_here(url):
    empty = [table for table, count in counts(url).items() if count == 0]
    assert empty == []


def test_an_upgrade_killed_in_the_middle_leaves_everything_and_is_simply_run_again(url):
    before = counts(url)
    done = subprocess.run([sys.executable, "-c", KILLED, url], capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    database = Database(url)
    try:
        with database.read() as db:
            assert db.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "0001"
        assert counts(url) == before
        migrate.upgrade(database)
        now = counts(url)
        kept = before.keys() & now.keys()
        assert {table: now[table] for table in kept} == {table: before[table] for table in kept}
        with database.read() as db:
            verified = audit.verify(db)
        assert (verified.records, verified.events) == (RECORDS, EVENTS)
        assert broken(database) == []
    finally:
        database.close()


def server(folder, url):
    return Platform(folder, REGIE_DATABASE=url)


def test_a_server_of_today_upgrades_it_and_answers_all_that_it_knew(url, tmp_path):
    platform = server(tmp_path, url)
    try:
        platform.begin("server")
        with platform.client("one") as client, platform.http("one") as http:
            status = client.status()
            assert (status["champion"]["version"], status["rollout"]["version"], status["rollout"]["stage"]) == (1, 2, "canary")
            assert [one["type"] for one in client.events.all()][: len(FIRST)] == FIRST
            assert {one["version"] for one in client.models.show("one")["versions"]} == {1, 2, 3}
            runs = client.runs.list()
            assert {one["state"] for one in runs} == {"finished"}
            assert len(client.runs.show(runs[-1]["run_id"])["tasks"]) == 1
            assert_mlflow_answers(http)
            made = http.post("/api/2.0/mlflow/runs/create", json={"experiment_id": experiment(http), "start_time": 1})
            assert made.status_code == 200, made.text
    finally:
        platform.stop()
    database = Database(url)
    try:
        assert broken(database) == []
    finally:
        database.close()


def experiment(http):
    found = http.get("/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "by hand"}).json()["experiment"]
    assert {one["key"]: one["value"] for one in found["tags"]}["owner"] == "ann"
    return found["experiment_id"]


def assert_mlflow_answers(http):
    asked = {"experiment_ids": [experiment(http)], "filter": "params.depth = '4' and metrics.auc > 0.5 and tags.team = 'risk'"}
    (run,) = http.post("/api/2.0/mlflow/runs/search", json=asked).json()["runs"]
    assert {one["key"]: one["value"] for one in run["data"]["metrics"]} == {"auc": 0.54, "loss": 0.0002}
    asked = {"run_id": run["info"]["run_id"], "metric_key": "loss", "max_results": POINTS + 1}
    points = http.get("/api/2.0/mlflow/metrics/get-history", params=asked).json()["metrics"]
    assert [one["step"] for one in points] == list(range(POINTS))
    for alias in ("champion", "best"):
        found = http.get("/api/2.0/mlflow/registered-models/alias", params={"name": "one", "alias": alias}).json()
        assert found["model_version"]["version"] == "1"
    logged = http.get("/api/2.0/mlflow/logged-models/m-1").json()["model"]
    assert logged["info"]["name"] == "booster"


def test_a_server_refuses_a_database_that_is_newer_than_itself_and_says_what_to_do(url, tmp_path):
    database = Database(url)
    with database.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999_of_tomorrow'"))
    database.close()
    before = counts(url)
    platform = server(tmp_path, url)
    words = platform.processes["server"].words
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, env=os.environ | platform.environ)
    assert done.returncode == 1
    for said in ("9999_of_tomorrow", "upgrade Regie"):
        assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert counts(url) == before
