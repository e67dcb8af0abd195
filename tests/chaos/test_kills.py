"""`kill -9` of whatever runs, at any moment, under load: nothing acknowledged is lost, nothing is doubled, every invariant holds.

The short version runs with the other tests, and strikes everything once; `make chaos` sets REGIE_CHAOS_KILLS to 200 or more.
REGIE_CHAOS_SEED repeats a run's choices, if not its moments.
"""

import os

import pytest

from tests.chaos.harness import SUPERVISED, TARGETS, Chaos, Supervised
from tests.support import postgres

KILLS = int(os.environ.get("REGIE_CHAOS_KILLS") or 0)
pytestmark = pytest.mark.timeout(3_600 if KILLS else 300)
TELL_EACH = 10  # kills: so that a long run can be followed
MANY, A_FEW = 60, 3  # in so many kills each target and stroke comes at least a few times, whatever the seed
SEED = int(os.environ.get("REGIE_CHAOS_SEED") or 7)


def survive(chaos: Chaos, kills: int) -> None:
    """Kill so many processes; after each the invariants hold, and in the end everything acknowledged is there once."""
    told = 0
    with chaos.under_load():
        while (done := sum(chaos.killed.values())) < kills:
            if done // TELL_EACH > told:
                told = done // TELL_EACH
                print(f"{chaos.named}: {done} of {kills}: {chaos.blows}", flush=True)
            chaos.kill()
            chaos.check()
            chaos.alive()
    chaos.check()
    print(f"\n{chaos.named}, seed {SEED}: {chaos.summary()}", flush=True)
    assert chaos.lost() == []
    if kills >= MANY:
        assert all(chaos.killed[name] >= A_FEW for name in {*chaos.strokes, *" ".join(chaos.targets).split()}), chaos.blows


def test_on_sqlite_nothing_acknowledged_is_lost_or_doubled_whatever_is_killed(tmp_path):
    targets = TARGETS if KILLS else ("server worker serve", "task")
    survive(Chaos(tmp_path, SEED, targets=targets), KILLS // 2 or 4)


def test_on_postgresql_too_and_also_where_it_restarts_or_cuts_its_connections(tmp_path, postgres_url):
    strokes = {"restart": lambda: postgres.restart(tmp_path, postgres_url), "cut": lambda: postgres.cut(postgres_url)}
    targets = TARGETS if KILLS else ("server worker",)
    survive(Chaos(tmp_path, SEED + 1, targets=targets, strokes=strokes, REGIE_DATABASE=postgres_url), KILLS * 2 // 5 or 4)


@pytest.mark.chaos  # the short version of it is tests/integration/test_up.py
def test_under_a_supervisor_that_is_killed_too_nothing_is_lost_or_doubled(tmp_path):
    survive(Chaos(tmp_path, SEED + 2, Supervised, SUPERVISED), -(-KILLS // 10))
