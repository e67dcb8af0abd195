"""`kill -9` of whatever runs, at any moment, under load: nothing acknowledged is lost, nothing is doubled, every invariant holds.

The short version runs with the other tests; `make chaos` sets REGIE_CHAOS_KILLS to 200 or more. REGIE_CHAOS_SEED repeats a run's
choices, if not its moments.
"""

import os

import pytest

from tests.chaos.harness import SUPERVISED, Chaos, Supervised
from tests.support import postgres

KILLS = int(os.environ.get("REGIE_CHAOS_KILLS") or 0)
pytestmark = pytest.mark.timeout(3_600 if KILLS else 300)
SEED = int(os.environ.get("REGIE_CHAOS_SEED") or 7)


def survive(chaos: Chaos, kills: int) -> None:
    """Kill so many processes; after each the invariants hold, and in the end everything acknowledged is there once."""
    with chaos.under_load():
        while sum(chaos.killed.values()) < kills:
            chaos.kill()
            chaos.check()
            chaos.alive()
    chaos.check()
    print(f"\n{chaos.url.split(':')[0]}, seed {SEED}: {chaos.summary()}")
    assert chaos.lost() == []


def test_on_sqlite_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed(tmp_path):
    survive(Chaos(tmp_path, SEED), KILLS // 2 or 4)


def test_on_postgresql_too_and_also_where_it_restarts_or_cuts_its_connections(tmp_path, postgres_url):
    strokes = {"restart": lambda: postgres.restart(tmp_path, postgres_url), "cut": lambda: postgres.cut(postgres_url)}
    survive(Chaos(tmp_path, SEED + 1, strokes=strokes, REGIE_DATABASE=postgres_url), KILLS * 2 // 5 or 3)


@pytest.mark.chaos  # the short version of it is tests/integration/test_up.py
def test_under_a_supervisor_that_is_killed_too_nothing_is_lost_or_doubled(tmp_path):
    survive(Chaos(tmp_path, SEED + 2, Supervised, SUPERVISED), -(-KILLS // 10))
