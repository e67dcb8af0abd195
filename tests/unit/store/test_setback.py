"""A clock that is set back by an hour: what the later clock wrote is the same as what a clock an hour ahead would have written."""

import pytest
from sqlalchemy import update

from regie.base import ids
from regie.base.clock import HOUR_MS
from regie.store import jobs, leases, setback
from regie.store.tables import jobs as jobs_table
from regie.store.tables import leases as leases_table

LEASE_MS = 15_000


@pytest.fixture
def job(store):
    """One job that a worker holds."""
    with store.machinery() as batch:
        jobs.enqueue(batch, "w", "train", {})
    claimed = jobs.claim(store, "first", lease_ms=LEASE_MS)
    assert claimed is not None
    return claimed


def set_back(store):
    """The clock goes back by an hour: every time that is stored is an hour later than it was."""
    with store.machinery() as batch:
        later = {name: jobs_table.c[name] + HOUR_MS for name in ("run_at_ms", "lease_until_ms")}
        batch.execute(update(jobs_table).values(later))
        batch.execute(update(leases_table).values(until_ms=leases_table.c.until_ms + HOUR_MS))


def expire(store):
    with store.machinery() as batch:
        batch.execute(update(jobs_table).values(lease_until_ms=jobs_table.c.lease_until_ms - setback.CUT_MS - 1000))


def test_a_dead_workers_job_is_taken_over_after_a_lease_and_not_after_an_hour(store, job):
    set_back(store)
    assert setback.mend(store) == 1
    expire(store)
    again = jobs.claim(store, "second")
    assert again is not None
    assert (again.id, again.fence) == (job.id, 2)


def test_a_living_workers_job_stays_its_own_when_the_clock_is_set_back(store, job):
    set_back(store)
    setback.mend(store)
    assert jobs.claim(store, "second") is None
    assert jobs.heartbeat(store, job, "first", LEASE_MS)
    with store.machinery() as batch:
        jobs.complete(batch, job)


def test_a_job_that_waits_does_not_wait_an_hour_longer(store):
    with store.machinery() as batch:
        waits = jobs.enqueue(batch, "w", "train", {})
    set_back(store)
    assert jobs.claim(store, "first") is None
    setback.mend(store)
    claimed = jobs.claim(store, "first")
    assert claimed is not None
    assert claimed.id == waits


def test_a_dead_leader_is_followed_after_a_lease_and_not_after_an_hour(store):
    assert leases.hold(store, "turns", "dead", LEASE_MS)
    set_back(store)
    assert not leases.hold(store, "turns", "next", LEASE_MS)
    setback.mend(store)
    with store.machinery() as batch:
        batch.execute(update(leases_table).values(until_ms=leases_table.c.until_ms - setback.CUT_MS - 1000))
    assert leases.hold(store, "turns", "next", LEASE_MS)


def test_what_lasts_as_long_as_it_may_is_left_alone(store, job):
    leases.hold(store, "compaction", "one", 600_000)
    assert setback.mend(store) == 0


def test_ids_go_on_growing_after_a_restart_with_an_earlier_clock():
    later = ids.uuid7(1)
    ahead = f"{int(later[:12], 16) + HOUR_MS:012x}" + later[12:]
    ids.go_on_after(ahead)
    after = [ids.new_id(), ids.new_id()]
    ids.go_on_after(later)  # an older one changes nothing
    assert ahead < after[0] < after[1] < ids.new_id()
    ids._last_ms = 0  # for the other tests of this process: their ids are those of now again
