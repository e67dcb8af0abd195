"""The tracking server is killed again and again under sixteen real clients, on SQLite and PostgreSQL, which restarts too.

`REGIE_CHAOS_KILLS` is the number of kills on both together.
"""

import os

import pytest

from tests.support import postgres
from tests.support.loggers import RETRIES, Loggers

KILLS = int(os.environ.get("REGIE_CHAOS_KILLS") or 0)
pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3_600 if KILLS else 300)]


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """The real client repeats what was not answered."""
    for name, value in RETRIES.items():
        monkeypatch.setenv(name, value)


def test_on_sqlite_sixteen_clients_lose_nothing_and_double_nothing(tmp_path):
    with Loggers(tmp_path).logging() as load:
        for number in range(KILLS // 10 or 4):
            load.kill(after=50 + 37 * number % 200)


def test_on_postgresql_too_also_where_it_restarts_or_cuts_its_connections(tmp_path, postgres_url):
    with Loggers(tmp_path, REGIE_DATABASE=postgres_url).logging() as load:
        for number in range(KILLS // 10 or 4):
            load.kill(after=50 + 37 * number % 200)
            (postgres.restart if number % 4 == 1 else lambda *_: None)(tmp_path, postgres_url)
            if number % 4 == 3:
                postgres.cut(postgres_url)
