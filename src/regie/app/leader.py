"""The leader of the turns: a thread in every server, of which the holder of the lease works.

A commit wakes it; otherwise it looks twice a second. The turns, and the libraries of tables that they need (50 MB), are loaded when
a first `regie.yaml` is applied: a server that only tracks runs never holds them.
"""

import logging
import os
import threading
from pathlib import Path

from regie.app.compaction import Compaction
from regie.base.clock import monotonic
from regie.base.ids import new_id
from regie.loop.scene import applied
from regie.store import leases, setback
from regie.store.change import Store
from regie.tracking.tables import experiment_tags, experiments, logged_models, runs

log = logging.getLogger("regie.turns")
# How long a dead leader keeps the turns.
LEASE_MS = int(os.environ.get("REGIE_LEASE_MS") or 10_000)
LOOK_S = 0.5
# A driven clock waits also for what no commit tells, as a node that has caught up: looked for soon, and the later the longer it takes.
SOON_S, SOONER = 0.02, 4
# No turn looks at these alone: a look after each run that a client makes would cost more than the run.
UNSEEN = frozenset(table.name for table in (experiments, experiment_tags, runs, logged_models))


class TurnLoop(threading.Thread):
    """Start it with the server, stop it with the server."""

    def __init__(self, store: Store, predictions: Path) -> None:
        super().__init__(name="turns", daemon=True)
        self.woken = monotonic()
        self.store, self.predictions, self.owner = store, predictions, new_id()
        self.compaction = Compaction(store, predictions)
        self._wake, self._stop_wanted = threading.Event(), threading.Event()
        store.on_commit.append(self._look_again)

    def run(self) -> None:
        while not self._stop_wanted.is_set():
            unsettled = False
            try:
                setback.mend(self.store)
                if leases.hold(self.store, "turns", self.owner, LEASE_MS):
                    unsettled = self._look()
                    self.compaction.look()
            except Exception:
                log.exception("a look of the turns failed")
            self._rest(unsettled)
        leases.release(self.store, "turns", self.owner)

    def _rest(self, unsettled: bool) -> None:
        """Until a commit, or until it is time to look without one."""
        quiet_s = monotonic() - self.woken
        if self._wake.wait(min(max(SOON_S, quiet_s / SOONER), LOOK_S) if unsettled else LOOK_S):
            self.woken = monotonic()
        self._wake.clear()

    def _look(self) -> bool:
        """True while a driven clock waits for its settling."""
        with self.store.read() as db:
            if not applied(db):
                return False
        from regie.app import turns  # heavy: see above

        return turns.look(self.store, self.predictions)

    def _look_again(self, written: frozenset[str]) -> None:
        if written - UNSEEN:
            self._wake.set()

    def stop(self) -> None:
        self._stop_wanted.set()
        self._wake.set()
        self.join(timeout=10)
