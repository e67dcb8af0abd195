"""Bring what was written to a file system onto its disk: at once, or all that was written within about `SYNC_S` in one go.

A thousand small files cost two thousand `fsync`, or one `syncfs` a second.
"""

import ctypes
import os
import threading
from pathlib import Path

SYNC_S = 0.5


class Syncer:
    """Of the file system that a folder lies in. Its thread begins with the first `soon`, and ends with the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._wanted, self._starting = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None

    def soon(self) -> None:
        """What is written by now will be on disk in about `SYNC_S`."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="blobs-sync", daemon=True)
                    self._thread.start()
        self._wanted.set()

    def now(self) -> None:
        """What is written by now is on disk when this returns. Raises OSError."""
        sync(self.folder)

    def _run(self) -> None:
        pause = threading.Event()
        while self._wanted.wait():
            pause.wait(SYNC_S)  # what comes meanwhile goes with it
            self._wanted.clear()
            try:
                sync(self.folder)
            except OSError:
                self._wanted.set()  # a disk that fails now is tried again


def sync(folder: Path) -> None:
    """Sync the file system of a folder; without `syncfs` (macOS), all of them. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "syncfs"):
        os.sync()
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        if libc.syncfs(handle) != 0:
            raise OSError(ctypes.get_errno(), "syncfs", str(folder))
    finally:
        os.close(handle)
