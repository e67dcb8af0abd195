"""Shadows that have not been answered yet, numbered, so that a flush knows when those before it are all in the log."""

import threading


class Pending:
    """Opened and closed on the event loop, read by the syncer's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 1
        self._open: dict[int, None] = {}  # in the order of opening

    def open(self) -> int:
        """A new number; it stays open until `close`."""
        with self._lock:
            number, self._next = self._next, self._next + 1
            self._open[number] = None
        return number

    def close(self, number: int) -> None:
        with self._lock:
            del self._open[number]

    def __len__(self) -> int:
        return len(self._open)

    def mark(self) -> int:
        """All numbers given out so far are below it."""
        with self._lock:
            return self._next

    def settled(self, mark: int) -> bool:
        """Whether every number below the mark is closed."""
        with self._lock:
            return next(iter(self._open), mark) >= mark
