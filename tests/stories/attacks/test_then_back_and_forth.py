"""The one way that there is, back again, and no second time. The last file of the folder: it moves what the others find as it was."""

from tests.support.siege import FAILED, GOOD, NAME, PENDING


def test_going_back_and_then_forward_again(siege):
    """Version 4 goes the only way there is; a rollback takes it out, and neither a second one nor its rollout brings anything forward."""
    world = siege.world
    siege.copied(FAILED)
    before = world.client.status()["route"]["variants"]
    asked = siege.approval(PENDING)["id"]
    assert siege.grant(PENDING, approval=asked).status_code == 200
    world.settle()
    assert world.champion() == PENDING
    assert siege.grant(PENDING, approval=asked).status_code == 409
    assert siege.call("POST", f"/api/v1/models/{NAME}/rollback", {"reason": "complaints"}, "eve").status_code == 200
    world.settle()
    assert (world.champion(), world.client.status()["route"]["variants"]) == (GOOD, before)
    assert siege.call("POST", f"/api/v1/models/{NAME}/rollback", {"reason": "again"}, "eve").status_code == 409
    siege.audited("model.rollback", "no former champion", "eve")
    (rollout,) = siege.versions()[PENDING]["rollouts"]
    for verb in ("resume", "pause", "abort"):
        assert siege.call("POST", f"/api/v1/rollouts/{rollout['id']}/{verb}", {"reason": "x"}, "eve").status_code == 409
        siege.audited(f"rollout.{verb}", rollout["id"], "eve")
    assert siege.grant(PENDING, approval=asked).status_code == 409
    world.day += 1  # the copies of version 2 have rows now that they cannot have seen
    world.settle()
    copies = [one for one in siege.versions().values() if one["package"] == siege.package(FAILED)]
    assert len(copies) > 1
    assert all(one["qualification"]["state"] in ("failed", "waiting") and one["rollouts"] == [] for one in copies)
