"""`regie gc`: remove for good what was deleted longer ago than a window, and every blob that nothing names any more.

It goes in steps of some seconds, each called for by whoever waits for it; what is done is done, so one that breaks off is begun anew.
Rows first, each batch a change with its counts; then blobs that nobody has put or kept within `GRACE_MS` and no row names. What a
registered version or the loop came from is kept, and said. Times are the machine's.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from regie.app import blob_names
from regie.base.blobs import GRACE_MS, SHARDS, BlobStore
from regie.base.canonical import canonical
from regie.base.clock import wall_ms
from regie.base.errors import BadInput, Conflict, NotFound
from regie.base.ids import new_id
from regie.loop.tables import reactions
from regie.pipelines.tables import pipeline_runs, tasks
from regie.registry.tables import model_versions
from regie.store.change import Change, Store
from regie.store.tables import collections
from regie.tracking import queries, removal
from regie.tracking.removal import Wanted

# A measurement that began before the deletion has ended by then: no transaction is that long.
SETTLED_MS = 10_000
SHOWN = 1_000  # ids in one answer
# What deleted runs and logged models are kept for; the first that holds is said.
RUNS_KEPT = (
    (model_versions.c.run_id, "a registered version came from it"),
    (reactions.c.run_id, "a reaction started it"),
    (pipeline_runs.c.run_id, "it is a pipeline's run: why tells of it"),
    (tasks.c.mlflow_run_id, "it is a task of a pipeline's run"),
)
MODELS_KEPT = ((model_versions.c.logged_model_id, "a registered version came from it"),)


@dataclass(frozen=True)
class Options:
    """What is asked for: deleted longer ago than this; of some experiments or runs only, where they are named."""

    older_than_ms: int
    experiments: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()

    def wanted(self, workspace: str, now_ms: int) -> Wanted:
        return Wanted(workspace, now_ms - max(self.older_than_ms, SETTLED_MS), self.experiments, self.runs)


@dataclass(frozen=True)
class Plan:
    """What a collection would remove now, and what it keeps: id to why."""

    runs: list[str]
    logged_models: list[str]
    experiments: dict[str, str]
    kept: dict[str, str]


def checked(db: Connection, workspace: str, options: Options) -> Options:
    """Raises BadInput for too many names, NotFound and Conflict for a named run or experiment that is not there, or not deleted."""
    if options.older_than_ms < 0 or len(options.runs) > SHOWN or len(options.experiments) > SHOWN:
        raise BadInput("a window is not negative, and at most 1000 things are named", "regie gc", "name fewer, or none")
    for run_id in options.runs:
        if queries.run(db, run_id, workspace).lifecycle == "active":
            raise Conflict(f"the run {run_id} is not deleted", workspace, "delete it first")
    for experiment_id in options.experiments:
        queries.experiment(db, workspace, experiment_id)
    return options


def plan(db: Connection, wanted: Wanted) -> Plan:
    """Which rows go. An experiment goes only whole: one of whose runs or models stays, stays."""
    found, models = removal.deleted_runs(db, wanted), removal.deleted_models(db, wanted)
    kept = dict(kept_for(db, found, models))
    gone = ([one for one in found if one not in kept], [one for one in models if one not in kept])
    experiments = removal.deleted_experiments(db, wanted)
    full = removal.experiments_with_others(db, list(experiments), *gone)
    kept |= {one: "it holds runs or logged models that stay" for one in experiments if one in full}
    return Plan(*gone, {one: name for one, name in experiments.items() if one not in full}, kept)


def kept_for(db: Connection, found: list[str], models: list[str]) -> Iterator[tuple[str, str]]:
    """What stays and why, the runs that such a run is nested in included; what is said last holds."""
    deleted = set(found)
    for ids, columns in ((found, RUNS_KEPT), (models, MODELS_KEPT)):
        for column, why in reversed(columns):
            for start in range(0, len(ids), blob_names.PIECE):
                piece = ids[start : start + blob_names.PIECE]
                for identity in db.execute(select(column).where(column.in_(piece)).distinct()).scalars().all():
                    if column is model_versions.c.run_id:
                        above = set(queries.with_ancestors(db, identity)[1:]) & deleted
                        yield from ((one, f"the run {identity} is nested in it, and stays") for one in above)
                    yield identity, why


def dry_run(store: Store, workspace: str, options: Options) -> dict[str, Any]:
    """What would be removed. Nothing is changed."""
    with store.read() as db:
        checked(db, workspace, options)
        now = wall_ms()
        found = plan(db, options.wanted(workspace, now))
        roots = {*(f"runs/{one}" for one in found.runs), *(f"models/{one}" for one in found.logged_models)}
        roots |= set(removal.roots_of_traces(db, workspace, list(found.experiments)))
        gone = {(workspace, root) for root in roots}
        blobs = [one for _, shard in unnamed(db, store.blobs, now - GRACE_MS, gone) for one in shard]
    size = sum(store.blobs.path(one).stat().st_size for one in blobs if store.blobs.has(one))
    counts = {
        **_counts(),
        "runs": len(found.runs),
        "logged_models": len(found.logged_models),
        "experiments": len(found.experiments),
    }
    return {
        "state": "planned", "removed": counts | {"blobs": len(blobs), "bytes": size}, **_named(found), "older_than_ms": options.older_than_ms,
    }  # fmt: skip


def _counts() -> dict[str, int]:
    return dict.fromkeys(("runs", "logged_models", "traces", "experiments", "blobs", "bytes"), 0)


def _named(found: Plan) -> dict[str, Any]:
    return {
        "runs": found.runs[:SHOWN], "logged_models": found.logged_models[:SHOWN], "experiments": found.experiments,
        "kept": [{"id": identity, "because": why} for identity, why in list(found.kept.items())[:SHOWN]],
    }  # fmt: skip


def begin(tx: Change, options: Options, reason: str) -> str:
    """Note a collection; steps do it. Returns its id."""
    checked(tx.connection, tx.workspace, options)
    row = {
        "id": new_id(), "workspace": tx.workspace, "by": tx.actor.name, "reason": reason, "options": canonical(asdict(options)),
        "state": "rows", "removed": canonical(_counts()), "shard": 0, "started_wall_ms": tx.wall_ms,
    }  # fmt: skip
    tx.execute(insert(collections).values(row))
    return str(row["id"])


def shown(db: Connection, workspace: str, identity: str) -> dict[str, Any]:
    """A collection as it stands. Raises NotFound."""
    mine = (collections.c.id == identity, collections.c.workspace == workspace)
    row = db.execute(select(collections).where(*mine)).first()
    if row is None:
        raise NotFound(f"there is no collection {identity}", workspace, "`regie gc` begins one")
    return {**row._mapping, "options": json.loads(row.options), "removed": json.loads(row.removed)}


def unnamed(
    db: Connection, blobs: BlobStore, before_ms: int, gone: set[tuple[str, str]] | None = None, shard: int = 0
) -> Iterator[tuple[int, list[str]]]:
    """Of each shard, old blobs that no row names; of artifacts, those under other roots than `gone` count as well."""
    old = {at: blobs.old(SHARDS[at], before_ms) for at in range(shard, len(SHARDS))}
    # Looked at after the blobs: see `BlobStore.remove_unnamed`.
    named = blob_names.named(db, blobs)
    for at, found in old.items():
        left = {one for one in found if one not in named}
        for digest, workspace, root in blob_names.files_that_name(db, left):
            if (workspace, root) not in (gone or ()):
                left.discard(digest)
        yield at, sorted(left)
