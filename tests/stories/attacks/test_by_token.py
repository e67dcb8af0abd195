"""With a token that has no right to a deed, is good no more, or is for another workspace."""

import pytest

from tests.support.platform import until
from tests.support.siege import FAILED, FILES, NAME, PENDING, WIRE

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
