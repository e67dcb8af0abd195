"""`regie gc` as a person types it, against a server that is killed while it works and while files are sent."""

import json
import os
import sqlite3
import subprocess
import sys
import threading

import httpx2
import pytest

from tests.support.platform import Platform

FILES = "/api/2.0/mlflow-artifacts/artifacts"
CONTENTS = [f"content {number}".encode() * 100 for number in range(5)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    made = Platform(tmp_path_factory.mktemp("gc"))
    try:
        made.begin("server")
        yield made
    finally:
        made.stop()


def regie(platform, *words, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "regie", *words, "--server", platform.address], env=platform.environ, capture_output=True, timeout=60,
        check=False, cwd=platform.folder,
    )  # fmt: skip
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def said(http, path, **body):
    answer = http.post(f"/api/2.0/mlflow/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def run(http, experiment, contents):
    run_id = said(http, "runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    said(http, "runs/log-metric", run_id=run_id, key="auc", value=0.5, timestamp=1)
    for number, content in enumerate(contents):
        assert http.put(f"{FILES}/runs/{run_id}/{number}.txt", content=content).status_code == 200
    return run_id


def age(platform):
    """As if a month had passed: nothing else makes a window end."""
    database = sqlite3.connect(platform.home / "regie.db", timeout=30)
    with database:
        database.execute("UPDATE runs SET deleted_wall_ms = 1 WHERE lifecycle = 'deleted'")
        database.execute("UPDATE experiments SET updated_wall_ms = 1 WHERE lifecycle = 'deleted'")
    database.close()
    for path in (platform.home / "blobs").glob("[0-9a-f][0-9a-f]/*"):
        os.utime(path, (1, 1))


def blobs(platform):
    return len([*(platform.home / "blobs").glob("[0-9a-f][0-9a-f]/*")])


def test_a_person_sees_what_would_go_then_removes_it_and_the_name_is_free(platform):
    with platform.http() as http:
        experiment = said(http, "experiments/create", name="mine")["experiment_id"]
        run(http, experiment, CONTENTS)
        said(http, "experiments/delete", experiment_id=experiment)
        assert http.post("/api/2.0/mlflow/experiments/create", json={"name": "mine"}).status_code == 400
        assert json.loads(regie(platform, "gc", "--dry-run", "--json")[0])["removed"]["runs"] == 0  # it can still be restored
        age(platform)
        out, said_too = regie(platform, "gc", "--older-than", "7d", "--dry-run")
        assert "blobs          5" in out
        assert "would remove" in said_too
        assert blobs(platform) == 5
        out, said_too = regie(platform, "gc", "--older-than", "7d", "--reason", "room")
        assert [line.split() for line in out.splitlines()][:2] == [["experiments", "1"], ["runs", "1"]]
        assert "does not come back" in said_too
        assert blobs(platform) == 0
        assert said(http, "experiments/create", name="mine")["experiment_id"] != experiment
    regie(platform, "gc", "--runs", "nobody", code=5)
    regie(platform, "gc", "--older-than", "soon", code=2)


def test_a_server_that_is_killed_while_it_collects_loses_nothing_and_leaves_no_orphan(platform):
    """Files with the contents of removed runs are sent meanwhile: those that were acknowledged are there in the end."""
    told: list[tuple[str, bytes]] = []
    stop = threading.Event()
    with platform.http() as http:
        experiment = said(http, "experiments/create", name=f"kept {os.urandom(4).hex()}")["experiment_id"]
        kept = run(http, experiment, CONTENTS[:1])
        gone = [run(http, experiment, CONTENTS) for _ in range(30)]
        for one in gone:
            said(http, "runs/delete", run_id=one)
    age(platform)

    def send():
        number = 0
        with platform.http() as http:
            while not stop.is_set():
                path, content = f"{FILES}/runs/{kept}/sent/{number}.txt", CONTENTS[number % 5]
                try:
                    if http.put(path, content=content).status_code == 200:
                        told.append((path, content))
                        number += 1
                except httpx2.TransportError:
                    continue

    sender = threading.Thread(target=send)
    sender.start()
    collecting = subprocess.Popen(
        [sys.executable, "-m", "regie", "gc", "--server", platform.address], env=platform.environ, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    before = len(told)
    while len(told) < before + 10 and collecting.poll() is None:
        stop.wait(0.01)
    platform.kill("server")
    collecting.wait(60)
    platform.begin("server")
    regie(platform, "gc")
    stop.set()
    sender.join()
    with platform.http() as http:
        assert len(told) > 10
        for path, content in told:
            assert http.get(path).content == content
    names = ("metrics", "latest_metrics", "params", "run_tags", "run_inputs", "run_models")
    for name in names:
        assert platform.rows(f"SELECT run FROM {name} WHERE run NOT IN (SELECT key FROM runs)") == []
    assert platform.rows("SELECT root FROM artifacts WHERE root NOT IN (SELECT 'runs/' || id FROM runs)") == []
    assert {row["id"] for row in platform.rows("SELECT id FROM runs")}.isdisjoint(gone)
    environ = platform.environ | {"REGIE_HOME": str(platform.home)}
    subprocess.run(
        [sys.executable, "-m", "regie", "doctor", "--invariants"], env=environ, check=True, stdout=subprocess.DEVNULL, timeout=60
    )
