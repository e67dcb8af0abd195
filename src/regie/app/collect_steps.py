"""The steps of `regie gc`: each works for some seconds, for whoever calls for it, and can be killed anywhere.

Rows first, each batch a change with its counts; then blobs that nobody has put or kept within `GRACE_MS` and no row names.
"""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import select, update

from regie.app import collect
from regie.app.collect import Options
from regie.base.blobs import GRACE_MS, SHARDS
from regie.base.canonical import canonical
from regie.base.clock import monotonic, wall_ms
from regie.store.change import Change, Store
from regie.store.tables import collections
from regie.tracking import removal
from regie.tracking.removal import Wanted

STEP_S = 2.0


class Step:
    """One step of a collection; `changing` opens the change of whoever called for it."""

    def __init__(
        self, store: Store, changing: Callable[[], AbstractContextManager[Change]], workspace: str, identity: str
    ) -> None:
        self.store, self.changing, self.workspace, self.identity = store, changing, workspace, identity
        self.until = monotonic() + STEP_S
        self.kept: dict[str, str] = {}

    def go(self) -> dict[str, Any]:
        """Work for about `STEP_S`; returns the collection, with what it keeps."""
        with self.store.read() as db:
            row = collect.shown(db, self.workspace, self.identity)
        said = row["options"]
        options = Options(said["older_than_ms"], tuple(said["experiments"]), tuple(said["runs"]))
        # Counted from the beginning: what is deleted while it runs is not removed by it.
        wanted = options.wanted(self.workspace, row["started_wall_ms"])
        if row["state"] == "rows":
            if self._rows(wanted):
                self._note(state="blobs")
        elif row["state"] == "blobs":
            self._blobs(row["shard"])
            with self.store.read() as db:
                self.kept = collect.plan(db, wanted).kept
        with self.store.read() as db:
            kept = [{"id": identity, "because": why} for identity, why in list(self.kept.items())[: collect.SHOWN]]
            return collect.shown(db, self.workspace, self.identity) | {"kept": kept}

    def _in_time(self) -> bool:
        return monotonic() < self.until

    def _rows(self, wanted: Wanted) -> bool:
        """False where there is more to do. Each step does some of it, however long looking took."""
        with self.store.read() as db:
            found = collect.plan(db, wanted)
        self.kept = found.kept
        for ids, remove in ((found.runs, self._bury), (found.logged_models, self._remove_models)):
            for start in range(0, len(ids), removal.BATCH):
                remove(wanted, ids[start : start + removal.BATCH])
                if not self._in_time():
                    return False
        return self._clear() and self._remove_experiments(wanted, list(found.experiments))

    def _bury(self, wanted: Wanted, ids: list[str]) -> None:
        with self.changing() as tx:
            kept = dict(collect.kept_for(tx.connection, ids, []))  # a version may have been registered since
            going = [one for one in ids if one not in kept]
            if count := removal.bury_runs(tx, wanted, going):
                self._count(tx, {"runs": count}, runs=going)

    def _remove_models(self, wanted: Wanted, ids: list[str]) -> None:
        with self.changing() as tx:
            kept = dict(collect.kept_for(tx.connection, [], ids))
            going = [one for one in ids if one not in kept]
            if count := removal.remove_models(tx, wanted, going):
                self._count(tx, {"logged_models": count}, logged_models=going)

    def _clear(self) -> bool:
        after = removal.clear(self.store)
        while after is not None and self._in_time():
            after = removal.clear(self.store, after)
        with self.changing() as tx:
            removal.forget_tombstones(tx)
        return after is None

    def _remove_experiments(self, wanted: Wanted, found: list[str]) -> bool:
        for start in range(0, len(found), removal.BATCH):
            piece = found[start : start + removal.BATCH]
            while count := removal.purge_traces(self.store, wanted, piece):
                with self.changing() as tx:
                    self._count(tx, {"traces": count})
                if not self._in_time():
                    return False
            with self.changing() as tx:
                if gone := removal.remove_experiments(tx, wanted, piece):
                    self._count(tx, {"experiments": len(gone)}, experiments=gone)
        return True

    def _blobs(self, shard: int) -> None:
        before_ms = wall_ms() - GRACE_MS
        removed = {"blobs": 0, "bytes": 0}
        with self.store.read() as db:
            for at, digests in collect.unnamed(db, self.store.blobs, before_ms, shard=shard):
                blobs, size = self.store.blobs.remove_unnamed(digests, before_ms)
                removed["blobs"] += blobs
                removed["bytes"] += size
                shard = at + 1
                if not self._in_time():
                    break
        done = shard == len(SHARDS)
        if done:
            self.store.blobs.remove_broken_off(before_ms)
        with self.changing() as tx:
            self._count(tx, removed, shard=shard, **({"state": "done", "ended_wall_ms": tx.wall_ms} if done else {}))

    def _note(self, **values: Any) -> None:
        with self.changing() as tx:
            tx.execute(update(collections).where(collections.c.id == self.identity).values(**values))

    def _count(self, tx: Change, removed: dict[str, int], **said: Any) -> None:
        """Add what this change removed, and tell it."""
        row = tx.connection.execute(
            select(collections.c.removed).where(collections.c.id == self.identity).with_for_update()
        ).one()
        so_far = json.loads(row.removed)
        counts = {name: count + removed.get(name, 0) for name, count in so_far.items()}
        columns = {name: said.pop(name) for name in ("shard", "state", "ended_wall_ms") if name in said}
        mine = collections.c.id == self.identity
        tx.execute(update(collections).where(mine).values(removed=canonical(counts), **columns))
        if columns.get("state"):
            said["total"] = counts
        tx.event("store.collected", self.identity, removed=removed, **said)
