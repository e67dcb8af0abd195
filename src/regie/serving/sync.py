"""The syncer: the only part of a node that talks to the control plane. A thread; the router never waits for it.

It reports, hears what is wanted, takes it up, and uploads the log. Where the control plane is dead, for however long, it tries again
at most a second apart, and sends then what was answered meanwhile.
"""

import logging
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from regie.base.clock import monotonic
from regie.base.errors import RegieError
from regie.serving.log import PredictionLog
from regie.serving.plane import Away, ControlPlane, Report
from regie.serving.router import Router
from regie.serving.takeup import TakeUp
from regie.serving.upload import Position, Uploader

PACE_S = 0.05
BACKOFF_S, BACKOFF_MAX_S = 0.05, 1.0
TELL_S = 60.0  # a control plane that is away is no news every second
UPLOAD_S = (
    0.2  # then the node reports again, also while a stretch is on its way: a route that is wanted does not wait for the log
)
SETTLE_S = 2.0
LAST_UPLOAD_S = 2.0
log = logging.getLogger("regie.serving.sync")


@dataclass
class Flush:
    """A flush that is asked for: shadows below `mark` must be in the log, then everything before `until` uploaded."""

    number: int
    mark: int
    until: Position | None = None


class Syncer(threading.Thread):
    """Runs until `stop`. Packages are fetched and the log is sent by threads with connections of their own, so that reports go on."""

    def __init__(
        self,
        report: Report,
        plane: ControlPlane,
        takeup: TakeUp,
        uploader: Uploader,
        router: Router,
        prediction_log: PredictionLog,
    ) -> None:
        super().__init__(name="syncer", daemon=True)
        self._first, self._plane, self._takeup, self._uploader = report, plane, takeup, uploader
        self._router, self._log = router, prediction_log
        self._stopping = threading.Event()
        self._taker = ThreadPoolExecutor(1, "taker")
        self._taking: Future[None] | None = None
        self._sender = ThreadPoolExecutor(1, "sender")
        self._sending: Future[bool] | None = None
        self._sent_flush: Flush | None = None  # what the upload that is on its way includes
        self._flush: Flush | None = None
        self._flushed = 0
        self._uploaded = True

    def run(self) -> None:
        pause, told = BACKOFF_S, 0.0
        while not self._stopping.is_set():
            try:
                began = monotonic()
                self._turn()
                pause = BACKOFF_S
                if monotonic() - began < PACE_S and self._busy():
                    self._stopping.wait(PACE_S / 5)
            except Exception as error:
                if not isinstance(error, Away) or (pause >= BACKOFF_MAX_S and monotonic() - told > TELL_S):
                    told = monotonic()
                    log.warning("syncing failed: %s", error, exc_info=not isinstance(error, RegieError))
                self._stopping.wait(pause)
                pause = min(pause * 2, BACKOFF_MAX_S)

    def stop(self) -> None:
        """Stop; what was answered until now is uploaded first if the control plane takes it quickly."""
        self._stopping.set()
        self._taker.shutdown(wait=False, cancel_futures=True)
        self.join(LAST_UPLOAD_S)
        self._sender.shutdown(wait=False)
        if not self.is_alive() and (self._sending is None or wait([self._sending], LAST_UPLOAD_S).done):
            try:
                self._uploader.upload(LAST_UPLOAD_S)
            except RegieError as error:
                log.warning("the last records stay here until the next start: %s", error.what)

    def _turn(self) -> None:
        answer = self._plane.sync(self._report())
        self._take(answer)
        if self._flush is None and answer.get("flush", 0) != self._flushed:
            self._flush = Flush(int(answer["flush"]), self._router.pending.mark())
        self._settle_shadows()
        self._send()
        flush = self._flush
        if flush and flush.until is not None and self._uploader.position >= flush.until:
            self._flushed, self._flush = flush.number, None

    def _report(self) -> Report:
        first = self._first
        return Report(
            first.nonce, first.address, first.tag, self._flushed, self._takeup.generations, dict(self._takeup.failed),
            self._uploader.last_id, len(self._router.pending), self._router.counters.damage(),
            self._uploaded,
        )  # fmt: skip

    def _take(self, answer: dict[str, Any]) -> None:
        """Clock at once; routes in a thread of their own, for fetching and opening takes seconds."""
        now_ms, routes = int(answer.get("clock", {}).get("now_ms", 0)), answer.get("routes", {})
        self._router.now_ms = max(self._router.now_ms, now_ms)
        if self._taking is not None and self._taking.done():
            taken, self._taking = self._taking, None
            taken.result()
        if self._taking is None and self._takeup.differs(routes):
            self._taking = self._taker.submit(self._takeup.take_up, routes, now_ms)

    def _send(self) -> None:
        """Upload what is there, in a thread of its own; wait for it a moment, since most often that is enough."""
        if self._sending is None:
            self._sent_flush = self._flush if self._flush and self._flush.until is not None else None
            self._sending = self._sender.submit(self._uploader.upload, UPLOAD_S)
        self._uploaded = False
        if not wait([self._sending], UPLOAD_S).done:
            return
        sent, self._sending = self._sending, None
        self._uploaded = sent.result()
        if self._uploaded and self._sent_flush is not None and self._sent_flush is self._flush:
            self._flushed, self._flush = self._sent_flush.number, None

    def _settle_shadows(self) -> None:
        """Wait a moment for the shadows that a flush includes; each ends within its deadline."""
        flush = self._flush
        if flush is None or flush.until is not None:
            return
        until = monotonic() + SETTLE_S
        while not self._router.pending.settled(flush.mark):
            if monotonic() > until or self._stopping.wait(0.002):
                return
        flush.until = self._log.position

    def _busy(self) -> bool:
        """Whether the control plane answers at once because this node is behind."""
        return self._taking is not None or self._flush is not None or len(self._router.pending) > 0
