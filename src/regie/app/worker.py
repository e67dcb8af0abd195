"""The worker's process: takes jobs from the database and works on them, one at a time.

It opens the database; the children in which user code runs get neither its URL nor a handle. A heartbeat extends the lease while a
job runs; a killed worker's job is taken over after its lease.
"""

import logging
import os
import shutil
import threading
from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from regie.app.home import Home
from regie.app.kinds import JOBS
from regie.app.scratch import sweep
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.base.processes import StopSignal
from regie.loop.work import Work
from regie.pipelines.executors import ProcessExecutor
from regie.pipelines.runner import Runner
from regie.pipelines.types import RunCancelled
from regie.store import jobs
from regie.store.jobs import Job, StaleFence

log = logging.getLogger("regie.worker")
LOOK_S = 0.05  # a look is one short read
RETRY_MS = 2_000
# How long a dead worker keeps its job. Shorter means sooner taken over, and more heartbeats.
LEASE_MS = int(os.environ.get("REGIE_LEASE_MS") or jobs.LEASE_MS)


class Heart(threading.Thread):
    """Extends the lease of one job three times a lease; notices when it is lost."""

    def __init__(self, home: Home, job: Job, owner: str) -> None:
        super().__init__(name=f"heart-{job.id[-6:]}", daemon=True)
        self.home, self.job, self.owner = home, job, owner
        self.lost, self._done = threading.Event(), threading.Event()

    def run(self) -> None:
        while not self._done.wait(LEASE_MS / 3000):
            try:
                if not jobs.heartbeat(self.home.store, self.job, self.owner, LEASE_MS):
                    self.lost.set()
                    return
            except Exception:
                log.warning("a heartbeat of job %s failed", self.job.id, exc_info=True)

    def stop(self) -> None:
        self._done.set()


class Worker:
    """Claims and works until it is told to stop."""

    def __init__(self, home: Home, server_url: str, stopping: StopSignal) -> None:
        self.home, self.server_url, self.stopping = home, server_url, stopping
        self.owner = new_id()
        self.executor = ProcessExecutor()
        self.runner = Runner(home.store, self.executor, server_url, home.scratch)

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                due = jobs.waiting(self.home.store)
                job = jobs.claim(self.home.store, self.owner, lease_ms=LEASE_MS) if due else None
            except Exception:
                log.exception("no job could be claimed")
                self.stopping.wait(1)
                continue
            if job is None:
                self.stopping.wait(LOOK_S)
            else:
                self._try(job)
        self.executor.close()

    def _try(self, job: Job) -> None:
        """Work on a job; where not even its end can be written, because the database is away, its lease ends it."""
        try:
            self.work(job)
        except Exception:
            log.exception("how job %s ended could not be written", job.id)
            self.stopping.wait(1)

    def work(self, job: Job) -> None:
        """Run a job's handler; its result is accepted once, by the fence."""
        heart = Heart(self.home, job, self.owner)
        heart.start()
        scratch = self.home.scratch / job.id
        ours = lambda: not (heart.lost.is_set() or self.stopping.is_set())  # noqa: E731
        work = Work(self.home.store, self.home.predictions, scratch, self.runner, job, ours)
        try:
            JOBS[job.kind](work)
        except StaleFence:
            log.warning("job %s was taken over; its result here is not accepted", job.id)
        except RunCancelled:
            self._give_back(job)
        except RegieError as error:
            self._fail(job, str(error), None)
        except Exception as error:
            log.exception("job %s (%s) failed", job.id, job.kind)
            self._fail(job, f"{type(error).__name__}: {error}", RETRY_MS)
        finally:
            heart.stop()
            shutil.rmtree(scratch, ignore_errors=True)

    def _give_back(self, job: Job) -> None:
        """A worker that is told to stop leaves its job to the next one, as an attempt that was not made."""
        try:
            with self.home.store.machinery(durable=True) as batch:
                jobs.give_back(batch, job)
        except StaleFence:
            log.info("job %s was cancelled or taken over", job.id)

    def _fail(self, job: Job, error: str, retry_in_ms: int | None) -> None:
        try:
            with self.home.store.machinery(durable=True) as batch:
                jobs.fail(batch, job, error, retry_in_ms)
        except StaleFence:
            log.warning("job %s was taken over before its failure was written", job.id)


def work(home: Home, server_url: str) -> int:
    """Run until SIGTERM; returns the exit code."""
    os.environ.pop("REGIE_DATABASE", None)  # children inherit the environment; the database is none of their business
    worker = Worker(home, server_url, StopSignal())
    with suppress(OSError, SQLAlchemyError):  # what cannot be removed now is removed another time
        sweep(home.store, home.scratch)
    worker.run()
    home.store.database.close()
    return 0
