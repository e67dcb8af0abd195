"""`kill -9` of each process at its worst moment: nothing is lost, nothing is done twice.

Leases are two seconds here, so that taking over does not take long.
"""

import http.client
import json
import threading
from contextlib import closing

import pytest

from tests.support.platform import midnight, released, until


@pytest.fixture(scope="module")
def world(platform):
    made = released(platform, "crash")
    yield made
    made.close()


def test_a_worker_killed_in_the_middle_of_a_training_is_taken_over_and_its_result_counts_once(world):
    before = len(world.client.models.show(world.name)["versions"])
    run_id = world.client.pipelines.run("train", {"sleep": 1.5})["run_id"]
    running = until(
        lambda: [one for one in world.client.runs.show(run_id)["tasks"] if one["state"] == "running"], "the step runs"
    )
    world.platform.kill("worker")
    job_id = world.client.runs.show(run_id)["job_id"]
    assert world.client.jobs.show(job_id)["state"] == "running"  # nobody knows yet
    world.platform.begin("worker")
    world.settle()
    run, job = world.client.runs.show(run_id), world.client.jobs.show(job_id)
    assert (run["state"], job["state"], job["attempts"], job["fence"]) == ("finished", "done", 2, 2)
    assert [(one["id"] == running[0]["id"], one["attempt"], one["state"]) for one in run["tasks"]] == [
        (True, 1, "failed"), (False, 2, "finished"),
    ]  # fmt: skip
    versions = world.client.models.show(world.name)["versions"]
    assert len(versions) == before + 1
    assert [one["run_id"] for one in versions].count(run_id) == 1
    assert len([one for one in world.events("run.finished") if one["subject"] == run_id]) == 1


def test_a_run_that_is_taken_over_on_a_later_day_goes_on_with_the_rows_that_it_began_with(world):
    run_id = world.client.pipelines.run("train", {"sleep": 1.2})["run_id"]
    until(lambda: [one for one in world.client.runs.show(run_id)["tasks"] if one["state"] == "running"], "the step runs")
    begun, today = world.client.runs.show(run_id), world.day
    world.platform.kill("worker")
    world.day += 1
    later = threading.Thread(target=world.settle)
    later.start()
    until(lambda: world.client.clock.show()["now_ms"] == midnight(world.day), "the clock moved")
    world.platform.begin("worker")
    later.join()
    run = world.client.runs.show(run_id)
    assert (run["state"], run["snapshots"], run["started_ms"]) == ("finished", begun["snapshots"], midnight(today))
    version = next(one for one in world.client.models.show(world.name)["versions"] if one["run_id"] == run_id)
    assert version["seen_until_ms"] < midnight(today)


def test_a_server_killed_during_a_canary_goes_on_where_it_was_and_answers_never_stopped(world):
    world.live_until(lambda: world.stage() == "canary", "the canary", 4)
    rollout = world.client.status()["rollout"]
    today = [int(row) for row in world.data.of_day(world.day)]
    for row in today[:20]:
        world.ask(row)
    world.platform.kill("server")
    for row in today[20:40]:
        world.ask(row)  # the data plane needs nobody
    world.platform.begin("server")
    for row in today[40:]:
        world.ask(row)
    assert world.failures == []
    world.state(world.day - 1)
    world.day += 1
    world.settle()
    now = world.client.status()["rollout"]
    assert now["id"] == rollout["id"]
    assert now["stage"] == "watch"
    assert world.champion() == rollout["version"]
    logged = world.logged().to_pandas()
    live = logged[logged["mode"] == "live"]
    assert set(world.ids.values()) <= set(live.id)
    assert live.id.is_unique
    entered = [one["data"]["stage"] for one in world.events("rollout.stage_entered") if one["subject"] == rollout["id"]]
    assert entered == ["canary", "full", "watch"]
    assert world.client.audit.verify()["verified"] is True


def test_a_serve_killed_while_requests_flow_has_logged_everything_that_it_answered(world):
    known = set(world.ids.values())
    rows = [int(row) for day in (world.day, world.day + 1, world.day + 2) for row in world.data.of_day(day)]
    at_ms = int(world.data.time_ms[rows[0]])
    started = threading.Event()

    def flow():
        for count, row in enumerate(rows):
            if world.ask(row, at_ms) == 0:
                return
            if count == 30:
                started.set()

    client = threading.Thread(target=flow)
    client.start()
    assert started.wait(20)
    world.platform.kill("serve")
    client.join(30)
    assert len(world.failures) == 1  # the request that was under way, and no other
    answered = set(world.ids.values()) - known
    assert len(answered) >= 30
    world.failures.clear()
    world.platform.begin("serve")
    world.day += 1
    world.settle()
    live = world.logged().to_pandas().query("mode == 'live'")
    assert answered <= set(live.id)
    assert live.id.is_unique
    assert world.ask(rows[-1], at_ms + 1) == 200


def test_a_serve_that_dies_in_a_stage_comes_back_to_the_wanted_route(world):
    wanted = world.client.status()["route"]["wanted"]
    world.platform.kill("serve")
    world.platform.begin("serve")
    until(lambda: wanted in world.client.status()["route"]["serving"].values(), "the node has taken the route up again")
    world.live()
    assert world.failures == []
    assert world.answered_by(world.day - 1) == {world.champion()}


def test_a_run_again_that_is_asked_for_right_before_the_kill_is_done_once_or_not_at_all(world):
    runs = world.client.runs
    former = [one["run_id"] for one in runs.list()]
    origin = next(one["run_id"] for one in runs.list(state="finished") if not one["params"])
    tasks = runs.show(origin)["tasks"]
    path, body = f"/w/{world.name}/api/v1/runs/{origin}/again", json.dumps({"from_tasks": [tasks[-1]["name"]]})
    answered = runs.again(origin, [tasks[-1]["name"]])["run_id"]
    with closing(http.client.HTTPConnection("127.0.0.1", world.platform.port, timeout=30)) as connection:
        connection.request("POST", path, body, {"content-type": "application/json"})  # nobody waits for its answer
        world.platform.kill("server")
    world.platform.begin("server")
    world.settle()
    made = [one for one in runs.list() if one["run_id"] not in former]
    assert [one["run_id"] for one in made].count(answered) == 1
    assert len(made) in (1, 2), made
    for one in made:
        job = world.client.jobs.show(one["job_id"])
        assert (one["state"], job["state"], job["attempts"]) == ("finished", "done", 1), one
        again = runs.show(one["run_id"])["tasks"]
        assert [(task["name"], task["attempt"]) for task in again] == [(task["name"], 1) for task in tasks]
        assert again[-1]["state"] == "finished"  # anew, though the cache has it
    queued = world.platform.rows("SELECT id FROM jobs WHERE kind = 'train'")
    assert len(queued) == len(runs.list()), "a job without its run, or a run without its job"
    assert world.client.audit.verify()["verified"] is True
