"""A variant in a process of its own, as the router sees it: a bounded queue, deadlines, limits, restarts.

What happens in that process reaches the router only as a `Reply`; every job gets exactly one. One that hangs, or takes memory without
end, is killed and started again; while it is silent nobody waits for it. Lives on the router's event loop.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regie.base.clock import monotonic
from regie.runtime.signature import Signature, to_json
from regie.serving.children import Spare, end, fate, message, resident_bytes
from regie.serving.errors import VariantFailed
from regie.serving.variant import frame

log = logging.getLogger("regie.serving")
QUEUE = 256
WINDOW = 4  # jobs handed over at once: hides the pipe's latency, and little is lost when the process dies
MEMORY_BYTES = 4 << 30  # of addresses; LightGBM, scikit-learn and pandas together take about one GiB
GROWTH_BYTES = 1 << 30  # resident, beyond what it held once its package was open: an answer needs no more
WATCH_S = 0.1
OPEN_S, REOPEN_S = 60.0, 10.0
HANG_S = 5.0  # a process that has not answered for so long, and let a deadline pass, is killed
BACKOFF_S, BACKOFF_MAX_S, HEALTHY_S = 0.1, 10.0, 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one job: answers, or an error. `ms`: of the model alone."""

    answers: list[Any] | None = None
    error: str = ""
    ms: float = 0.0


@dataclass(slots=True)
class _Job:
    number: int
    payload: bytes
    done: Callable[[Reply], None]
    timer: asyncio.TimerHandle | None = None


class VariantProcess:
    """One package in its own process."""

    def __init__(
        self,
        folder: Path,
        signature: Signature | None,
        spare: Spare,
        restarted: Callable[[], None],
        memory_bytes: int = MEMORY_BYTES,
        growth_bytes: int = GROWTH_BYTES,
    ) -> None:
        self.folder = folder
        self.names: tuple[str, ...] = ()
        self._opening = {
            "open": str(folder),
            "signature": to_json(signature) if signature else None,
            "memory_bytes": memory_bytes,
        }
        self._spare, self._restarted, self._growth_bytes = spare, restarted, growth_bytes
        self._process: asyncio.subprocess.Process | None = None
        self._jobs: dict[int, _Job] = {}
        self._live: deque[_Job] = deque()  # somebody waits for these, so they go first
        self._shadows: deque[_Job] = deque()
        self._number = self._outstanding = 0
        self._heard = self._late_s = 0.0  # when it answered last; the longest deadline that passed since
        self._running, self._retired = False, False
        self._killed_for, self._why = "", "it has not opened yet"
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._running else None

    @property
    def idle(self) -> bool:
        return not self._jobs

    async def start(self) -> None:
        """Open the package. Raises VariantFailed where it does not open; then nothing is left."""
        if self._task is None:
            await self._open()
            self._task = asyncio.get_running_loop().create_task(self._keep())
            return
        until = monotonic() + REOPEN_S
        while not self._running:  # it died, or was begun in the background: `_keep` is at it
            if monotonic() > until:
                raise VariantFailed("its process does not come up again", self.folder.name, "look at this node's stderr")
            await asyncio.sleep(0.02)

    def start_soon(self) -> None:
        """Open the package in the background; until then every job fails. For a router that must answer at once."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def offer(self, names: tuple[str, ...], rows: list[list[Any]], deadline_s: float, done: Callable[[Reply], None]) -> bool:
        """Take a shadow's job; `done` is called exactly once, later. False: the queue is full, nothing was taken."""
        return self._take(self._shadows, names, rows, deadline_s, done)

    def _take(
        self, queue: deque[_Job], names: tuple[str, ...], rows: list[list[Any]], deadline_s: float, done: Callable[[Reply], None]
    ) -> bool:
        if len(queue) >= QUEUE:
            return False
        loop = asyncio.get_running_loop()
        if not self._running:
            loop.call_soon(done, Reply(error=f"its process is not running: {self._why}"))
            return True
        self._number += 1
        payload = json.dumps({"n": self._number, "cols": names, "rows": rows}, separators=(",", ":")).encode()
        job = _Job(self._number, payload, done)
        job.timer = loop.call_later(deadline_s, self._expired, job, deadline_s)
        self._jobs[job.number] = job
        queue.append(job)
        self._pump()
        return True

    async def ask(self, names: tuple[str, ...], rows: list[list[Any]], deadline_s: float) -> Reply:
        """The answers, or why there are none, within the deadline; at once where the process has been silent for longer than that."""
        if self._running and self._silent_s() > deadline_s:
            return Reply(error=f"its process has been silent for more than {deadline_s * 1000:.0f} ms")
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

        def done(reply: Reply) -> None:
            if not future.done():
                future.set_result(reply)

        if not self._take(self._live, names, rows, deadline_s, done):
            return Reply(error="its queue is full")
        return await future

    async def retire(self) -> None:
        """End the process once its jobs are done, each within its deadline."""
        await asyncio.sleep(0.01)  # shadows of answers that are just leaving are offered first
        while self._jobs:
            await asyncio.sleep(0.01)
        await self.stop()

    async def stop(self) -> None:
        """End the process now."""
        self._retired = True
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._running = False
        self._fail_all("its process was ended")
        if self._process:
            await end(self._process)

    async def _open(self) -> None:
        process = await self._spare.take()
        try:
            assert process.stdin is not None
            process.stdin.write(frame(json.dumps(self._opening).encode()))
            said = await asyncio.wait_for(message(process), OPEN_S)
        except TimeoutError:
            said = {"failed": f"it did not open within {OPEN_S:.0f} seconds"}
        except (OSError, asyncio.IncompleteReadError):
            said = {"failed": f"its process died while opening it: {await fate(process)}"}
        except asyncio.CancelledError:
            await end(process)
            raise
        if "failed" in said:
            await end(process)
            self._why = f"it cannot be loaded: {said['failed']}"
            raise VariantFailed(self._why, self.folder.name, "register a package that opens")
        self.names = tuple(said["names"])
        self._process, self._running, self._outstanding = process, True, 0
        self._heard, self._late_s, self._killed_for = monotonic(), 0.0, ""

    async def _keep(self) -> None:
        """Listen; start again what died, more slowly each time."""
        pause = BACKOFF_S
        while not self._retired:
            began = monotonic()
            try:
                if not self._running:
                    await self._open()
                await self._listen()
            except VariantFailed as failure:
                log.warning("%s", failure)
            pause = BACKOFF_S if monotonic() - began > HEALTHY_S else pause
            log.warning("the process of %s died: %s; it starts again in %.1f s", self.folder.name, self._why, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, BACKOFF_MAX_S)
            self._restarted()

    async def _listen(self) -> None:
        """Hand out answers until the process ends; then say to everybody why."""
        assert self._process is not None
        watching = asyncio.get_running_loop().create_task(self._watch(self._process))
        try:
            with suppress(asyncio.IncompleteReadError, OSError, ValueError):
                while True:
                    said = await message(self._process)
                    self._outstanding -= 1
                    self._heard, self._late_s = monotonic(), 0.0
                    job = self._jobs.pop(said["n"], None)
                    self._pump()
                    if job:
                        _finish(job, Reply(said.get("y"), said.get("err", ""), said["ms"]))
        finally:
            watching.cancel()
        self._running = False
        how = await fate(self._process)
        self._why = self._killed_for or how
        self._fail_all(f"its process died: {self._why}")

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Kill the process where it hangs, or where its memory grows without end."""
        most = resident_bytes(process.pid) + self._growth_bytes
        while not self._killed_for:
            await asyncio.sleep(WATCH_S)
            if self._late_s and self._silent_s() > max(HANG_S, 2 * self._late_s):
                self._killed_for = f"killed, it gave no answer for {self._silent_s():.0f} s"
            elif resident_bytes(process.pid) > most:
                self._killed_for = f"killed, out of memory: its answers took more than {self._growth_bytes >> 20} MiB"
        with suppress(ProcessLookupError):
            process.kill()

    def _silent_s(self) -> float:
        """For how long it has owed an answer."""
        return monotonic() - self._heard if self._outstanding else 0.0

    def _pump(self) -> None:
        while (queue := self._live or self._shadows) and self._outstanding < WINDOW and self._running:
            job = queue.popleft()
            if job.number not in self._jobs:
                continue  # its deadline passed while it waited
            assert self._process is not None
            assert self._process.stdin is not None
            if self._outstanding == 0:
                self._heard = monotonic()
            self._outstanding += 1
            with suppress(OSError, RuntimeError):  # a dying process: `_listen` notices, and fails the job
                self._process.stdin.write(frame(job.payload))

    def _expired(self, job: _Job, deadline_s: float) -> None:
        if self._jobs.pop(job.number, None) is None:
            return
        for queue in (self._live, self._shadows):  # deadlines pass in order; what is over must not fill the queue
            while queue and queue[0].number not in self._jobs:
                queue.popleft()
        self._late_s = max(self._late_s, deadline_s)
        job.done(Reply(error=f"no answer within {deadline_s * 1000:.0f} ms", ms=deadline_s * 1000))

    def _fail_all(self, why: str) -> None:
        jobs, self._jobs = list(self._jobs.values()), {}
        self._live.clear()
        self._shadows.clear()
        self._outstanding = 0
        for job in jobs:
            _finish(job, Reply(error=why))


def _finish(job: _Job, reply: Reply) -> None:
    if job.timer:
        job.timer.cancel()
    job.done(reply)
