"""`regie gc`: what it removes, what it keeps, and that nothing vanishes while it works, on both databases."""

import json
import os
import re
import threading

import pytest
from sqlalchemy import String, Text, func, insert, select, update

from regie.app import blob_names, collect, collect_steps
from regie.app.collect import Options
from regie.app.collect_steps import Step
from regie.app.schema import metadata
from regie.base.blobs import GRACE_MS
from regie.base.canonical import canonical
from regie.base.errors import Conflict, NotAllowed, NotFound
from regie.pipelines.tables import cache_entries
from regie.registry import changes as registry
from regie.store.tables import audit_records, events
from regie.store.types import LOCAL, Actor
from regie.tracking import artifacts, changes, measure, queries, removal
from regie.tracking.tables import experiments, logged_models, metrics, runs

W, MONTH = "w", Options(30 * 86_400_000)
ALL = Options(0)
AGO = 86_400_000 * 40


def changing(store, action, target="x"):
    return store.change(LOCAL, action, target, workspace=W)


def started(store, experiment="e", files=()):
    """A run with a metric, a parameter, a tag, and files."""
    with changing(store, "run.create") as tx:
        found = queries.experiment_by_name(tx.connection, W, experiment)
        identity = found.id if found else changes.ensure_experiment(tx, experiment)
        run_id = changes.create_run(tx, identity, "n", tags={"colour": "blue"})
    measure.log_batch(store, run_id, [("auc", 0.5, 1, 0), ("auc", 0.6, 2, 1), ("loss", 1.0, 1, 0)], {"depth": "3"})
    for path, content in files:
        upload(store, f"runs/{run_id}", path, content)
    return run_id


def upload(store, root, path, content):
    digest = store.blobs.put(content)
    os.utime(store.blobs.path(digest), (1, 1))  # as if it had been long ago
    with store.measure() as batch:
        artifacts.put(batch, W, root, path, digest, len(content))
    return digest


def delete_run(store, run_id, ago_ms=AGO):
    with changing(store, "run.delete") as tx:
        changes.set_run_lifecycle(tx, run_id, "deleted")
        tx.execute(update(runs).where(runs.c.id == run_id).values(deleted_wall_ms=tx.wall_ms - ago_ms))


def delete_experiment(store, name, ago_ms=AGO):
    with changing(store, "experiment.change") as tx:
        found = queries.experiment_by_name(tx.connection, W, name)
        changes.set_experiment_lifecycle(tx, found.id, "deleted")
        then = tx.wall_ms - ago_ms
        tx.execute(update(experiments).where(experiments.c.id == found.id).values(updated_wall_ms=then))
        mine = (runs.c.experiment_id == found.id, runs.c.lifecycle == "deleted")
        tx.execute(update(runs).where(*mine).values(deleted_wall_ms=then))
    return found.id


def logged(store, experiment, run_id):
    with changing(store, "run.change") as tx:
        identity = queries.run(tx.connection, run_id).experiment_id
        return changes.create_logged_model(tx, identity, "m", source_run_id=run_id, params={"p": "1"}, tags={"t": "1"})


def begun(store, options=MONTH):
    with changing(store, "store.collect") as tx:
        return collect.begin(tx, options, "to make room")


def step(store, identity):
    return Step(store, lambda: changing(store, "store.collect", identity), W, identity).go()


def collected(store, options=MONTH):
    identity = begun(store, options)
    while (found := step(store, identity))["state"] != "done":
        pass
    return found


def orphans(store):
    """Rows that point to a run, model or experiment that is not there, and artifacts whose blob is missing."""
    with store.read() as db:
        found = []
        for table in removal.OF_RUN:
            count = select(func.count()).select_from(table).where(table.c.run.not_in(select(runs.c.key)))
            found += [table.name] * bool(db.execute(count).scalar())
        for table in removal.OF_MODEL:
            count = select(func.count()).select_from(table).where(table.c.model_id.not_in(select(logged_models.c.id)))
            found += [table.name] * bool(db.execute(count).scalar())
        there = {f"runs/{one}" for one in db.execute(select(runs.c.id)).scalars()}
        there |= {f"models/{one}" for one in db.execute(select(logged_models.c.id)).scalars()}
        for row in db.execute(select(artifacts.artifacts)):
            found += [f"artifact of {row.root}"] * (row.root not in there)
            found += [f"blob of {row.root}/{row.path}"] * (not store.blobs.has(row.digest))
        return found


def ids(store):
    with store.read() as db:
        return set(db.execute(select(runs.c.id)).scalars())


def test_what_was_deleted_before_the_window_goes_with_all_that_is_said_of_it(store):
    kept, gone = (
        started(store, files=[("a", b"mine"), ("b", b"shared")]),
        started(store, files=[("a", b"shared"), ("d/e", b"its")]),
    )
    late = started(store, files=[("a", b"late")])
    delete_run(store, gone)
    delete_run(store, late, ago_ms=1000)
    found = collected(store)
    assert (found["state"], found["removed"]) == (
        "done", {"runs": 1, "logged_models": 0, "traces": 0, "experiments": 0, "blobs": 1, "bytes": 3},
    )  # fmt: skip
    assert ids(store) == {kept, late}
    assert orphans(store) == []
    with changing(store, "run.delete") as tx:
        changes.set_run_lifecycle(tx, late, "active")
    with store.read() as db:
        assert queries.data(db, late).params == {"depth": "3"}
        assert store.blobs.get(artifacts.one(db, W, f"runs/{late}", "a")[0]) == b"late"
        assert store.blobs.get(artifacts.one(db, W, f"runs/{kept}", "b")[0]) == b"shared"


def test_a_dry_run_says_what_would_go_and_removes_nothing(store):
    gone, other = started(store, files=[("a", b"its"), ("b", b"shared")]), started(store, files=[("a", b"shared")])
    delete_run(store, gone)
    said = collect.dry_run(store, W, MONTH)
    assert (said["removed"]["runs"], said["removed"]["blobs"], said["removed"]["bytes"], said["runs"]) == (1, 1, 3, [gone])
    assert ids(store) == {gone, other}
    assert {name: collected(store)["removed"][name] for name in ("runs",)} == {"runs": 1}
    assert collect.dry_run(store, W, MONTH)["removed"]["blobs"] == 0


def test_the_name_of_a_deleted_experiment_is_free_after_it(store):
    run_id = started(store, "mine")
    model = logged(store, "mine", run_id)
    upload(store, f"models/{model}", "MLmodel", b"model")
    identity = delete_experiment(store, "mine")
    with pytest.raises(Conflict), changing(store, "experiment.create") as tx:
        changes.create_experiment(tx, "mine")
    found = collected(store)["removed"]
    assert [found[name] for name in ("runs", "logged_models", "experiments", "blobs")] == [1, 1, 1, 1]
    with changing(store, "experiment.create") as tx:
        assert changes.create_experiment(tx, "mine") != identity
    assert orphans(store) == []


def test_restoring_an_experiment_restores_the_runs_that_were_deleted_with_it_and_no_others(store):
    before, with_it = started(store), started(store)
    delete_run(store, before, ago_ms=0)
    with changing(store, "experiment.change") as tx:
        identity = queries.run(tx.connection, with_it).experiment_id
        changes.set_experiment_lifecycle(tx, identity, "deleted")
    with changing(store, "experiment.change") as tx:
        changes.set_experiment_lifecycle(tx, identity, "active")
    with store.read() as db:
        assert [queries.run(db, one).lifecycle for one in (before, with_it)] == ["deleted", "active"]


def test_what_a_registered_version_came_from_is_kept_and_named(store):
    parent, run_id, plain = started(store, "kept"), started(store, "kept"), started(store, "kept")
    measure.log_batch(store, run_id, tags={"mlflow.parentRunId": parent})
    model = logged(store, "kept", run_id)
    with changing(store, "model.register") as tx:
        registry.ensure_model(tx, "churn")
        registry.register(tx, "churn", source=f"models:/{model}", run_id=run_id, package="", logged_model_id=model)
    identity = delete_experiment(store, "kept")
    found = collected(store)
    assert {one["id"]: one["because"] for one in found["kept"]} == {
        run_id: "a registered version came from it", model: "a registered version came from it",
        parent: f"the run {run_id} is nested in it, and stays", identity: "it holds runs or logged models that stay",
    }  # fmt: skip
    assert (found["removed"]["runs"], ids(store)) == (1, {parent, run_id})
    assert plain not in ids(store)
    with changing(store, "experiment.change") as tx:
        changes.set_experiment_lifecycle(tx, identity, "active")


def test_only_named_runs_and_experiments_go_and_none_that_is_active(store):
    first, second, other = started(store), started(store), started(store, "other")
    for one in (first, second, other):
        delete_run(store, one)
    assert collected(store, Options(0, runs=(first,)))["removed"]["runs"] == 1
    with store.read() as db:
        elsewhere = queries.run(db, other).experiment_id
    assert collected(store, Options(0, experiments=(elsewhere,)))["removed"]["runs"] == 1
    assert ids(store) == {second}
    active = started(store)
    with pytest.raises(Conflict):
        begun(store, Options(0, runs=(active,)))
    with pytest.raises(NotFound):
        begun(store, Options(0, runs=("nobody",)))


def test_only_an_owner_collects_and_each_removal_is_audited_with_its_counts(store):
    gone = started(store, files=[("a", b"its")])
    delete_run(store, gone)
    scientist = Actor("ann", frozenset({"scientist", "engineer"}))
    with pytest.raises(NotAllowed), store.change(scientist, "store.collect", "x", workspace=W) as tx:
        collect.begin(tx, MONTH, "")
    identity = collected(store)["id"]
    with store.read() as db:
        told = [json.loads(row) for row in db.execute(select(events.c.data).where(events.c.type == "store.collected")).scalars()]
        records = db.execute(select(audit_records.c.result).where(audit_records.c.action == "store.collect")).scalars().all()
    assert records[0] == "refused"
    assert set(records[1:]) == {"done"}
    assert told[0] == {"removed": {"runs": 1}, "runs": [gone]}
    assert (told[-1]["removed"], told[-1]["total"]["runs"]) == ({"blobs": 1, "bytes": 3}, 1)
    assert identity


def test_a_run_of_many_points_goes_in_pieces_and_one_that_breaks_off_is_finished_by_the_next(store, monkeypatch):
    monkeypatch.setattr(removal, "PIECE", 40)
    gone, kept = started(store), started(store)
    for run_id in (gone, kept):
        measure.log_batch(store, run_id, [("loss", float(step), step, step) for step in range(500)])
    delete_run(store, gone)
    identity = begun(store)
    monkeypatch.setattr(collect_steps, "STEP_S", 0.0)
    assert step(store, identity)["state"] == "rows"
    with store.read() as db:
        assert db.execute(select(func.count()).select_from(runs).where(runs.c.lifecycle == removal.GONE)).scalar_one() == 1
        with pytest.raises(NotFound):
            queries.run(db, gone, W)
    # Nobody calls for its next step: its server was killed. A new one finishes what it finds.
    monkeypatch.undo()
    found = collected(store)
    assert found["removed"]["runs"] == 0
    assert (ids(store), orphans(store)) == ({kept}, [])
    with store.read() as db:
        assert db.execute(select(func.count()).select_from(metrics)).scalar() == 503


def test_what_is_named_elsewhere_than_by_files_is_kept_also_inside_manifests(store):
    inner, estimator = store.blobs.put(b"inner"), store.blobs.put(b"estimator")
    manifest = store.blobs.put(canonical({"model.bin": {"digest": inner, "bytes": 5}}).encode())
    loose = store.blobs.put(b"loose")
    with store.machinery() as batch:
        output = canonical({"kind": "model", "digest": manifest, "estimator": estimator})
        row = {"workspace": W, "key": "k", "step": "s", "parts": "{}", "output": output, "task_id": "t", "created_wall_ms": 1}
        batch.execute(insert(cache_entries).values(row))
    for one in (inner, estimator, manifest, loose):
        os.utime(store.blobs.path(one), (1, 1))
    assert collected(store)["removed"]["blobs"] == 1
    assert [store.blobs.has(one) for one in (inner, estimator, manifest, loose)] == [True, True, True, False]


def test_the_files_of_a_package_too_large_to_be_read_at_once_are_kept(store, monkeypatch):
    monkeypatch.setattr(blob_names, "MANIFEST_BYTES", 100)
    monkeypatch.setattr(blob_names, "PIECE_BYTES", 64)
    inner = [store.blobs.put(f"file {number}".encode()) for number in range(20)]
    facts = {f"folder/{number}.bin": {"digest": one, "bytes": 6} for number, one in enumerate(inner)}
    manifest, loose = store.blobs.put(canonical(facts).encode()), store.blobs.put(b"loose")
    with store.machinery() as batch:
        output = canonical({"kind": "model", "digest": manifest})
        row = {"workspace": W, "key": "k", "step": "s", "parts": "{}", "output": output, "task_id": "t", "created_wall_ms": 1}
        batch.execute(insert(cache_entries).values(row))
    for one in (*inner, manifest, loose):
        os.utime(store.blobs.path(one), (1, 1))
    assert collected(store)["removed"]["blobs"] == 1
    assert all(store.blobs.has(one) for one in (*inner, manifest))


def test_files_that_are_sent_while_it_works_are_there_afterwards(store):
    """The same contents as of deleted runs, again and again: put, named, deleted, collected."""
    contents = [f"content {number}".encode() for number in range(6)]
    wrong: list[str] = []
    stop = threading.Event()

    def send():
        run_id = started(store, "sender")
        turn = 0
        while not stop.is_set():
            turn += 1
            content = contents[turn % len(contents)]
            digest = store.blobs.put(content)
            with store.measure() as batch:
                artifacts.put(batch, W, f"runs/{run_id}", f"file{turn % 3}", digest, len(content))
            with store.read() as db:
                named, _ = artifacts.one(db, W, f"runs/{run_id}", f"file{turn % 3}")
            if not store.blobs.has(named):
                wrong.append(named)
            with store.measure() as batch:
                artifacts.remove(batch, W, f"runs/{run_id}")
            os.utime(store.blobs.path(digest), (1, 1))

    senders = [threading.Thread(target=send) for _ in range(1)]
    for one in senders:
        one.start()
    for _ in range(6):
        gone = started(store, files=[("a", contents[0]), ("b", contents[1])])
        delete_run(store, gone)
        collected(store)
    stop.set()
    for one in senders:
        one.join()
    assert wrong == []
    assert orphans(store) == []


def speaks_of_digests(column):
    size = getattr(column.type, "length", None)
    words = re.search(r"digest|package|manifest|snapshot|output|(^|_)(blob|lock)s?(_|$)", column.name)
    return isinstance(column.type, Text) or (isinstance(column.type, String) and size == 71) or bool(words)


def test_every_column_that_may_name_a_blob_is_known_to_the_one_list():
    known = {str(one.column) for one in blob_names.NAMES} | {str(blob_names.FILES)} | blob_names.ELSEWHERE.keys()
    unknown = [
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if speaks_of_digests(column) and str(column) not in known and f"{table.name}.*" not in known
    ]
    assert unknown == [], "does it name a blob? say so in app/blob_names.py"
    columns = {str(column) for table in metadata.sorted_tables for column in table.columns}
    assert {one for one in blob_names.ELSEWHERE if not one.endswith(".*")} <= columns


def test_every_table_that_points_to_runs_or_models_is_removed_with_them():
    of_run = {table.name for table in metadata.sorted_tables if "run" in table.columns}
    assert of_run == {table.name for table in removal.OF_RUN}
    of_model = {table.name for table in metadata.sorted_tables if "model_id" in table.columns} - {"run_models"}
    assert of_model == {table.name for table in removal.OF_MODEL}


def test_the_window_of_blobs_is_long_enough_for_a_job():
    assert GRACE_MS >= 86_400_000
