"""The prediction log of this node: appended before an answer leaves, synced in groups at most 50 ms apart.

A record is with the operating system when `append` returns; it is on the disk at most 50 ms later. Where syncing fails, appending
fails from then on, since nothing is promised that the disk does not keep.
"""

import logging
import threading
from pathlib import Path

from regie.predictions.segments import SEGMENT_BYTES, SegmentWriter
from regie.serving.errors import LogFailed

GROUP_S = 0.04
log = logging.getLogger("regie.serving.log")


class PredictionLog:
    """One node's log with its syncing thread. Used by any number of threads."""

    def __init__(self, folder: Path, max_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self._writer = SegmentWriter(folder, max_bytes)
        self._dirty, self._closing = threading.Event(), threading.Event()
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="log-sync", daemon=True)
        self._thread.start()

    @property
    def position(self) -> tuple[int, int]:
        """Segment and offset behind the last record."""
        return self._writer.position

    def append(self, record: bytes) -> None:
        """Hand one record over. Raises StorageFull, LogFailed; then it was not kept, and no answer may leave."""
        if self._failure:
            raise LogFailed(self._failure, str(self.folder), "look at the disk, then start this node again")
        try:
            self._writer.append(record)
        except OSError as error:
            raise LogFailed(f"a record cannot be written: {error.strerror}", str(self.folder), "look at the disk") from error
        if not self._dirty.is_set():
            self._dirty.set()

    def sync(self) -> None:
        """Everything appended before is on the disk when this returns. Raises LogFailed."""
        try:
            self._writer.sync()
        except OSError as error:  # after a failed fsync the kernel may have dropped the pages: never trust a second one
            self._failure = f"the log cannot be synced: {error.strerror}"
            raise LogFailed(self._failure, str(self.folder), "look at the disk, then start this node again") from error

    def close(self) -> None:
        """Sync everything and let another process write here."""
        self._closing.set()
        self._dirty.set()
        self._thread.join()
        self._writer.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._dirty.wait()
            self._closing.wait(GROUP_S)
            self._dirty.clear()
            try:
                self.sync()
            except LogFailed as failure:
                log.error("%s", failure)
                return
