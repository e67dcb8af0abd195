"""What serving nodes should have, and a wait for it that holds neither a thread nor a connection.

Whatever a node is told is written inside a change, so the head of the audit chain, and the last flush that was asked for, say whether
anything may have moved: a look at rest is one row. A change of this server that writes a route or asks for a flush ends the wait at
once; what another server of the same database wrote is seen within `LOOK_S` and half of it again, by one look for all nodes that wait.
"""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Connection, func, select

from regie.base.clock import monotonic, wall_ms
from regie.registry import queries as registry
from regie.rollout.queries import all_routes
from regie.rollout.tables import routes
from regie.rollout.types import Route
from regie.spec.read import from_json
from regie.store.change import Store
from regie.store.tables import head, settling, specs, workspaces

LOOK_S = 0.2
DEADLINE_MS = 1_000
NEWS = frozenset({routes.name, settling.name})
_SEEN = select(head.c.audit_seq, select(func.coalesce(func.max(settling.c.flush), 0)).scalar_subquery().label("asked"))


@dataclass(frozen=True)
class Wanted:
    """What every node should have after so many changes. `asked`: the flush that a driven clock waits for, else 0."""

    seq: int
    asked: int
    clock: str
    now_ms: int
    endpoints: Mapping[str, Mapping[str, Any]]

    def ahead_of(self, flush: int, generations: Mapping[str, int], failed: Mapping[str, str]) -> bool:
        """Whether a node that reports this has something to do. What it failed to take up it tries again by itself."""
        return self.asked > flush or any(
            route["generation"] > generations.get(name, 0) and name not in failed for name, route in self.endpoints.items()
        )

    def answer(self) -> dict[str, Any]:
        """For a node, but for how long its next report may wait."""
        # A wall clock's flush goes on by itself; a driven one asks for it when its clock moves.
        driven = self.clock == "driven"
        return {
            "flush": self.asked if driven else wall_ms(),
            "asked": self.asked,
            "clock": {"mode": self.clock, "now_ms": self.now_ms if driven else wall_ms()},
            "routes": {"format": 1, "clock": self.clock, "endpoints": self.endpoints},
        }


def look(db: Connection, known: Wanted | None = None) -> Wanted:
    """What is wanted now; `known` itself where nothing has changed since."""
    seq, asked = db.execute(_SEEN).one()
    if known is not None and (known.seq, known.asked) == (seq, asked):
        return known
    wanted = [_endpoint(db, route) for route in all_routes(db)]
    driven = db.execute(select(workspaces.c.now_ms).where(workspaces.c.clock == "driven").order_by(workspaces.c.name)).first()
    return Wanted(
        seq, asked, "driven" if driven else "wall", driven.now_ms if driven else 0,
        {one["endpoint"]: one["route"] for one in wanted if one},
    )  # fmt: skip


class Lookout:
    """Looks for all nodes that wait at one server. Its coroutines run in the server's event loop."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._last: Wanted | None = None
        self._looking = asyncio.Lock()
        self._began = self._rung = -LOOK_S  # when the last look began; when a change last said that there is news
        self._bells: frozenset[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = frozenset()
        store.on_commit.append(self._committed)

    async def ahead(self, flush: int, generations: Mapping[str, int], failed: Mapping[str, str], wait_s: float) -> Wanted:
        """What is wanted, as soon as it is ahead of what a node reports, or else when the time is over."""
        until = monotonic() + wait_s
        bell = (asyncio.get_running_loop(), asyncio.Event())
        self._bells |= {bell}  # before the first look: a change in between is heard
        try:
            wanted = await self._look()
            while not wanted.ahead_of(flush, generations, failed) and (left := until - monotonic()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left, LOOK_S)):
                        await bell[1].wait()
                bell[1].clear()
                wanted = await self._look()
            return wanted
        finally:
            self._bells -= {bell}

    async def _look(self) -> Wanted:
        """A look that began after the last news; of the same moment, one for all."""
        async with self._looking:
            if self._last is not None and self._began > max(self._rung, monotonic() - LOOK_S / 2):
                return self._last
            self._last, self._began = fresh = await run_in_threadpool(self._fresh)
            return fresh[0]

    def _fresh(self) -> tuple[Wanted, float]:
        began = monotonic()
        with self.store.read() as db:
            return look(db, self._last), began

    def _committed(self, written: frozenset[str]) -> None:
        """In the thread that made the change."""
        if written & NEWS:
            self._rung = monotonic()
            for loop, bell in self._bells:
                with suppress(RuntimeError):  # the server ends: nobody waits any more
                    loop.call_soon_threadsafe(bell.set)


def _endpoint(db: Connection, route: Route) -> dict[str, Any] | None:
    """One endpoint of the route file. The key of the prediction ids goes with it, since nodes make them."""
    place = db.execute(
        select(workspaces.c.secret, specs.c.document)
        .join(specs, (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name))
        .where(workspaces.c.name == route.workspace)
    ).first()
    if place is None or not route.variants:
        return None
    labelled = from_json(json.loads(place.document)).labelled
    variants = []
    for variant in route.variants:
        version = registry.version(db, route.workspace, route.model, variant.version)
        variants.append({**variant.to_json(), "package": version.package})
    return {
        "endpoint": route.endpoint,
        "route": {
            "workspace": route.workspace, "mac_key": place.secret, "generation": route.generation, "model": route.model,
            "key": list(labelled.key) if labelled else [], "time": labelled.time if labelled else None,
            "deadline_ms": DEADLINE_MS, "variants": variants,
        },
    }  # fmt: skip
