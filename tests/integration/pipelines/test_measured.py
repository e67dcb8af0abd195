"""What tasks print and measure: in runs of their own, shown in the pipeline's, replayed by the cache."""

from regie.pipelines import queries
from regie.store.types import system
from regie.tracking import artifacts, judged, measure
from regie.tracking import queries as tracked


def test_the_log_of_a_task_is_an_artifact_of_its_run(world):
    request = world.request()
    world.go(request)
    with world.store.read() as db:
        run = queries.task(db, request.run_id, "fit")["mlflow_run_id"]
        digest, _ = artifacts.one(db, "w", f"runs/{run}", "logs/fit-1.txt")
    assert world.store.blobs.get(digest) == b"fitting 270 rows\n"


def test_a_cached_task_replays_what_it_measured_and_the_run_shows_it(world):
    first, again = world.request(), world.request()
    world.go(first)
    with world.store.read() as db:
        task = queries.task(db, first.run_id, "fit")
    measure.log_batch(world.store, task["mlflow_run_id"], [("auc", 0.8, 5, 0), ("auc", 0.9, 6, 1)], {"depth": "4"})
    with world.store.change(system("qualify"), "gate.judge", "m@1", workspace="w") as tx:
        # Of a version that the task's own code registered; another task that is answered by the cache made none.
        assert judged.note(tx, task["mlflow_run_id"], {"judged.auc": 0.7}, 0)
    world.go(again)
    with world.store.read() as db:
        replayed = queries.task(db, again.run_id, "fit")["mlflow_run_id"]
        for run_id in (replayed, again.run_id):
            data = tracked.data(db, run_id)
            assert [(metric.key, metric.value) for metric in data.metrics] == [("auc", 0.9)]
            assert data.params["depth"] == "4"
            assert [point.key for point in tracked.points(db, tracked.run(db, run_id).key, 10)] == ["auc", "auc"]


MEASURED = """
import mlflow
from regie import Dataset, Table, pipeline, step

@step
def first(rows: Dataset) -> Table:
    mlflow.log_param("depth", 1)
    mlflow.log_metric("auc", 0.5)
    return rows.read()

@step
def second(rows: Table) -> str:
    mlflow.log_param("depth", 2)
    mlflow.log_metric("loss", 0.25)
    return mlflow.active_run().info.run_id

@pipeline
def train(customers: Dataset) -> str:
    return second(first(customers))
"""


def test_what_steps_log_with_mlflow_lands_in_runs_of_their_own_and_is_shown_together(world):
    request = world.request(flow=MEASURED)
    said = world.go(request)["value"]
    with world.store.read() as db:
        of = {one["name"]: one["mlflow_run_id"] for one in queries.tasks_of(db, request.run_id)}
        each = {name: tracked.data(db, run_id) for name, run_id in of.items()}
        together = tracked.data(db, request.run_id)
        states = {name: tracked.run(db, run_id).status for name, run_id in of.items()}
    assert said == of["second"]
    assert {name: data.params for name, data in each.items()} == {"first": {"depth": "1"}, "second": {"depth": "2"}}
    assert {metric.key for metric in together.metrics} == {"auc", "loss"}
    assert together.params == {"depth": "1", "second.depth": "2"}
    assert states == {"first": "FINISHED", "second": "FINISHED"}
