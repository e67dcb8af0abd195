"""Tasks that the cache answers, noted together: on SQLite and on PostgreSQL."""

import pytest
from sqlalchemy import insert

from regie.base.clock import wall_ms
from regie.base.ids import new_id
from regie.pipelines import cache, changes, queries
from regie.pipelines.cached import Hit, confirm
from regie.pipelines.graph import Node
from regie.pipelines.runner import parent_of
from regie.pipelines.types import RunRequest
from regie.store.change import Store
from regie.store.tables import workspaces
from regie.store.types import LOCAL, system
from regie.tracking import artifacts, measure
from regie.tracking import changes as tracking
from regie.tracking import queries as tracked

CODE = "sha256:" + "0" * 64


class Place:
    """A workspace with runs of one pipeline, without processes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.change(LOCAL, "workspace.create", "w", workspace="w") as tx:
            tx.execute(insert(workspaces).values(name="w", clock="wall", now_ms=0, secret="s", created_ms=wall_ms()))
            self.experiment = tracking.ensure_experiment(tx, "train")

    def run(self) -> RunRequest:
        run_id = new_id()
        with self.store.change(LOCAL, "run.create", run_id, workspace="w") as tx:
            tracking.create_run(tx, self.experiment, "train", run_id=run_id, tags={"regie.kind": "pipeline"})
            changes.queue_run(tx, run_id, "train", "flow:train", params={}, reason="", code_digest=CODE)
        return RunRequest(run_id, "w", "flow:train", CODE)

    def change(self, run: RunRequest):
        return self.store.change(system("train"), "task.record", run.run_id, workspace="w", cause=run.cause)

    def confirm(self, run: RunRequest, hits: list[Hit]) -> None:
        with self.store.read() as db:
            parent = parent_of(db, run)
        confirm(self.store, run, parent, "", hits, self.change)

    def tasks(self, run: RunRequest) -> list[dict]:
        with self.store.read() as db:
            return queries.tasks_of(db, run.run_id)


@pytest.fixture
def place(store: Store) -> Place:
    return Place(store)


def hit(name: str, source: str = "gone") -> Hit:
    node = Node(name, f"flow:{name}", {}, "json")
    return Hit(node, CODE, {"step": node.step}, {"a": {"kind": "json", "value": 1}}, {"kind": "json", "value": 2}, source)


def test_a_thousand_tasks_are_noted_in_one_change_each_with_a_run_below_the_pipelines(place):
    run = place.run()
    place.confirm(run, [hit(f"n{number}") for number in range(1_000)])
    found = place.tasks(run)
    assert [(len(found), {one["state"] for one in found})] == [(1_000, {"cached"})]
    with place.store.read() as db:
        below = [tracked.run(db, one["mlflow_run_id"]) for one in found[:3]]
        tags = tracked.data(db, below[0].id).tags
    assert {(one.status, one.kind, one.experiment_id) for one in below} == {("FINISHED", "task", place.experiment)}
    assert tags == {"mlflow.runName": "n0", "mlflow.parentRunId": run.run_id, "regie.kind": "task"}


def test_what_the_source_measured_is_replayed_and_what_measured_nothing_is_left_alone(place):
    first, again = place.run(), place.run()
    place.confirm(first, [hit("loud"), hit("filed"), hit("silent")])
    loud, filed, silent = place.tasks(first)
    measure.log_batch(place.store, loud["mlflow_run_id"], [("auc", 0.5, 1, 0)], {"depth": "3"})
    digest = place.store.blobs.put(b"curve")
    with place.store.measure() as batch:
        artifacts.put(batch, "w", f"runs/{filed['mlflow_run_id']}", "curve.png", digest, 5)
        artifacts.put(batch, "w", f"runs/{silent['mlflow_run_id']}", "logs/silent-1.txt", digest, 5)
    place.confirm(again, [hit("loud", loud["id"]), hit("filed", filed["id"]), hit("silent", silent["id"])])
    with place.store.read() as db:
        runs = [one["mlflow_run_id"] for one in place.tasks(again)]
        assert [metric.value for metric in tracked.data(db, runs[0]).metrics] == [0.5]
        assert tracked.data(db, again.run_id).params == {"depth": "3"}
        assert [len(artifacts.whole(db, "w", f"runs/{run_id}")) for run_id in runs] == [0, 1, 0]


def test_a_run_that_is_taken_over_notes_its_cached_tasks_as_further_attempts(place):
    run = place.run()
    place.confirm(run, [hit("one"), hit("two")])
    place.confirm(run, [hit("one"), hit("two"), hit("three")])
    assert [(one["name"], one["attempt"]) for one in place.tasks(run)] == [
        ("one", 1), ("two", 1), ("one", 2), ("two", 2), ("three", 1)
    ]  # fmt: skip


def test_an_entry_is_found_under_its_key_and_its_workspace_only_and_the_newest_counts(place):
    run, other = place.run(), "sha256:" + "1" * 64
    for value in (1, 2):
        with place.change(run) as tx:
            cache.keep(tx, "w", CODE, "flow:one", {}, {"kind": "json", "value": value}, "t")
    with place.store.read() as db:
        found = cache.look_up(db, place.store.blobs, "w", CODE)
        assert found is not None
        assert found["output"]["value"] == 2
        assert cache.look_up(db, place.store.blobs, "w", other) is None
        assert cache.look_up(db, place.store.blobs, "elsewhere", CODE) is None
