"""Attacks: each way to get an unapproved or refused version in front of users is refused, audited, and moves no request.

The names of these tests are the rows of docs/reference/attacks.md. In the home of this file version 1 is champion, version 2 failed its
gates, version 3 was refused by a person, version 4 passed its gates and waits for an approval.
"""

import hashlib
import json
import shutil

import httpx2
import pytest

from regie.base.blobs import BlobStore
from regie.runtime.manifest import unpack
from tests.support.platform import Platform, midnight, until
from tests.support.siege import FAILED, FILES, GOOD, NAME, PENDING, REFUSED, WIRE, applied_by, besieged, document


@pytest.fixture(scope="module")
def siege(platform):
    found = besieged(platform)
    yield found
    found.world.close()


@pytest.fixture(autouse=True)
def nothing_moved(siege):
    """Whatever was tried: users are answered by version 1, by the route of before."""
    world = siege.world
    before = world.client.status()
    yield
    after = world.client.status()
    row = int(world.data.of_day(world.day)[0])
    assert (world.ask(row, midnight(world.day)), world.versions[row]) == (200, GOOD), world.failures
    assert before["champion"]["version"] == after["champion"]["version"] == GOOD
    assert before["route"]["variants"] == after["route"]["variants"]


def test_the_scene_is_set(siege):
    states = {number: one["qualification"]["state"] for number, one in siege.versions().items()}
    assert states == {GOOD: "passed", FAILED: "failed", REFUSED: "passed", PENDING: "passed"}
    assert [siege.approval(number)["state"] for number in states] == ["", "", "refused", "pending"]


# --- the wire ---


@pytest.mark.parametrize("alias", ["champion", "Champion", "CHAMPION", "_champion", "champion-"])
def test_setting_the_alias_champion(siege, alias):
    assert siege.wire("POST", "/registered-models/alias", name=NAME, alias=alias, version=str(FAILED)).status_code == 403
    siege.audited("champion.set", f"{NAME}@{alias}")


@pytest.mark.parametrize(
    "alias", ["\u0441hampion", "champi\u03bfn", "\uff43\uff48\uff41\uff4d\uff50\uff49\uff4f\uff4e", "champ\u0131on"]
)
def test_setting_an_alias_that_looks_like_champion(siege, alias):
    assert siege.wire("POST", "/registered-models/alias", name=NAME, alias=alias, version=str(FAILED)).status_code == 403
    siege.audited("model.change", f"{NAME}@{alias}")


def test_naming_a_challenger_by_alias(siege):
    assert siege.wire("POST", "/registered-models/alias", name=NAME, alias="challenger", version=str(REFUSED)).status_code == 403
    siege.audited("model.change", f"{NAME}@challenger")


def test_deleting_the_alias_champion(siege):
    said = {"name": NAME, "alias": "champion"}
    assert siege.wire("DELETE", "/registered-models/alias", **said, who="sci").status_code == 403
    siege.audited("champion.set", f"{NAME}@champion", "sci")


def test_setting_the_alias_from_the_root_of_the_wire(siege):
    said = {"name": NAME, "alias": "champion", "version": str(FAILED)}
    assert siege.call("POST", WIRE + "/registered-models/alias", said, workspace="").status_code == 403
    siege.audited("champion.set", f"{NAME}@champion")


@pytest.mark.parametrize("key", ["regie.role", "regie.approved", "regie.champion"])
def test_tags_that_look_like_a_role_or_an_approval(siege, key):
    said = {"name": NAME, "version": str(PENDING), "key": key, "value": "champion"}
    assert siege.wire("POST", "/model-versions/set-tag", **said).status_code == 400
    siege.audited("version.change", key)


def test_free_tags_and_descriptions_that_say_champion_are_only_words(siege):
    for key in ("champion", "role", "mlflow.role", "approved_by"):
        assert (
            siege.wire("POST", "/model-versions/set-tag", name=NAME, version=str(PENDING), key=key, value="val").status_code
            == 200
        )
    assert (
        siege.wire("PATCH", "/model-versions/update", name=NAME, version=str(PENDING), description="champion").status_code == 200
    )
    assert siege.approval(PENDING)["state"] == "pending"


def test_renaming_the_served_model_away(siege):
    assert siege.wire("POST", "/registered-models/rename", name=NAME, new_name="former").status_code == 403
    siege.audited("model.change", "cannot be renamed")


def test_renaming_another_model_into_its_name(siege):
    assert siege.wire("POST", "/registered-models/create", name="double").status_code == 200
    said = {"name": "double", "source": f"models:/{NAME}/{FAILED}"}
    assert siege.wire("POST", "/model-versions/create", **said).json()["model_version"]["version"] == "1"
    assert siege.wire("POST", "/registered-models/rename", name="double", new_name=NAME).status_code == 403
    siege.audited("model.change", "cannot be replaced")


def test_deleting_the_model_to_make_it_anew(siege):
    assert siege.wire("DELETE", "/registered-models/delete", name=NAME).status_code == 403
    siege.audited("model.change", "cannot be deleted")


@pytest.mark.parametrize("number", [GOOD, FAILED, REFUSED, PENDING])
def test_deleting_a_version_to_use_its_number_again(siege, number):
    assert siege.wire("DELETE", "/model-versions/delete", name=NAME, version=str(number)).status_code == 403
    siege.audited("version.change", f"{NAME}@{number}")


def test_a_deleted_versions_number_is_never_given_again(siege):
    made = [siege.wire("POST", "/model-versions/create", name="double", source=f"models:/{NAME}/{GOOD}") for _ in range(2)]
    last = made[-1].json()["model_version"]["version"]
    assert siege.wire("DELETE", "/model-versions/delete", name="double", version=last).status_code == 200
    again = siege.wire("POST", "/model-versions/create", name="double", source=f"models:/{NAME}/{GOOD}").json()
    assert int(again["model_version"]["version"]) == int(last) + 1


@pytest.mark.parametrize("stage", ["Production", "production", "Staging"])
def test_moving_a_version_into_the_stage_production(siege, stage):
    assert siege.wire("POST", "/model-versions/transition-stage", name=NAME, version=str(FAILED), stage=stage).status_code == 403
    siege.audited("model.change", "cannot be staged")


def test_a_copy_of_a_version_that_failed_its_gates(siege):
    made = siege.wire("POST", "/model-versions/create", name=NAME, source=f"models:/{NAME}/{FAILED}", who="sci")
    number = int(made.json()["model_version"]["version"])
    siege.world.settle()
    copy = siege.versions()[number]
    # It waits for rows that it cannot have seen; the last test looks at it again, days later.
    assert (copy["package"], copy["qualification"]["state"], copy["rollouts"]) == (siege.package(FAILED), "waiting", [])


def test_a_copy_of_a_version_that_a_person_refused(siege):
    for number, name in enumerate((NAME, "double")):
        made = siege.wire("POST", "/model-versions/create", name=name, source=f"models:/{NAME}/{REFUSED}", who="sci")
        assert made.status_code == 403, number
        siege.audited("model.register", f"{name} ", "sci")


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc", "/etc/passwd", "https://evil.example/model", f"models:/{NAME}/{GOOD}/../{FAILED}",
        "mlflow-artifacts:/packages/" + "0" * 64, "mlflow-artifacts:/runs/..%252f..%252fregie.db", "runs:/none/model",
        f"models:/{NAME}@nobody",
    ],
)  # fmt: skip
def test_a_version_from_files_of_somewhere_else(siege, source):
    assert siege.wire("POST", "/model-versions/create", name=NAME, source=source).status_code in (400, 404)
    siege.audited("model.register", "/model-versions/create")


def test_a_version_whose_files_are_in_a_bucket_elsewhere(siege):
    assert siege.wire("POST", "/model-versions/create", name=NAME, source="s3://evil/model").status_code == 400
    siege.audited("model.register", "s3://evil/model")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_writing_into_the_files_of_a_registered_version(siege, method):
    path = f"{FILES}/packages/{siege.package(GOOD).removeprefix('sha256:')}/MLmodel"
    assert siege.call(method, path, b"evil" if method == "PUT" else None).status_code == 403
    siege.audited("package.change", siege.package(GOOD).removeprefix("sha256:"))


def test_writing_over_the_artifacts_of_the_run_behind_a_version(siege):
    one = siege.versions()[PENDING]
    assert siege.call("PUT", f"{FILES}/runs/{one['run_id']}/model/MLmodel", b"evil").status_code == 200
    assert siege.package(PENDING) == one["package"]
    manifest = siege.call("GET", f"/api/v1/packages/{one['package']}").json()
    evil = "sha256:" + hashlib.sha256(b"evil").hexdigest()
    assert evil not in {file["digest"] for file in manifest.values()}


def test_other_content_under_the_digest_of_a_package(siege):
    for digest in (siege.package(GOOD), "sha256:" + "e" * 64):
        assert siege.call("PUT", f"/api/v1/blobs/{digest}", b"evil").status_code == 422
        siege.audited("blob.put", digest)
    assert b"evil" not in siege.world.client.blobs.get(siege.package(GOOD))


# --- tokens ---

DEEDS = {
    "alias": ("POST", f"{WIRE}/registered-models/alias", {"name": NAME, "alias": "champion", "version": "4"}),
    "approval": ("POST", f"/api/v1/approvals/{NAME}@4/grant", {"reason": "please"}),
    "rollback": ("POST", f"/api/v1/models/{NAME}/rollback", {"reason": "please"}),
    "abort": ("POST", "/api/v1/rollouts/" + "0" * 32 + "/abort", {"reason": "please"}),
    "resume": ("POST", "/api/v1/rollouts/" + "0" * 32 + "/resume", {"reason": "please"}),
    "apply": ("PUT", "/api/v1/spec", {"document": {}, "root": "/", "code_digest": "sha256:" + "0" * 64}),
    "clock": ("POST", "/api/v1/clock/advance", {"to": 1 << 50}),
    "actors": ("POST", "/api/v1/actors", {"name": "me", "roles": ["owner"]}),
    "register": ("POST", f"{WIRE}/model-versions/create", {"name": NAME, "source": f"models:/{NAME}/{FAILED}"}),
    "labels": ("POST", "/api/v1/labels", {"labels": [{"key": "r1", "time_ms": 1, "value": True}]}),
    "package": ("PUT", f"{FILES}/packages/" + "0" * 64 + "/MLmodel", {}),
    "report": ("POST", "/api/v1/nodes/other/sync", {"nonce": "x", "address": "y", "generations": {NAME: 99}}),
}
RIGHTS = {"sci": {"register", "labels"}, "val": {"approval"}}
ACTIONS = {  # who may change models, or measure runs, is refused one door further in
    "alias": {"model.change", "champion.set"}, "approval": {"approval.grant"}, "rollback": {"model.rollback"},
    "abort": {"rollout.abort"}, "resume": {"rollout.resume"}, "apply": {"spec.apply"}, "clock": {"clock.advance"},
    "actors": {"actor.add"}, "register": {"model.register"}, "labels": {"label.state"}, "package": {"run.measure", "package.change"},
    "report": {"node.sync"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("who", "name"), [("vic", "vic"), ("sci", "sci"), ("val", "val"), ("task", "task:thief"), ("node", "node:mine")]
)
def test_a_deed_with_a_token_that_has_no_right_to_it(siege, who, name):
    for deed, (method, path, body) in DEEDS.items():
        if deed not in RIGHTS.get(who, ()):
            answer = siege.call(method, path, body, who)
            assert answer.status_code == 403, (deed, answer.text)
            query = "SELECT action FROM audit_records WHERE result = 'refused' AND actor = ?"
            assert ACTIONS[deed] & {one["action"] for one in siege.world.platform.rows(query, name)}, deed


@pytest.mark.parametrize(("who", "status", "name"), [("gone", 401, "gone"), ("late", 401, "late"), ("nonsense", 401, "nobody"),
                                                     ("far", 403, "far")])  # fmt: skip
def test_a_token_that_is_revoked_expired_made_up_or_for_another_workspace(siege, who, status, name):
    if who == "late":
        until(lambda: siege.call("GET", "/api/v1/status", who="late").status_code == 401, "its second has passed", 20)
    answer = siege.call("POST", f"/api/v1/approvals/{NAME}@{PENDING}/grant", {"reason": "x"}, who)
    assert answer.status_code == status
    siege.audited("approval.grant", "token", name)


def test_a_task_that_writes_into_another_run(siege):
    other = next(one["run_id"] for one in siege.world.client.runs.list()[1:])
    assert siege.call("PUT", f"{FILES}/runs/{other}/model/MLmodel", b"evil", "task").status_code == 403
    siege.audited("run.measure", other, "task:thief")


# --- approvals ---


def grant(siege, number, who="val", **more):
    return siege.call("POST", f"/api/v1/approvals/{NAME}@{number}/grant", {"reason": "x", **more}, who)


@pytest.mark.parametrize(("who", "why"), [("eve", "started its run"), ("dual", "applied the code"), ("", "local ")])
def test_an_approval_by_an_author_under_whatever_role(siege, who, why):
    answer = grant(siege, PENDING, who)
    assert answer.status_code == 403
    siege.audited("approval.grant", f"{NAME}@{PENDING}", who or "local")
    assert siege.approval(PENDING)["state"] == "pending"
    assert why in answer.text


@pytest.mark.parametrize(("number", "status", "why"), [(GOOD, 409, "rollout"), (FAILED, 409, "did not pass the gates"),
                                                       (REFUSED, 409, "was refused by val"), (99, 404, "no version 99")])  # fmt: skip
def test_an_approval_of_a_version_that_is_not_asked_about(siege, number, status, why):
    answer = grant(siege, number)
    assert (answer.status_code, why in answer.text) == (status, True), answer.text
    siege.audited("approval.grant", f"{NAME}@{number}", "val")


def test_an_approval_of_one_version_used_for_the_next(siege):
    answer = grant(siege, PENDING, approval=siege.approval(REFUSED)["id"])
    assert (answer.status_code, "is asked for anew" in answer.text) == (409, True)
    siege.audited("approval.grant", "is asked for anew", "val")


def test_an_approval_of_what_was_asked_before_the_file_was_edited(siege):
    asked = siege.approval(PENDING)["id"]
    applied_by(siege, "dual", gates="log_loss <= champion + 0.5")
    siege.world.settle()
    now = siege.approval(PENDING)
    assert (now["state"], now["id"] != asked) == ("pending", True)
    assert grant(siege, PENDING, approval=asked).status_code == 409
    assert siege.approval(PENDING)["state"] == "pending"


@pytest.mark.parametrize(
    "promises", [{"approve": ""}, {"approve": "", "gates": "log_loss <= champion + 99"}, {"rollout": "full"}]
)
def test_a_file_that_drops_the_approval_or_the_gates_while_a_version_waits(siege, promises):
    applied_by(siege, "dual", **promises)
    siege.world.settle()
    assert siege.approval(PENDING)["state"] == "pending"
    assert siege.versions()[PENDING]["rollouts"] == []
    applied_by(siege, "dual")


def test_a_file_that_serves_another_model_under_the_endpoint(siege):
    edited = document(siege)
    edited["model"]["name"] = "double"
    code = siege.world.client.spec()["code_digest"]
    answer = siege.call("PUT", "/api/v1/spec", {"document": edited, "root": "/", "code_digest": code}, "eve")
    assert answer.status_code == 409, answer.text
    siege.audited("spec.apply", "answers with model", "eve")


def test_a_file_of_another_workspace_that_takes_the_endpoint(siege):
    edited = document(siege, approve="")
    edited["workspace"] = "thief"
    edited["serve"]["endpoint"] = NAME
    code = siege.world.client.spec()["code_digest"]
    answer = siege.call("PUT", "/api/v1/spec", {"document": edited, "root": "/", "code_digest": code}, workspace="thief")
    assert answer.status_code == 409, answer.text
    siege.audited("spec.apply", "belongs to workspace")


# --- the process's other doors ---


@pytest.mark.parametrize(("deed", "status"), [({"reason": "x"}, 409), ({"reason": "x", "version": FAILED, "to": FAILED}, 409)])
def test_a_rollback_to_a_version_that_never_was_champion(siege, deed, status):
    answer = siege.call("POST", f"/api/v1/models/{NAME}/rollback", deed, "eve")
    assert (answer.status_code, "no former champion" in answer.text) == (status, True)
    siege.audited("model.rollback", "no former champion", "eve")


def test_a_rollback_that_names_a_version(siege):
    assert siege.call("POST", f"/api/v1/models/{NAME}@{FAILED}/rollback", {"reason": "x"}).status_code == 422
    siege.audited("model.rollback", "names a version")


def test_going_on_with_a_rollout_that_has_ended(siege):
    rollout = siege.versions()[GOOD]["rollouts"][0]["id"]
    siege.call("POST", f"/api/v1/rollouts/{rollout}/abort", {"reason": "x"}, "vic")
    answer = siege.call("POST", "/api/v1/rollouts/" + "0" * 32 + "/resume", {"reason": "x"}, "eve")
    assert answer.status_code == 404
    siege.audited("rollout.resume", "0" * 32, "eve")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/rollouts", {"version": FAILED}),
        ("PUT", "/api/v1/rollouts/x", {"state": "running"}),
        ("POST", "/api/v1/events", {"type": "gates.passed", "subject": f"{NAME}@2"}),
        ("POST", "/api/v1/jobs", {"kind": "gates.judge", "args": {"version": FAILED}}),
        ("POST", "/api/v1/gates/evidence", {"version": FAILED, "verdict": "passed"}),
        ("PUT", f"/api/v1/models/{NAME}", {"champion": FAILED}),
        ("PUT", f"/api/v1/models/{NAME}/champion", {"version": FAILED}),
        ("POST", "/api/v1/routes", {"endpoint": NAME}),
    ],
)  # fmt: skip
def test_a_door_that_is_not_there(siege, method, path, body):
    assert siege.call(method, path, body).status_code in (404, 405)
    siege.audited("door.open", f"{method} {path}")


def test_another_method_in_a_header(siege):
    path = f"/api/v1/approvals/{NAME}@{PENDING}/grant"
    assert siege.call("GET", path, **{"X-HTTP-Method-Override": "POST"}, who="val").status_code == 405
    siege.audited("door.open", path, "val")
    assert siege.approval(PENDING)["state"] == "pending"


@pytest.mark.parametrize("header", [("host", "evil.example"), ("origin", "https://evil.example"), ("origin", "null")])
def test_a_web_page_of_somewhere_else(siege, header):
    path = f"/api/v1/models/{NAME}/rollback"
    assert siege.call("POST", path, {"reason": "x"}, **dict([header])).status_code == 403
    siege.audited("door.open", "is not this machine", "nobody")


@pytest.mark.parametrize("prefix", ["/w/elsewhere%2f..%2fattacked", "/w/elsewhere%252f..%252fattacked", "/w/..%2fw%2fattacked",
                                    "/w/attacked%00", "//w/attacked", "/w/ATTACKED"])  # fmt: skip
def test_a_path_that_means_another_workspace_than_it_says(siege, prefix):
    answer = siege.call("POST", f"{prefix}/api/v1/approvals/{NAME}@{PENDING}/grant", {"reason": "x"}, "far", workspace="")
    assert answer.status_code in (403, 404), answer.text
    found = siege.refusals("door.open") + siege.refusals("approval.grant")
    assert any(one["actor"] in ("far", "nobody") for one in found)


@pytest.mark.parametrize(
    "name", ["attacked' OR '1'='1", "attacked'; DROP TABLE champions; --", "..%2f..%2fregie.db", "%00", "a" * 600]
)
def test_statements_and_paths_in_names(siege, name):
    assert siege.call("POST", f"/api/v1/models/{name}/rollback", {"reason": "x"}).status_code in (404, 422)
    assert siege.call("POST", f"/api/v1/approvals/{name}@4/grant", {"reason": "x"}, "val").status_code in (404, 422)
    assert siege.wire("POST", "/registered-models/alias", name=name, alias="champion", version="1").status_code in (400, 404)
    assert siege.refusals("model.rollback") or siege.refusals("door.open")


def test_a_label_for_a_prediction_id_that_was_made_up(siege):
    row = int(siege.world.data.of_day(siege.world.day)[0])
    siege.world.ask(row, midnight(siege.world.day))
    real = siege.world.ids[row]
    forged = real[:-1] + ("0" if real[-1] != "0" else "1")
    said = {"labels": [{"prediction_id": forged, "value": True, "stated_ms": midnight(siege.world.day)}]}
    assert siege.call("POST", "/api/v1/labels", said, "sci").status_code == 404
    siege.audited("label.state", "/api/v1/labels", "sci")


def test_a_clock_that_is_set_back(siege):
    assert siege.call("POST", "/api/v1/clock/advance", {"to": midnight(0)}, "eve").status_code == 422
    siege.audited("clock.advance", "never goes back", "eve")


def test_a_clock_that_is_moved_where_it_is_the_walls(siege, tmp_path):
    platform = Platform(tmp_path)
    words = platform.processes["server"].words
    del words[words.index("--replay-from") :]
    try:
        platform.begin("server")
        with platform.http("wall") as http:
            client = platform.client("wall")
            code = client.blobs.put(b"no code")
            edited = document(siege, approve="") | {"workspace": "wall"}
            assert http.put("/api/v1/spec", json={"document": edited, "root": "/", "code_digest": code}).status_code == 200
            assert http.post("/api/v1/clock/advance", json={"to": 1 << 50}).status_code == 409
            refused = [one for one in client.audit.records() if one["result"] == "refused"]
            assert [one["action"] for one in refused] == ["clock.advance"]
            client.close()
    finally:
        platform.stop()


# --- files of the node ---


@pytest.fixture
def serve(siege):
    return siege.world.platform.home / "serve"


@pytest.fixture
def world(siege):
    return siege.world


@pytest.fixture
def answers_as_before(world):
    """Version 1 answers with its own figures, before and after; champion and route stay."""
    before, route = answer(world), world.client.status()["route"]
    yield
    until(lambda: answer(world) == before, "version 1 answers again")
    after = world.client.status()
    assert (after["champion"]["version"], after["route"]["variants"]) == (GOOD, route["variants"])
    assert world.client.audit.verify()["verified"] is True


def answer(world):
    """What users get for one row; the status alone where there is no answer."""
    record = {"id": "r1", "time": midnight(world.day), "a": 1.0, "b": -0.5}
    try:
        got = world.asks.post(f"/endpoints/{NAME}/invocations", json={"dataframe_records": [record]})
    except httpx2.TransportError:
        return 0
    return (got.json()["version"], got.json()["predictions"]) if got.status_code == 200 else got.status_code


def package(world, number):
    return next(one["package"] for one in world.client.models.show(NAME)["versions"] if one["version"] == number)


def unpacked(world, digest, folder):
    blobs = BlobStore(world.platform.home / "blobs")
    unpack(json.loads(blobs.get(digest)), blobs.path, folder)
    return folder


def restarted(world):
    world.platform.kill("serve")
    world.platform.begin("serve")


def refusals(world, action):
    return [one["target"] for one in world.client.audit.records() if (one["result"], one["action"]) == ("refused", action)]


def forged(world, serve):
    """A route file that names the refused version, whose package lies ready under its digest."""
    digest = package(world, FAILED)
    path = f"packages/{digest.replace(':', '-')}"
    if not (serve / path).exists():
        unpacked(world, digest, serve / path)
    data = json.loads((serve / "routes.json").read_text())
    data["endpoints"][NAME]["generation"] = 99
    data["endpoints"][NAME]["variants"] = [
        {"version": FAILED, "package": digest, "path": path, "role": "champion", "mode": "live", "share": 1.0}
    ]
    return data


def test_a_forged_route_file_while_the_control_plane_is_dead(world, serve, answers_as_before):
    """Nothing answers by it, not even for the moment until the control plane speaks."""
    data = forged(world, serve)
    world.platform.kill("server")
    world.platform.kill("serve")
    (serve / "routes.json").write_text(json.dumps(data))
    world.platform.begin("serve")
    assert answer(world) == 503
    assert json.loads((serve / "routes.json.broken").read_text()) == data
    assert "somebody else wrote or edited it" in world.platform.log("serve")
    world.platform.begin("server")
    until(lambda: any("seal" in one for one in refusals(world, "route.change")), "the refusal is audited")


def test_a_forged_route_file_while_the_node_runs(world, serve, answers_as_before):
    (serve / "routes.json").write_text(json.dumps(forged(world, serve)))
    assert answer(world)[0] == str(GOOD)
    # The next start refuses it: the test after this one.


def test_an_edited_package_in_the_nodes_cache(world, serve, answers_as_before):
    folder = serve / "packages" / package(world, GOOD).replace(":", "-")
    shutil.rmtree(folder)
    unpacked(world, package(world, FAILED), folder)
    assert answer(world)[0] == str(GOOD)  # it was read when it was opened
    restarted(world)
    said = f"{folder.name}: somebody changed it"
    until(lambda: any(said in one for one in refusals(world, "package.change")), "the refusal is audited")
    assert "somebody changed it" in world.platform.log("serve")


def test_an_edited_blob_behind_a_package(world, serve, answers_as_before):
    """The node fetches what its control plane has, and refuses what is not what its digest says: better no answer than that one."""
    blobs = BlobStore(world.platform.home / "blobs")
    manifest = json.loads(blobs.get(package(world, GOOD)))
    evil = json.loads(blobs.get(package(world, FAILED)))
    name = next(name for name, file in manifest.items() if file != evil[name] and name.endswith(".pkl"))
    target = blobs.path(manifest[name]["digest"])
    kept = target.read_bytes()
    target.write_bytes(blobs.get(evil[name]["digest"]))
    try:
        shutil.rmtree(serve / "packages" / package(world, GOOD).replace(":", "-"))
        restarted(world)
        until(lambda: any("has not the digest" in one for one in refusals(world, "package.change")), "the refusal is audited")
        assert answer(world) == 503
    finally:
        target.write_bytes(kept)


def test_a_key_of_the_seal_that_others_could_read(world, serve, answers_as_before):
    before = json.loads((serve / "node.json").read_text())
    (serve / "node.json").chmod(0o644)
    restarted(world)
    after = json.loads((serve / "node.json").read_text())
    assert (after["id"], after["key"] != before["key"]) == (before["id"], True)
    assert (serve / "node.json").stat().st_mode & 0o077 == 0
    assert "could be read by others" in world.platform.log("serve")


# --- the only way that leads anywhere ---


def test_going_back_and_then_forward_again(siege):
    """Version 4 goes the only way there is; a rollback takes it out, and neither a second one nor its rollout brings anything forward."""
    world = siege.world
    before = world.client.status()["route"]["variants"]
    asked = siege.approval(PENDING)["id"]
    assert grant(siege, PENDING, approval=asked).status_code == 200
    world.settle()
    assert world.champion() == PENDING
    assert grant(siege, PENDING, approval=asked).status_code == 409
    assert siege.call("POST", f"/api/v1/models/{NAME}/rollback", {"reason": "complaints"}, "eve").status_code == 200
    world.settle()
    assert (world.champion(), world.client.status()["route"]["variants"]) == (GOOD, before)
    assert siege.call("POST", f"/api/v1/models/{NAME}/rollback", {"reason": "again"}, "eve").status_code == 409
    siege.audited("model.rollback", "no former champion", "eve")
    (rollout,) = siege.versions()[PENDING]["rollouts"]
    for verb in ("resume", "pause", "abort"):
        assert siege.call("POST", f"/api/v1/rollouts/{rollout['id']}/{verb}", {"reason": "x"}, "eve").status_code == 409
        siege.audited(f"rollout.{verb}", rollout["id"], "eve")
    assert grant(siege, PENDING, approval=asked).status_code == 409
    world.day += 1  # the copies of version 2 have rows now that they cannot have seen
    world.settle()
    copies = [one for one in siege.versions().values() if one["package"] == siege.package(FAILED)]
    assert len(copies) > 1
    assert all(one["qualification"]["state"] in ("failed", "waiting") and one["rollouts"] == [] for one in copies)
