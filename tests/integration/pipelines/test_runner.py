"""Runs from beginning to end: a real store, a real HTTP server on a real port, real children."""

import json

import pytest
from sqlalchemy import select

from regie.pipelines import queries
from regie.pipelines.executors import ProcessExecutor
from regie.pipelines.tables import cache_entries
from regie.pipelines.types import PlanFailed, RunCancelled, StepFailed
from regie.runtime import manifest
from regie.runtime.package import open_package
from regie.store.tables import audit_records, events
from regie.store.tables import tokens as tokens_table
from regie.tracking import artifacts
from regie.tracking import queries as tracked
from tests.support.pipelines import FLOW


def test_a_pipeline_yields_a_package_that_answers(world, tmp_path):
    request = world.request()
    output = world.go(request)
    assert output["kind"] == "model"
    content = json.loads(world.store.blobs.get(output["digest"]))
    manifest.unpack(content, world.store.blobs.get, tmp_path / "package")
    package = open_package(tmp_path / "package")
    low, high = package.answer_records([{"spend": 1.0, "age": 3}, {"spend": 80.0, "age": 3}])
    assert low < 0.5 < high
    assert [column.name for column in package.signature] == ["spend", "age"]


def test_a_model_is_handed_to_another_step_as_it_was_made(world):
    request = world.request("evaluated")
    assert world.go(request)["value"] > 0.9
    assert world.tasks(request) == [("clean", "finished"), ("fit", "finished"), ("score", "finished")]


def test_a_step_is_tried_again_as_often_as_it_says(world):
    request = world.request("with_flaky")
    assert world.go(request)["value"] > 0
    assert world.tasks(request) == [("clean", "finished"), ("flaky", "failed"), ("flaky", "failed"), ("flaky", "finished")]
    with world.store.read() as db:
        attempts = [one for one in queries.tasks_of(db, request.run_id) if one["name"] == "flaky"]
        statuses = [tracked.run(db, one["mlflow_run_id"]).status for one in attempts]
    assert [one["attempt"] for one in attempts] == [1, 2, 3]
    assert attempts[0]["error"]["message"] == "not yet"
    assert statuses == ["FAILED", "FAILED", "FINISHED"]


def test_a_failed_step_names_itself_and_its_attempt_and_keeps_its_log(world):
    request = world.request("with_dies")
    with pytest.raises(StepFailed) as caught:
        world.go(request)
    assert (caught.value.step, caught.value.attempt) == ("flow:dies", 1)
    assert "exit code 3" in str(caught.value)
    with world.store.read() as db:
        task = queries.task(db, request.run_id, "dies")
        assert (task["state"], task["exit"]) == ("failed", 3)
        assert artifacts.one(db, "w", f"runs/{task['mlflow_run_id']}", "logs/dies-1.txt") is not None
        failed = db.execute(select(events.c.subject).where(events.c.type == "task.failed")).scalars().all()
    assert failed == [f"{request.run_id}/dies"]


def test_a_step_that_exceeds_its_timeout_has_failed(world):
    with pytest.raises(StepFailed, match="longer than its timeout of 1 s"):
        world.go(world.request("with_slow"))


def test_a_cancelled_run_stops_and_its_task_is_closed(world):
    request = world.request("with_slow")
    started = []

    def on_wait():
        started.append(1)
        return ("slow", "running") not in world.tasks(request)

    with pytest.raises(RunCancelled):
        world.go(request, on_wait=on_wait)
    assert world.tasks(request)[-1] == ("slow", "failed")


def test_a_task_sees_no_database(world, monkeypatch):
    monkeypatch.setenv("REGIE_DATABASE", "postgresql://x")
    with ProcessExecutor() as started_now:
        world.runner.executor = started_now
        assert world.go(world.request("with_peeks"))["value"] == []


def test_a_graph_that_does_not_fit_is_refused_before_anything_runs(world):
    with pytest.raises(PlanFailed, match="rows of fit is a Table; the dataset customers is a Dataset"):
        world.runner.plan(world.request("broken"))
    with pytest.raises(PlanFailed, match="invalid syntax"):
        world.runner.plan(world.request(flow="def x(:\n"))
    with pytest.raises(PlanFailed, match="has no nowhere"):
        world.runner.plan(world.request("nowhere"))


@pytest.mark.parametrize(("times", "tries"), [(1, 2), (9, 2)])
def test_who_draws_the_graph_and_is_killed_is_started_once_more_and_then_the_run_says_so(world, times, tries):
    killed = f"\nmark('plan')\nif len(list(MARKS.glob('plan-*'))) <= {times}:\n    os.kill(os.getpid(), 9)\n"
    request = world.request(flow=FLOW + killed)
    if times < tries:
        assert [node.name for node in world.runner.plan(request).nodes] == ["clean", "fit"]
    else:
        with pytest.raises(PlanFailed, match="killed") as failed:
            world.runner.plan(request)
        assert failed.value.do == "repeat the run"
    assert len(list(world.marks.glob("plan-*"))) == tries


def test_a_window_has_tasks_of_its_own(world):
    request = world.request()
    graph = world.runner.plan(request)
    for window in ("all", "last 26w"):
        world.runner.execute(request, graph, {"customers": world.dataset}, window)
    assert world.tasks(request) == [("clean", "finished"), ("fit", "finished"), ("clean", "cached"), ("fit", "cached")]


def test_what_a_dead_worker_left_running_is_closed_when_its_run_is_taken_over(world):
    request = world.request()
    die = world.runner.executor = Dying(world.runner.executor)
    graph = world.runner.plan(request)
    die.armed = True
    with pytest.raises(MemoryError):
        world.runner.execute(request, graph, {"customers": world.dataset})
    die.armed = False
    world.runner.execute(request, graph, {"customers": world.dataset})
    assert world.tasks(request) == [("clean", "failed"), ("clean", "finished"), ("fit", "finished")]


class Dying:
    """An executor whose worker dies at the next task, if it is armed."""

    def __init__(self, executor):
        self.executor, self.armed = executor, False

    def run(self, *args, **more):
        if self.armed:
            raise MemoryError
        return self.executor.run(*args, **more)


def test_every_token_of_a_task_is_taken_back_and_everything_is_audited(world):
    world.go(world.request())
    with world.store.read() as db:
        assert db.execute(select(tokens_table.c.hash).where(tokens_table.c.revoked_wall_ms.is_(None))).all() == []
        actions = set(db.execute(select(audit_records.c.action)).scalars())
        kinds = db.execute(select(events.c.type).where(events.c.type.like("task.%")).order_by(events.c.seq)).scalars().all()
        entries = db.execute(select(cache_entries.c.step)).scalars().all()
    assert "task.record" in actions
    assert kinds == ["task.started", "task.finished"] * 2
    assert sorted(entries) == ["flow:clean", "flow:fit"]
