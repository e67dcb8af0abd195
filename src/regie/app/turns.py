"""The turns of every workspace, run by the leader (`app/leader.py`).

A turn that raises is written to the log and tried again with the next look: it changes nothing half, since it applies in one change.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select, update

from regie.loop import qualify, react, release, train, watch
from regie.loop.scene import Scene, applied, scene
from regie.rollout import queries as rollout
from regie.store import jobs, nodes
from regie.store.change import Store
from regie.store.tables import settling

log = logging.getLogger("regie.turns")
MOST_PASSES = 200

TURNS: tuple[tuple[str, Callable[[Scene], bool]], ...] = (
    ("watch", watch.turn),
    ("release", release.turn),
    ("train", train.turn),
    ("qualify", qualify.turn),
    ("react", react.turn),
)


def look(store: Store, predictions: Path) -> bool:
    """One look at every workspace; True while a driven clock waits for its settling."""
    with store.read() as db:
        names = applied(db)
    unsettled = False
    for name in names:
        here = scene(store, predictions, name)
        if here is None:
            continue
        if here.clock == "driven":
            unsettled |= not _settle(here)
        else:
            passes(here)
    return unsettled


def passes(here: Scene, failed: list[str] | None = None) -> bool:
    """Run the turns until none changes anything; True if any did. The names of turns that raised are added to `failed`."""
    moved = False
    for _ in range(MOST_PASSES):
        if not any(_take(name, turn, here, [] if failed is None else failed) for name, turn in TURNS):
            return moved
        moved = True
    log.error("the turns of %s do not come to rest", here.workspace)
    return moved


def _take(name: str, turn: Callable[[Scene], bool], here: Scene, failed: list[str]) -> bool:
    try:
        return turn(here)
    except Exception:
        log.exception("turn %s of %s failed", name, here.workspace)
        failed.append(name)
        return False


def _settle(here: Scene) -> bool:
    """Everything up to the driven now is done: predictions delivered, turns and jobs idle, routes acknowledged."""
    now = here.now_ms()  # before the row: a clock that moves in between has put the row back, so nothing is marked too early
    with here.store.read() as db:
        row = db.execute(select(settling).where(settling.c.workspace == here.workspace)).first()
        delivered = row is None or nodes.delivered(db, row.flush)
    if not delivered:
        return False
    # Asked before the turns look: what a job or a node finishes while they do, they have not seen yet. And after it: another
    # server that took over in the middle of this look may have moved on.
    busy = _busy(here)
    failed: list[str] = []
    if passes(replace(here, at_ms=now), failed) or busy or failed or _busy(here):
        return False  # a turn that raised has not looked: it looks again before anything counts as settled
    if row is not None and row.settled_ms < now:
        _mark(here, now, row.flush)
    return True


def _busy(here: Scene) -> bool:
    with here.store.read() as db:
        if jobs.live(db, here.workspace):
            return True
        routes = [route for route in rollout.all_routes(db) if route.workspace == here.workspace]
        return any(
            nodes.live(db) and nodes.behind(db, r.endpoint, r.generation) and not nodes.failure(db, r.endpoint, r.generation)
            for r in routes
            if r.variants
        )


def _mark(here: Scene, now: int, flush: int) -> None:
    """Say so to whoever waits; not to one who has come since the row was read: its work was not looked at."""
    with here.store.machinery() as batch:
        same = (settling.c.workspace == here.workspace, settling.c.flush == flush)
        batch.execute(update(settling).where(*same).values(settled_ms=now))
