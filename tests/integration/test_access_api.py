"""Every route and command asks who it is: no role, a role that only reads, a token that has ended; on one real server."""

import json
import re

import httpx2
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from regie.app.home import open_home
from regie.app.policy import PUBLIC, ROUTES
from regie.cli.root import run
from regie.client.http import Client, RemoteError
from regie.store.access import ROLES
from regie.store.tokens import issue
from tests.support.platform import served, until

GUARDED = sorted((method, path, action) for (method, path), action in ROUTES.items() if action != PUBLIC)
# The second spelling of each route of the wire has the same entry; it is knocked at once.
SPELLED_ONCE = [one for one in GUARDED if not one[1].startswith("/ajax-api")]
OPEN = sorted((method, path) for (method, path), action in ROUTES.items() if action == PUBLIC)
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with served(tmp_path_factory.mktemp("platform"), "doors") as world:
        yield world


@pytest.fixture(scope="module")
def tokens(world):
    """By name; `ended` had a role until its time was over, `gone` until somebody revoked it."""
    add = world.client.actors.add
    made = {
        "nothing": add("nothing")["token"],
        "viewer": add("viewer", ["viewer"])["token"],
        "scientist": add("scientist", ["scientist"])["token"],
        "owner": add("owner", ["owner"])["token"],
        "ended": add("ended", ["owner"], expires_s=1)["token"],
        "gone": add("gone", ["owner"])["token"],
    }
    world.client.actors.revoke("gone", "left")
    with http(world, made["ended"]) as ended:
        until(lambda: ended.get("/api/v1/info").status_code == 401, "the token has ended")
    return made


def http(world, token, workspace="doors"):
    return world.platform.http(workspace, token)


def client(world, token, workspace="doors"):
    return Client(world.platform.address, workspace, token)


def address(path: str) -> str:
    """A path with nonsense in its places."""
    return re.sub(r"\{[a-z_:]+\}", "nonsense", path)


def knocked(world, token, method, path, workspace="doors"):
    """What a route answers to a body that is no JSON, which it would refuse if it read it."""
    with http(world, token, workspace) as door:
        return door.request(method, address(path), content=b"{no json", headers=JSON)


def knocks(world, token, routes=SPELLED_ONCE):
    """The status of every guarded route, over one connection."""
    with http(world, token) as door:
        return {
            (method, path): door.request(method, address(path), content=b"{no json", headers=JSON).status_code
            for method, path, _ in routes
        }


def refusals(world, actor):
    return [one for one in world.client.audit.records() if one["result"] == "refused" and one["actor"] == actor]


# --- every route ---


def test_who_has_no_role_is_refused_by_every_route_before_anything_is_read(world, tokens):
    answers = knocks(world, tokens["nothing"], GUARDED)
    assert {route: status for route, status in answers.items() if status != 403} == {}
    audited = {(one["action"], one["target"]) for one in refusals(world, "nothing")}
    assert audited == {(action, f"{method} {address(path)}") for method, path, action in GUARDED}


def test_a_viewer_reads_through_every_route_that_reads_and_is_refused_by_the_others(world, tokens):
    answers = knocks(world, tokens["viewer"])
    reads = {(method, path) for method, path, action in SPELLED_ONCE if action.endswith(".read") or action in ROLES["viewer"]}
    assert {route: status for route, status in answers.items() if route not in reads and status != 403} == {}
    assert {route: status for route, status in answers.items() if route in reads and status in (401, 403, 500)} == {}
    assert refusals(world, "viewer")
    assert not [one for one in refusals(world, "viewer") if one["action"].endswith(".read")]


@pytest.mark.parametrize("name", ["ended", "gone"])
def test_a_token_that_has_ended_opens_no_route(world, tokens, name):
    answers = knocks(world, tokens[name])
    assert {route: status for route, status in answers.items() if status != 401} == {}
    assert {one["rule"] for one in refusals(world, name)} == {f"the token is {'expired' if name == 'ended' else 'revoked'}"}


def test_what_is_public_asks_nobody(world, tokens):
    assert {("GET", "/health"), ("GET", "/version")} <= set(OPEN)
    for method, path in OPEN:
        # Whether such a file is there, or what was sent can be read, is another matter; no control room may have been built.
        assert knocked(world, tokens["gone"], method, path).status_code in (200, 404, 422, 503)
    assert knocked(world, tokens["gone"], "GET", "/health").text == "OK"  # as MLflow's server says it


def test_the_laptops_user_needs_no_token_and_may_everything_that_a_role_may(world):
    assert not {401, 403, 500} & set(knocks(world, "").values())


def test_refusals_and_failures_speak_the_language_of_their_route(world, tokens):
    own = knocked(world, tokens["nothing"], "POST", "/api/v1/pipelines/train/runs").json()
    assert (own["code"], set(own)) == ("not_allowed", {"code", "what", "where", "do"})
    assert "nothing has no role here" in own["what"]
    wire = knocked(world, tokens["nothing"], "POST", "/api/2.0/mlflow/runs/create").json()
    assert wire["error_code"] == "PERMISSION_DENIED"
    assert knocked(world, tokens["ended"], "POST", "/api/2.0/mlflow/runs/create").json()["error_code"] == "UNAUTHENTICATED"
    assert knocked(world, tokens["ended"], "GET", "/api/v1/info").json()["code"] == "access.bad_token"


# --- workspaces ---


def test_a_token_for_another_workspace_is_403_and_says_which_one_it_is_for(world, tokens):
    for workspace in ("churn", ""):
        answer = knocked(world, tokens["owner"], "GET", "/api/v1/info", workspace)
        assert answer.status_code == 403
        assert f"the token is for workspace doors, this is {workspace or 'personal'}" in answer.json()["what"]
        assert ".../w/doors" in answer.json()["do"]


def test_who_has_roles_in_one_workspace_sees_neither_the_others_nor_their_audit_records(world, tokens):
    with world.platform.client("secret") as elsewhere:
        elsewhere.actors.add("far", ["viewer"])
    with client(world, tokens["viewer"]) as viewer:
        assert [one["name"] for one in viewer.workspaces()] == ["doors"]
        assert {one["workspace"] for one in viewer.audit.records()} == {"doors"}
        names = {one["name"] for one in viewer.actors.list()}
    assert "owner" in names
    assert "far" not in names
    assert "secret" in {one["workspace"] for one in world.client.audit.records()}


def test_an_owner_of_one_workspace_gives_rights_there_and_nowhere_else(world, tokens):
    with client(world, tokens["owner"]) as owner:
        made = owner.actors.add("mine", ["engineer"], expires_s=3600)
        assert made["workspace"] == "doors"
        with pytest.raises(RemoteError) as wide:
            owner.actors.add("wide", ["owner"], everywhere=True)
        assert (wide.value.status, wide.value.exit_code) == (403, 4)
        with pytest.raises(RemoteError) as own:
            owner.actors.add("owner", ["owner"], everywhere=True)
        assert own.value.status == 403
        owner.actors.revoke("mine", "enough")
    assert "wide" not in {one["name"] for one in world.client.actors.list()}
    with client(world, made["token"]) as mine, pytest.raises(RemoteError) as revoked:
        mine.status()
    assert (revoked.value.status, revoked.value.exit_code) == (401, 4)


def test_an_owner_of_one_workspace_makes_no_token_in_the_name_of_who_belongs_to_all(world, tokens):
    chief = world.client.actors.add("chief", ["validator", "owner"], everywhere=True)
    with client(world, tokens["owner"]) as owner:
        for deed in (
            lambda: owner.actors.add("chief", ["viewer"]),
            lambda: owner.actors.create_token("chief"),
            lambda: owner.actors.revoke_tokens("chief", "mine now"),
            lambda: owner.actors.revoke("chief", "mine now"),
        ):
            with pytest.raises(RemoteError, match="takes an owner of every workspace") as refused:
                deed()
            assert refused.value.status == 403
    for workspace in ("doors", "churn"):
        with client(world, chief["token"], workspace) as found:
            assert found.actors.create_token("chief", everywhere=True)["token"]
            assert found.clock.show()["mode"]


def test_what_is_denied_is_refused_whatever_the_role(world):
    made = world.client.actors.add("careful", ["owner"], deny=["pipeline.run", "validator"])
    with client(world, made["token"]) as careful:
        assert careful.pipelines.list()
        with pytest.raises(RemoteError, match=r"denied to careful: pipeline\.run") as refused:
            careful.pipelines.run("train")
        assert refused.value.exit_code == 4


# --- bad input ---


@pytest.mark.parametrize(("name", "roles", "deny", "status"), [
    ("local", ["viewer"], [], 422), ("task:1", ["viewer"], [], 422), ("A", ["viewer"], [], 422), ("bea", ["chief"], [], 422),
    ("bea", [], ["fly.away"], 422), ("gone", ["viewer"], [], 409),
])  # fmt: skip
def test_bad_input_is_said_and_adds_nobody(world, tokens, name, roles, deny, status):
    with pytest.raises(RemoteError) as wrong:
        world.client.actors.add(name, roles, deny=deny)
    assert wrong.value.status == status
    assert wrong.value.what
    assert "bea" not in {one["name"] for one in world.client.actors.list()}


@pytest.mark.parametrize("expires_s", [0, -1, 1 << 62])
def test_a_token_ends_at_a_time_that_exists(world, expires_s):
    with pytest.raises(RemoteError) as wrong:
        world.client.actors.add("bea", ["viewer"], expires_s=expires_s)
    assert wrong.value.status == 422


def test_who_is_not_there_or_gone_cannot_be_revoked(world, tokens):
    for name, status in (("nobody-here", 404), ("gone", 409)):
        with pytest.raises(RemoteError) as wrong:
            world.client.actors.revoke(name, "why")
        assert wrong.value.status == status


def test_knocking_with_made_up_tokens_is_audited_as_nobodys_and_counted(world):
    before = len(refusals(world, "nobody"))
    for number in range(20):
        with http(world, f"made-up-{number}") as door:
            assert door.get(f"/api/v1/jobs/{number}").status_code == 401
    after = refusals(world, "nobody")
    assert 1 <= len(after) - before <= 2  # two, where a minute began meanwhile
    assert after[-1]["rule"] == "the token is unknown"


@pytest.mark.parametrize("header", ["Basic dTpw", "Token x", "Bearer", "Bearer a b"])
def test_what_is_no_token_is_401_and_never_the_laptops_user(world, header):
    answer = httpx2.get(f"{world.platform.address}/w/doors/api/v1/info", headers={"authorization": header}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (401, "access.bad_token")


# --- mlflow and the command line ---


def test_mlflows_client_works_by_the_same_token(world, tokens, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    uri = f"{world.platform.address}/w/doors"
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tokens["viewer"])
    assert MlflowClient(uri, uri).search_registered_models() == []
    with pytest.raises(MlflowException, match=r"no role of viewer may run\.create"):
        MlflowClient(uri, uri).create_run("0")
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        MlflowClient(uri, uri).get_experiment("0")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tokens["scientist"])
    run_id = MlflowClient(uri, uri).create_run("0").info.run_id
    MlflowClient(uri, uri).log_metric(run_id, "m", 1.0)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tokens["viewer"])
    assert MlflowClient(uri, uri).get_run(run_id).data.metrics == {"m": 1.0}
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", tokens["ended"])
    with pytest.raises(MlflowException, match="the token is expired"):
        MlflowClient(uri, uri).get_run(run_id)


@pytest.fixture
def regie(world, monkeypatch, capsys, tmp_path):
    """Runs a command; returns its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name, value in (("SERVER", world.platform.address), ("WORKSPACE", "doors"), ("TOKEN", "")):
        monkeypatch.setenv(f"REGIE_{name}", value)

    def call(*words, token=""):
        monkeypatch.setenv("REGIE_TOKEN", token)
        code = run(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_a_person_is_added_used_listed_and_revoked_on_the_command_line(world, regie):
    code, token, said = regie("actor", "add", "val", "--role", "validator", "--expires", "90d", "--reason", "joins")
    assert code == 0
    assert re.fullmatch(r"[\w-]{40,}\n", token)
    assert "REGIE_TOKEN" in said
    assert "regie actor revoke val" in said
    assert token.strip() not in said
    assert regie("job", "list", token=token.strip())[0] == 0
    refused = regie("rollout", "pause", "any", "--reason", "mine", token=token.strip())
    assert refused[0] == 4
    assert "no role of val may" in refused[2]
    code, listed, _ = regie("actor", "list")
    assert "validator (doors)" in next(line for line in listed.splitlines() if line.startswith("val "))
    assert token.strip() not in regie("actor", "list", "--json")[1]
    assert regie("actor", "revoke", "val")[0] == 2
    assert regie("actor", "revoke", "val", "--reason", "leaves")[0] == 0
    assert regie("job", "list", token=token.strip())[0] == 4
    added = next(one for one in world.client.audit.records() if one["action"] == "actor.add" and one["target"] == "val")
    assert (added["reason"], added["actor"]) == ("joins", "local")


def test_a_persons_tokens_are_made_and_all_taken_back_on_the_command_line(world, regie):
    first = regie("actor", "add", "dia", "--role", "viewer")[1].strip()
    code, out, said = regie("token", "create", "dia", "--expires", "8h", "--reason", "for the night")
    second = out.strip()
    assert (code, second != first, second in said) == (0, True, False)
    assert "regie token revoke dia" in said
    assert "no role" not in said
    assert [regie("job", "list", token=one)[0] for one in (first, second)] == [0, 0]
    assert regie("token", "create", "dia", token=second)[0] == 4  # a viewer makes no tokens
    assert json.loads(regie("token", "create", "dia", "--json")[1])["name"] == "dia"
    assert "would revoke 3 tokens of dia" in regie("token", "revoke", "dia", "--dry-run")[2]
    assert regie("token", "revoke", "dia")[0] == 2
    code, out, said = regie("token", "revoke", "dia", "--reason", "lost a laptop")
    assert (code, out) == (0, "3\n")
    assert "regie token create dia" in said
    assert [regie("job", "list", token=one)[0] for one in (first, second)] == [4, 4]
    again = regie("token", "create", "dia")[1].strip()
    assert regie("job", "list", token=again)[0] == 0
    done = [
        (one["action"], one["reason"])
        for one in world.client.audit.records()
        if one["target"] == "dia" and one["actor"] == "local"
    ]
    assert done[1:4:2] == [("token.create", "for the night"), ("token.revoke", "lost a laptop")]
    for words in (
        ("create", "nobody-here"),
        ("create", "nobody-here", "--dry-run"),
        ("revoke", "nobody-here", "--reason", "why"),
    ):
        assert regie("token", *words)[:2] == (5, "")
    assert "dia has no role in elsewhere" in regie("token", "create", "dia", "--workspace", "elsewhere")[2]


def test_a_dry_run_adds_and_revokes_nobody(world, regie, tokens):
    before = world.client.actors.list()
    code, out, said = regie("actor", "add", "dry", "--role", "viewer", "--dry-run")
    assert (code, out) == (0, "")
    assert "would add dry" in said
    assert "would give viewer" in regie("actor", "add", "viewer", "--role", "engineer", "--dry-run")[2]
    assert "would revoke viewer" in regie("actor", "revoke", "viewer", "--dry-run")[2]
    assert regie("actor", "revoke", "nobody-here", "--dry-run")[0] == 5
    assert world.client.actors.list() == before


@pytest.mark.parametrize(("words", "code"), [
    (["add", "bea"], 2), (["add", "bea", "--role", "chief"], 2), (["add", "bea", "--role", "viewer", "--expires", "soon"], 2),
    (["add", "local", "--role", "viewer"], 2), (["revoke", "nobody-here", "--reason", "why"], 5),
])  # fmt: skip
def test_a_wrong_command_ends_with_its_code_and_a_sentence(regie, words, code):
    found = regie("actor", *words)
    assert (found[0], found[1]) == (code, "")
    assert found[2]


def test_json_holds_the_token_and_what_it_opens(regie):
    made = json.loads(regie("actor", "add", "jay", "--role", "viewer", "--everywhere", "--json")[1])
    assert (made["workspace"], made["roles"]) == ("*", ["viewer"])
    assert regie("job", "list", "-w", "churn", token=made["token"])[0] == 0


# --- a task's token ---


@pytest.fixture(scope="module")
def task(world):
    """A task's token, its own run, and another run."""
    uri = f"{world.platform.address}/w/doors"
    own, other = (MlflowClient(uri, uri).create_run("0").info.run_id for _ in range(2))
    home = open_home(world.platform.home)
    with home.store.machinery() as batch:
        token = issue(batch, "task:1", "task", f"run:{own} put:*")
    home.store.database.close()
    return token, own, other


def test_a_tasks_token_opens_the_routes_that_measure_and_no_other(world, task):
    answers = knocks(world, task[0])
    opened = {action for method, path, action in SPELLED_ONCE if answers[method, path] != 403}
    reads = {"run.read", "blob.read", "experiment.read", "server.read", "trace.read"}
    assert opened <= {"run.measure", "run.change", "blob.put", "trace.log"} | reads
    assert {"run.measure", "run.change", "blob.put"} <= opened


@pytest.mark.parametrize(("method", "path", "said", "own", "other"), [
    ("POST", "runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}, 200, 403),
    ("POST", "runs/log-parameter", {"key": "p", "value": "1"}, 200, 403),
    ("POST", "runs/set-tag", {"key": "t", "value": "1"}, 200, 403),
    ("POST", "runs/update", {"status": "FINISHED"}, 200, 403),
    ("POST", "runs/delete", {}, 403, 403),
    ("POST", "runs/restore", {}, 403, 403),
    ("POST", "runs/create", {"experiment_id": "0"}, 403, 403),
    ("POST", "experiments/create", {"name": "mine"}, 403, 403),
    ("POST", "registered-models/create", {"name": "mine"}, 403, 403),
    ("POST", "model-versions/create", {"name": "doors", "source": "runs:/{run}/model"}, 403, 403),
    ("POST", "runs/search", {"experiment_ids": ["0"]}, 403, 403),
])  # fmt: skip
def test_a_task_writes_measurements_of_its_run_and_nothing_else(world, task, method, path, said, own, other):
    token, mine, theirs = task
    with http(world, token) as door:
        for run_id, status in ((mine, own), (theirs, other)):
            sent = json.loads(json.dumps(said).replace("{run}", run_id)) | {"run_id": run_id}
            answer = door.request(method, f"/api/2.0/mlflow/{path}", json=sent)
            assert answer.status_code == status, answer.text


def test_what_a_task_logs_as_a_model_belongs_to_its_run_and_it_cannot_delete_it(world, task):
    token, mine, theirs = task
    with http(world, token) as door:
        logged = "/api/2.0/mlflow/logged-models"
        made = door.post(logged, json={"experiment_id": "0", "name": "m", "source_run_id": mine})
        assert made.status_code == 200, made.text
        model_id = made.json()["model"]["info"]["model_id"]
        assert door.patch(f"{logged}/{model_id}", json={"status": "LOGGED_MODEL_READY"}).status_code == 200
        assert door.delete(f"{logged}/{model_id}").status_code == 403
        assert door.post(logged, json={"experiment_id": "0", "name": "m", "source_run_id": theirs}).status_code == 403
        assert door.post(logged, json={"experiment_id": "0", "name": "m"}).status_code == 403
        elsewhere = MlflowClient(f"{world.platform.address}/w/doors").create_experiment("not the task's")
        planted = door.post(logged, json={"experiment_id": elsewhere, "name": "m", "source_run_id": mine})
        assert planted.status_code == 403, planted.text
