"""Jobs: each result is accepted once, whatever dies or races."""

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule
from sqlalchemy import func, select

from regie.base.blobs import BlobStore
from regie.store import jobs, leases
from regie.store.change import Store
from regie.store.database import Database, now_ms
from regie.store.jobs import Job, StaleFence
from regie.store.tables import jobs as table
from tests.conftest import open_store

SPAWN = multiprocessing.get_context("spawn")
LEASE_MS = 300


def enqueue(store: Store, **more: Any) -> str:
    with store.machinery() as batch:
        return jobs.enqueue(batch, "w", "k", {}, **more)


def complete(store: Store, job: Job) -> None:
    with store.machinery() as batch:
        jobs.complete(batch, job, {"fence": job.fence})


def states(store: Store) -> dict[str, int]:
    with store.read() as db:
        return {row[0]: row[1] for row in db.execute(select(table.c.state, func.count()).group_by(table.c.state))}


def taken(store: Store, owner: str = "a", lease_ms: int = 60_000) -> Job:
    job = jobs.claim(store, owner, lease_ms=lease_ms)
    assert job is not None
    return job


def test_a_job_is_claimed_by_one_owner_and_done_once(store: Store) -> None:
    enqueue(store)
    job = taken(store)
    assert jobs.claim(store, "b") is None
    complete(store, job)
    with pytest.raises(StaleFence):
        complete(store, job)
    assert states(store) == {"done": 1}


def test_the_more_urgent_job_comes_first_then_the_older(store: Store) -> None:
    first, second, urgent = enqueue(store), enqueue(store), enqueue(store, priority=5)
    assert [taken(store).id for _ in range(3)] == [urgent, first, second]


def test_a_dedup_key_makes_one_job_of_many(store: Store) -> None:
    assert len({enqueue(store, dedup_key="train") for _ in range(5)}) == 1
    complete(store, taken(store))
    assert states(store) == {"done": 1}
    enqueue(store, dedup_key="train")
    assert states(store) == {"done": 1, "queued": 1}


def test_one_job_of_a_concurrency_key_runs_at_a_time(store: Store) -> None:
    for _ in range(2):
        enqueue(store, concurrency_key="flights")
    other = enqueue(store)
    first = taken(store)
    assert taken(store).id == other
    assert jobs.claim(store, "c") is None
    complete(store, first)
    assert jobs.claim(store, "c") is not None


def test_a_lease_that_ended_is_taken_over_and_the_late_result_is_refused(store: Store) -> None:
    enqueue(store)
    slow = taken(store, lease_ms=1)
    time.sleep(0.05)
    second = taken(store, "b")
    assert second.id == slow.id
    assert second.fence > slow.fence
    with pytest.raises(StaleFence):
        complete(store, slow)
    assert not jobs.heartbeat(store, slow, "a")
    complete(store, second)


def test_a_heartbeat_keeps_the_lease(store: Store) -> None:
    enqueue(store)
    job = taken(store, lease_ms=100)
    for _ in range(4):
        time.sleep(0.05)
        assert jobs.heartbeat(store, job, "a", 100)
    assert jobs.claim(store, "b") is None


def test_a_job_whose_owners_keep_dying_fails_in_the_end(store: Store) -> None:
    enqueue(store, max_attempts=2)
    for _ in range(2):
        taken(store, lease_ms=1)
        time.sleep(0.02)
    assert jobs.claim(store, "c") is None
    assert states(store) == {"failed": 1}


def test_an_idle_worker_sees_without_writing_whether_a_claim_would_do_something(store: Store) -> None:
    assert not jobs.waiting(store)
    enqueue(store, delay_ms=60_000)
    enqueue(store, queue="others")
    assert not jobs.waiting(store)
    enqueue(store, concurrency_key="x", max_attempts=1)
    assert jobs.waiting(store)
    held = taken(store)
    enqueue(store, concurrency_key="x")
    assert not jobs.waiting(store)
    assert jobs.heartbeat(store, held, "a", lease_ms=1)
    time.sleep(0.02)
    assert jobs.waiting(store)  # its owner died: it has failed, and the next one of its key may run
    assert taken(store).id != held.id
    assert not jobs.waiting(store)


def test_a_failure_is_tried_again_while_attempts_are_left(store: Store) -> None:
    enqueue(store, max_attempts=2)
    job = taken(store)
    with store.machinery() as batch:
        jobs.fail(batch, job, "broken", retry_in_ms=0)
    assert states(store) == {"queued": 1}
    job = taken(store)
    with store.machinery() as batch:
        jobs.fail(batch, job, "broken again", retry_in_ms=0)
    assert states(store) == {"failed": 1}


def test_a_cancelled_job_stops_its_owner(store: Store) -> None:
    enqueue(store)
    job = taken(store)
    with store.machinery() as batch:
        assert jobs.cancel(batch, job.id)
    assert not jobs.heartbeat(store, job, "a")
    with pytest.raises(StaleFence):
        complete(store, job)


def test_one_leader_at_a_time_and_the_next_after_the_lease(store: Store) -> None:
    assert leases.hold(store, "turns", "a", 60_000)
    assert not leases.hold(store, "turns", "b", 60_000)
    assert leases.hold(store, "turns", "a", 100)
    time.sleep(0.15)
    assert leases.hold(store, "turns", "b", 60_000)
    leases.release(store, "turns", "b")
    time.sleep(0.01)
    assert leases.hold(store, "turns", "a", 100)


def lease(store: Store) -> Any:
    with store.read() as db:
        return db.execute(select(leases.leases, (leases.leases.c.until_ms - now_ms()).label("left_ms"))).one()


def test_a_leader_that_looks_often_writes_seldom(store: Store) -> None:
    for _ in range(20):
        assert leases.hold(store, "turns", "a", 600_000)
        assert not leases.hold(store, "turns", "b", 600_000)
    assert lease(store).fence == 1
    assert leases.hold(store, "turns", "a", 1_800_000)  # less than two thirds of this one are left
    assert lease(store).fence == 2


def test_a_clock_that_was_set_back_makes_no_lease_longer(store: Store) -> None:
    assert leases.hold(store, "turns", "a", 3_600_000)
    assert leases.hold(store, "turns", "a", 1_000)
    assert lease(store).left_ms <= 1_000


def _work(url: str, folder: str, owner: str) -> None:
    """A worker's process: claims until nothing is left, and writes down what it was allowed to complete."""
    store = Store(Database(url), BlobStore(Path(folder) / "blobs"))
    done = []
    while (job := jobs.claim(store, owner)) is not None:
        complete(store, job)
        done.append(job.id)
    (Path(folder) / f"done-{owner}").write_text("\n".join(done))


def test_two_workers_race_through_a_thousand_jobs_and_each_result_is_accepted_once(store: Store, tmp_path: Path) -> None:
    with store.machinery() as batch:
        for _ in range(1000):
            jobs.enqueue(batch, "w", "k", {})
    workers = [SPAWN.Process(target=_work, args=(store.database.url, str(tmp_path), f"worker-{n}")) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    done = [line for n in range(2) for line in (tmp_path / f"done-worker-{n}").read_text().splitlines()]
    assert len(done) == len(set(done)) == 1000
    assert states(store) == {"done": 1000}


def _claim_and_hang(url: str, folder: str) -> None:
    store = Store(Database(url), BlobStore(Path(folder) / "blobs"))
    job = jobs.claim(store, "doomed", lease_ms=LEASE_MS)
    assert job is not None
    (Path(folder) / "claimed").write_text(job.id)
    time.sleep(60)


def test_a_killed_workers_job_is_taken_over_after_its_lease(store: Store, tmp_path: Path) -> None:
    enqueue(store)
    worker = SPAWN.Process(target=_claim_and_hang, args=(store.database.url, str(tmp_path)))
    worker.start()
    while not (tmp_path / "claimed").exists():
        time.sleep(0.02)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    until = time.monotonic() + 10
    while (job := jobs.claim(store, "heir")) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    assert (job.id, job.attempts) == ((tmp_path / "claimed").read_text(), 2)
    complete(store, job)


class JobMachine(RuleBasedStateMachine):
    """Claim, heartbeat, complete, fail, expire, in any order, beside a model in plain Python."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, tuple[str, int]] = {}  # id to (state, fence)
        self.accepted: list[str] = []

    @initialize()
    def start(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.store = open_store(f"sqlite:///{self.folder.name}/jobs.db", Path(self.folder.name))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.database.close()
            self.folder.cleanup()

    @rule()
    def enqueue(self) -> None:
        self.known[enqueue(self.store, max_attempts=1000)] = ("queued", 0)

    @rule(target=claims, expired=st.booleans())
    def claim(self, expired: bool) -> Any:
        job = jobs.claim(self.store, "owner", lease_ms=-1 if expired else 60_000)
        free = [name for name, (state, _) in self.known.items() if state in ("queued", "expired")]
        if job is None:
            assert not free
            return None
        assert job.id in free
        self.known[job.id] = ("expired" if expired else "running", job.fence)
        return job

    def held(self, job: Job) -> bool:
        state, fence = self.known[job.id]
        return state in ("running", "expired") and fence == job.fence

    @rule(job=claims)
    def heartbeat(self, job: Job | None) -> None:
        if job is not None:
            held = self.held(job)
            assert jobs.heartbeat(self.store, job, "owner", 60_000) == held
            if held:
                self.known[job.id] = ("running", job.fence)

    @rule(job=consumes(claims), retry=st.booleans(), failed=st.booleans())
    def end(self, job: Job | None, retry: bool, failed: bool) -> None:
        if job is None:
            return
        held = self.held(job)
        try:
            with self.store.machinery() as batch:
                if failed:
                    jobs.fail(batch, job, "broken", 0 if retry else None)
                else:
                    jobs.complete(batch, job)
        except StaleFence:
            assert not held
            return
        assert held
        self.known[job.id] = (("queued" if retry else "failed") if failed else "done", job.fence)
        if not failed:
            self.accepted.append(job.id)

    @invariant()
    def every_result_is_accepted_once(self) -> None:
        assert len(self.accepted) == len(set(self.accepted))

    @invariant()
    def the_table_says_what_the_model_says(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.read() as db:
            rows = db.execute(select(table.c.id, table.c.state)).all()
        assert {row.id: row.state for row in rows} == {
            name: "running" if state == "expired" else state for name, (state, _) in self.known.items()
        }


JobMachine.TestCase.settings = settings(
    max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestJobMachine = JobMachine.TestCase


def test_a_job_that_is_given_back_was_not_tried(store: Store) -> None:
    enqueue(store, max_attempts=1)
    job = taken(store)
    with store.machinery() as batch:
        jobs.give_back(batch, job)
    again = taken(store, "b")
    assert (again.id, again.attempts) == (job.id, 1)
    with pytest.raises(StaleFence):
        complete(store, job)
