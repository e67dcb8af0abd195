"""With an approval that is somebody else's, of another version, or of before; with a file that promises less."""

import pytest

from tests.support.siege import FAILED, GOOD, NAME, PENDING, REFUSED, applied_by, document


@pytest.mark.parametrize(("who", "why"), [("eve", "started its run"), ("dual", "applied the code"), ("", "local ")])
def test_an_approval_by_an_author_under_whatever_role(siege, who, why):
    answer = siege.grant(PENDING, who)
    assert answer.status_code == 403
    siege.audited("approval.grant", f"{NAME}@{PENDING}", who or "local")
    assert siege.approval(PENDING)["state"] == "pending"
    assert why in answer.text


@pytest.mark.parametrize(("number", "status", "why"), [(GOOD, 409, "rollout"), (FAILED, 409, "did not pass the gates"),
                                                       (REFUSED, 409, "was refused by val"), (99, 404, "no version 99")])  # fmt: skip
def test_an_approval_of_a_version_that_is_not_asked_about(siege, number, status, why):
    answer = siege.grant(number)
    assert (answer.status_code, why in answer.text) == (status, True), answer.text
    siege.audited("approval.grant", f"{NAME}@{number}", "val")


def test_an_approval_of_one_version_used_for_the_next(siege):
    answer = siege.grant(PENDING, approval=siege.approval(REFUSED)["id"])
    assert (answer.status_code, "is asked for anew" in answer.text) == (409, True)
    siege.audited("approval.grant", "is asked for anew", "val")


def test_an_approval_of_what_was_asked_before_the_file_was_edited(siege):
    asked = siege.approval(PENDING)["id"]
    applied_by(siege, "dual", gates="log_loss <= champion + 0.5")
    siege.world.settle()
    now = siege.approval(PENDING)
    assert (now["state"], now["id"] != asked) == ("pending", True)
    assert siege.grant(PENDING, approval=asked).status_code == 409
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
