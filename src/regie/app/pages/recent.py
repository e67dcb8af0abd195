"""Answers that cost reading the log, made once for all who ask in the same moment.

An answer is given again for `KEEP_S`, and for ten times as long as making it took, so that no page that many look at keeps a core busy.
Whatever must be seen at once belongs into the key. At most `most` answers are held.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from regie.base.clock import monotonic

Answer = TypeVar("Answer")
KEEP_S, TIMES, LONGEST_S = 1.0, 10.0, 30.0


@dataclass
class _Place:
    lock: threading.Lock = field(default_factory=threading.Lock)
    answer: Any = None
    until: float = 0.0


class Recent(Generic[Answer]):
    """Used by any number of threads."""

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._places: OrderedDict[Hashable, _Place] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """The answer to a question: a recent one, or a new one that others who ask meanwhile wait for."""
        place = self._place(key)
        with place.lock:
            if monotonic() >= place.until:
                began = monotonic()
                place.answer = make()
                place.until = monotonic() + min(LONGEST_S, max(KEEP_S, TIMES * (monotonic() - began)))
            answer: Answer = place.answer
            return answer

    def _place(self, key: Hashable) -> _Place:
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
            while len(self._places) > self._most:
                self._places.popitem(last=False)
            return place
