"""With a rollback, or a rollout that has ended."""

import pytest

from tests.support.siege import FAILED, GOOD, NAME


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
