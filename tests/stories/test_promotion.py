"""The way of a version into production: first release, promotion by stages, refusal at the gates, a person's hand on a rollout.

The stories follow one another in one workspace, each from a champion without a rollout to the next such state.
"""

import json
import subprocess
import sys

import mlflow
import pytest

from tests.support.platform import released


@pytest.fixture(scope="module")
def world(platform):
    made = released(platform, "promotion")
    yield made
    made.close()


def version(world, number):
    return next(one for one in world.client.models.show(world.name)["versions"] if one["version"] == number)


def newest(world):
    return max(one["version"] for one in world.client.models.show(world.name)["versions"])


def test_the_first_version_becomes_champion_without_a_comparison_and_answers(world):
    first = version(world, 1)
    assert first["qualification"]["state"] == "passed"
    assert [one["verdict"] for one in first["evidence"]] == ["not_applicable"]
    assert [one["data"]["stage"] for one in world.events("rollout.stage_entered")][-2:] == ["full", "watch"]
    world.live()
    assert world.answered_by(world.day - 1) == {1}


def test_a_version_that_is_not_worse_goes_through_every_stage_and_becomes_champion(world):
    run = world.train()
    seen = []
    for _ in range(14):
        if not world.stage():
            break
        seen.append((world.stage(), world.champion()))
        world.live()
    assert list(dict.fromkeys(seen)) == [("shadow", 1), ("canary", 1), ("watch", 2)]
    assert world.champion() == 2
    assert world.failures == []
    lines = world.client.why(f"{world.name}@champion")["lines"]
    chain = [line["type"] for line in lines if line["type"] != "evidence"]
    assert chain == [
        "champion.crowned", "rollout.stage_entered", "rollout.stage_entered", "rollout.started", "rollout.waiting", "gates.passed",
        "model.registered", "run.finished",
    ]  # fmt: skip
    evidence = [line for line in lines if line["type"] == "evidence"]
    assert [(one["subject"], one["because"]) for one in evidence] == [("log_loss <= champion + 0.05", "passed")]
    assert "420 rows, 7 days" in evidence[0]["detail"]
    assert lines[-1]["subject"] == run["run_id"]


def test_a_canary_shares_the_requests_and_the_former_champion_shadows_in_watch(world):
    log = world.logged().to_pandas()
    challenged = log[(log.version == 2) & (log["mode"] == "live") & (log.role == "challenger")]
    assert 0.1 < len(challenged) / 60 < 0.55  # 30 % of the 60 requests of the canary's day
    watched = log[(log.version == 1) & (log.role == "former")]
    assert set(watched["mode"]) == {"shadow"}
    assert set(watched.id) <= set(log[(log.version == 2) & (log["mode"] == "live")].id)


def test_a_version_trained_on_wrong_labels_is_refused_with_evidence_and_never_sees_a_request(world):
    champion = world.champion()
    run = world.train(flip=True)
    bad = newest(world)
    assert run["state"] == "finished"
    refused = version(world, bad)
    assert (refused["qualification"]["state"], refused["rollouts"]) == ("failed", [])
    (evidence,) = refused["evidence"]
    assert (evidence["verdict"], evidence["champion"], evidence["rows"]) == ("failed", champion, 420)
    assert evidence["low"] > evidence["bound"]
    world.live()
    assert (world.champion(), world.stage()) == (champion, "")
    log = world.logged()
    assert bad not in log["version"].to_pylist()
    assert bad not in {variant["version"] for event in world.events("route.changed") for variant in event["data"]["variants"]}
    assert world.client.why(f"{world.name}@{bad}")["lines"][0]["type"] == "gates.failed"


@pytest.fixture
def client(world):
    """MLflow's own, in the workspace."""
    mlflow.set_tracking_uri(f"{world.platform.address}/w/{world.name}")
    yield mlflow.MlflowClient()
    mlflow.set_tracking_uri(None)


def test_runs_are_ordered_and_compared_by_what_the_gates_measured_though_no_step_logged_anything(world, client):
    versions = [one for one in world.client.models.show(world.name)["versions"] if one["evidence"]]
    wanted = {one["run_id"]: one["evidence"][-1]["value"] for one in versions}
    order = ["metrics.`judged.log_loss` ASC"]
    found = mlflow.search_runs(search_all_experiments=True, filter_string="metrics.`judged.log_loss` > 0", order_by=order)
    measured = dict(zip(found["run_id"], found["metrics.judged.log_loss"], strict=True))
    assert measured == wanted
    assert list(measured) == sorted(wanted, key=wanted.get)
    assert set(found["metrics.judged.rows"]) == {420.0}
    best, worst = found["run_id"].iloc[0], found["run_id"].iloc[-1]
    assert worst == version(world, newest(world))["run_id"]  # that of the wrong labels
    [point] = client.get_metric_history(best, "judged.log_loss")
    run = client.get_run(best).info
    assert (point.step, point.timestamp >= run.end_time) == (0, True)
    asked = {"runs": f"{worst},{best}"}
    shown = world.client.mapping("GET", "/api/v1/pages/compare", params=asked)["metrics"]["rows"]
    [row] = [one for one in shown if one["name"] == "judged.log_loss"]
    assert (row["direction"], row["differences"][1]["better"]) == ("lower", True)
    assert world.client.runs.show(best)["state"] == "finished"


def test_a_person_can_hold_a_rollout_let_it_go_on_and_end_it(world):
    champion = world.champion()
    world.train()
    number = newest(world)
    world.live_until(lambda: world.stage() == "canary", "the canary", 4)
    rollout = world.client.status()["rollout"]["id"]
    with world.platform.http(world.name) as http:

        def do(verb, which=rollout):
            return http.post(f"/api/v1/rollouts/{which}/{verb}", json={"reason": "a person's hand"}).status_code

        with world.platform.http("somewhere-else") as stranger:
            path = f"/api/v1/rollouts/{rollout}"
            assert [stranger.post(f"{path}/{verb}", json={"reason": "not mine"}).status_code for verb in ("pause", "abort")] == [
                404
            ] * 2
            assert stranger.get(path).status_code == 404
        assert (do("pause"), do("pause")) == (200, 409)
        world.live(3)
        assert (world.stage(), world.champion()) == ("canary", champion)
        assert [one["because"] for one in world.client.why(world.name)["lines"] if one["type"] == "rollout"] == ["paused"]
        assert (do("resume"), do("resume")) == (200, 409)
        assert (do("abort"), do("abort"), do("pause"), do("resume")) == (200, 409, 409, 409)
        assert {do(verb, "0" * 32) for verb in ("abort", "pause", "resume")} == {404}
        assert http.get("/api/v1/rollouts/" + "0" * 32).status_code == 404
        assert http.post(f"/api/v1/rollouts/{rollout}/abort", json={"reason": ""}).status_code == 422
    world.settle()
    world.live()
    assert (world.champion(), world.stage(), world.answered_by(world.day - 1)) == (champion, "", {champion})
    ended = version(world, number)["rollouts"]
    assert [(one["state"], one["because"]) for one in ended] == [("aborted", "by.hand")]
    records = [one for one in world.client.audit.records() if (one["action"], one["result"]) == ("rollout.abort", "done")]
    assert [one["reason"] for one in records] == ["a person's hand"]
    assert world.failures == []
    assert world.client.audit.verify()["verified"] is True


def test_a_person_rolls_back_in_one_command_and_the_bad_version_never_comes_back_by_itself(world):
    (bad, former) = (world.champion(), world.client.status()["champion"]["former"])
    command = [
        sys.executable,
        "-m",
        "regie",
        "model",
        "rollback",
        world.name,
        "--server",
        world.platform.address,
        "-w",
        world.name,
    ]

    def regie(*words):
        return subprocess.run([*command, *words], env=world.platform.environ, capture_output=True, text=True)

    assert regie().returncode == 2  # no reason
    planned = regie("--dry-run", "--json")
    assert (planned.returncode, json.loads(planned.stdout)["version"], world.champion()) == (0, former, bad)
    done = regie("--reason", "complaints", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    assert "1 living node(s) answer by version 1" in done.stderr
    row = int(world.data.of_day(world.day)[0])
    assert (world.ask(row), world.versions[row], world.champion()) == (200, former, former)
    world.live(2)
    assert (world.champion(), world.stage(), world.answered_by(world.day - 1), world.failures) == (former, "", {former}, [])
    said = [(one["type"], one["because"]) for one in world.client.why(f"{world.name}@champion")["lines"][:2]]
    assert said == [("champion.crowned", ""), ("model.rolled_back", "by.hand")]
    again = regie("--reason", "again")
    assert (again.returncode, "has no former champion" in again.stderr) == (1, True)
    assert world.client.audit.verify()["verified"] is True
