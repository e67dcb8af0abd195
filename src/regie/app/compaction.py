"""Merge the prediction files of closed days, so that a window over many days opens few files.

The leader of the turns calls it between its looks: one day a call, a call every few seconds at most. A lease of its own keeps a
former leader, which may still be at it, away from the same day: two at once could leave rows in two merged files.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from regie.base.clock import HOUR_MS, SECOND_MS, day, monotonic
from regie.base.errors import RegieError
from regie.base.ids import new_id
from regie.store import leases
from regie.store.change import Store

log = logging.getLogger("regie.compaction")
MOST_FILES = 24  # a day of hourly files is left as it is
LATE_MS = HOUR_MS  # files that come later are merged too, by another call; this only spares the work
EVERY_S = 5.0
FOLDERS = "[!.]*/[!.]*/"  # of a workspace, of an endpoint
LEASE_MS = 600 * SECOND_MS


class Compaction:
    """The compaction of one process. `every_s`: seconds from one look to the next."""

    def __init__(self, store: Store, predictions: Path, every_s: float = EVERY_S) -> None:
        self.store, self.predictions, self.every_s, self.owner = store, predictions, every_s, new_id()
        self._next = 0.0
        self._broken: set[tuple[str, str, str]] = set()

    def look(self) -> int:
        """Merge one closed day with too many files; returns how many files it replaced."""
        if monotonic() < self._next:
            return 0
        self._next = monotonic() + self.every_s
        if not any(self.predictions.glob(FOLDERS)):
            return 0
        from pyarrow import ArrowException  # heavy: only where there are predictions

        from regie.predictions import lake

        found = next((one for one in self._crowded() if one not in self._broken), None)
        if found is None or not leases.hold(self.store, "compaction", self.owner, LEASE_MS):
            return 0
        try:
            return lake.compact(self.predictions, *found)
        except (RegieError, ArrowException, OSError):
            self._broken.add(found)  # until the process starts again: one broken file must not hold up the other days
            log.exception("day %s of %s/%s could not be merged", found[2], *found[:2])
            return 0
        finally:
            leases.release(self.store, "compaction", self.owner)

    def _crowded(self) -> Iterator[tuple[str, str, str]]:
        """Workspace, endpoint and day, of the closed days in business time."""
        from regie.predictions import lake  # heavy, as above

        for folder in sorted(self.predictions.glob(FOLDERS)):
            workspace, endpoint = folder.parent.name, folder.name
            today = day(self.store.now_ms(workspace) - LATE_MS)
            for of_day in lake.days(self.predictions, workspace, endpoint):
                if of_day < today and lake.files(self.predictions, workspace, endpoint, of_day) > MOST_FILES:
                    yield workspace, endpoint, of_day
