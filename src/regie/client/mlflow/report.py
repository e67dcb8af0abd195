"""What an import or export has done, has left, and was refused. Threads may share it."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from regie.base.clock import monotonic


@dataclass(frozen=True)
class Wish:
    """What is to be moved. Nothing named: everything. `regie_tags`: the target takes what Regie alone writes."""

    experiments: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    since_ms: int | None = None
    files: bool = True
    dry_run: bool = False
    regie_tags: bool = True

    @property
    def everything(self) -> bool:
        return not self.experiments and not self.models


@dataclass(frozen=True)
class Refusal:
    """One thing that was not moved, and why."""

    thing: str
    why: str
    do: str = ""


class Report:
    """Counts by name; `tell` is called after each."""

    def __init__(self, tell: Callable[["Report"], None] = lambda report: None) -> None:
        self.counts: Counter[str] = Counter()
        self.refused: list[Refusal] = []
        self.kept: list[Refusal] = []
        self.left: Counter[str] = Counter()
        self.renumbered: list[tuple[str, int, int]] = []
        self.at = ""
        self._tell, self._lock, self._began = tell, threading.Lock(), monotonic()

    def add(self, name: str, count: int = 1) -> None:
        with self._lock:
            self.counts[name] += count
            self._tell(self)

    def refuse(self, thing: str, why: str, do: str = "") -> None:
        """Something that the target did not take."""
        with self._lock:
            self.refused.append(Refusal(thing, why, do))

    def keep(self, thing: str, why: str) -> None:
        """Something that the target says otherwise, and that was left to it."""
        with self._lock:
            self.kept.append(Refusal(thing, why))

    def leave(self, what: str, count: int = 1) -> None:
        """Something that is not moved by rule."""
        with self._lock:
            self.left[what] += count

    @property
    def took_s(self) -> float:
        return monotonic() - self._began

    def data(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "counts": dict(sorted(self.counts.items())),
            "left": dict(sorted(self.left.items())),
            "renumbered": [{"model": name, "from": old, "to": new} for name, old, new in self.renumbered],
            "kept": [{"thing": one.thing, "why": one.why} for one in self.kept],
            "refused": [{"thing": one.thing, "why": one.why, "do": one.do} for one in self.refused],
            "took_s": round(self.took_s, 3),
        }
