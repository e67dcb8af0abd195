"""Why did a task run, or why did it not: the parts of its key, and the first one that differs from the last time."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from regie.base.blobs import BlobStore
from regie.base.errors import NotFound
from regie.pipelines import queries

# The order in which parts are compared: what a person changed on purpose comes first.
ORDER = ("step", "parameter ", "input ", "code ", "model settings", "lock")


@dataclass(frozen=True)
class Difference:
    """One part, then and now; empty where it was not there."""

    part: str
    before: str
    now: str


@dataclass(frozen=True)
class Explanation:
    """Why a task was executed or answered by the cache. `differences`: against `before_task`, the first one first.

    `asked`: its run was to compute it anew, whatever the cache has.
    """

    task: str
    step: str
    state: str
    cached_from: str
    before_task: str
    before_run: str
    parts: dict[str, str]
    differences: tuple[Difference, ...]
    asked: bool = False

    @property
    def rule(self) -> str:
        """The first rule that holds."""
        return next(name for name, holds, _ in RULES if holds(self))

    @property
    def because(self) -> str:
        """One sentence."""
        return next(said(self) for _, holds, said in RULES if holds(self))


# The first one that holds says why. A person's wish stands above what differs: it would have been executed anyway.
RULES: tuple[tuple[str, Callable[[Explanation], bool], Callable[[Explanation], str]], ...] = (
    ("cached", lambda e: e.state == "cached", lambda e: f"nothing that it depends on changed since task {e.cached_from}"),
    ("asked", lambda e: e.asked, lambda e: "its run was asked to compute it anew"),
    ("first.time", lambda e: not e.before_task, lambda e: "this step had not been executed before"),
    ("differs", lambda e: bool(e.differences), lambda e: f"{e.differences[0].part} differs from run {e.before_run}"),
    ("nothing.differs", lambda e: True,
     lambda e: "nothing differs from the last time: the step is not deterministic, or its output is gone"),
)  # fmt: skip


def explain(db: Connection, run_id: str, name: str, window: str | None = None, blobs: BlobStore | None = None) -> Explanation:
    """Compare a task with the last execution of its step. With `blobs`, a changed lock is told library by library.

    Raises NotFound.
    """
    return of_task(db, queries.task(db, run_id, name, window), blobs)


def of_task(db: Connection, task: dict[str, Any], blobs: BlobStore | None = None) -> Explanation:
    """The same of one attempt, as `queries.task` gives it."""
    before = queries.task_before(db, task)
    found = differences(before["parts"], task["parts"]) if before else ()
    if blobs is not None:
        found = tuple(more for one in found for more in _told(one, blobs))
    return Explanation(
        task["id"], task["step"], task["state"], task["cached_from"], before["id"] if before else "", before["run_id"] if before else "",
        task["parts"], found, task["name"] in queries.run(db, task["run_id"])["fresh"],
    )  # fmt: skip


def differences(before: dict[str, str], now: dict[str, str]) -> tuple[Difference, ...]:
    """The parts that differ, in the order in which people think of them."""
    names = sorted(before.keys() | now.keys(), key=lambda name: (_rank(name), name))
    changed = [name for name in names if before.get(name) != now.get(name)]
    return tuple(Difference(name, before.get(name, ""), now.get(name, "")) for name in changed)


def _rank(name: str) -> tuple[int, bool]:
    found = next((rank for rank, start in enumerate(ORDER) if name.startswith(start)), len(ORDER))
    return found, name.endswith(("(order)", "(statements)", "(outside)", "(whole)", "(whole module)"))


def _told(one: Difference, blobs: BlobStore) -> tuple[Difference, ...]:
    if one.part != "lock":
        return (one,)
    try:
        before, now = (_lock(blobs, text) for text in (one.before, one.now))
    except NotFound:
        return (one,)
    return tuple(Difference(f"lock: {part.part}", part.before, part.now) for part in differences(before, now)) or (one,)


def _lock(blobs: BlobStore, digest: str) -> dict[str, Any]:
    return dict(json.loads(blobs.get(digest))) if digest else {}
