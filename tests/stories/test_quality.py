"""The world changes: the loop notices, retrains once, promotes what helps, and takes back what turned out worse."""

import pytest

from tests.support.platform import made, released

FLIPS = 24


@pytest.fixture(scope="module")
def flipped(platform):
    """A concept that flips on a day, under a monitor that retrains; `quiet`: what the loop said on the evening before."""
    world = released(
        platform, "flipped", made(80, 40, (FLIPS,)), windows="last 7d", rollout="canary 30% for 1d, full, watch 2d",
        react="{when: quality.breached, do: train, at_most: 1/week}, {when: champion older than 2w, do: train}",
    )  # fmt: skip
    yield world
    world.close()


def test_the_loop_is_quiet_while_nothing_changes_and_says_why(flipped):
    while flipped.day < FLIPS:
        flipped.live()
    assert flipped.events("reaction.fired", "quality.breached") == []
    breach, age = [one for one in flipped.client.why(flipped.name)["lines"] if one["type"] == "reaction"]
    assert (breach["because"], age["because"]) == ("nothing.to_react_to", "nothing.to_react_to")
    assert breach["detail"].endswith(": promise.kept")
    assert age["detail"] == "the champion is 8 days old, at most 2w"


def test_a_breach_starts_one_retraining_and_age_a_second_one_until_the_promise_is_kept_again(flipped):
    flipped.live_until(lambda: flipped.events("quality.breached"), "a breach", 12)
    assert FLIPS < flipped.day < FLIPS + 8
    (fired,) = flipped.events("reaction.fired")
    assert fired["causationid"] == flipped.events("quality.breached")[0]["id"]
    flipped.live_until(lambda: flipped.champion() == 2, "the retrained version", 6)
    assert len(flipped.events("reaction.fired")) == 1
    chain = [line["type"] for line in flipped.client.why(f"{flipped.name}@champion")["lines"]]
    assert chain[-2:] == ["reaction.fired", "quality.breached"]
    # The first retraining still learnt from the days before: the holdout is a week. It is not worse, so it is released, and its
    # own figure on days of both kinds is what its monitor goes by; so age starts the next one, which learns from the new days.
    flipped.live_until(lambda: flipped.champion() == 3, "a version that knows the new days", 25)
    flipped.live_until(lambda: not flipped.stage(), "the end of its watch", 4)
    assert [one["subject"] for one in flipped.events("reaction.fired")] == ["quality.breached", "champion older than"]
    assert len(flipped.client.runs.list()) == 3
    flipped.live(8)
    assert flipped.champion() == 3
    assert flipped.client.status()["breaches"] == []
    newest = flipped.client.status()["signals"][0]
    assert (newest["version"], newest["verdict"]) == (3, "kept")
    assert flipped.failures == []


def test_a_new_champion_that_turns_out_worse_gives_the_crown_back(platform):
    """The concept is the old one, then another, and the old one again as soon as the version that learnt the other is champion."""
    world = released(
        platform, "rollback", made(60, 60, (9, 20)), windows="last 2d", rollout="canary 30% for 1d, full, watch 14d",
        react="{when: quality.breached, do: train}",
    )  # fmt: skip
    world.live(3)
    world.train()
    world.live_until(lambda: world.champion() == 2, "the promotion", 3)
    assert world.day == 20
    world.live_until(lambda: world.champion() == 1, "the rollback", 12)
    (aborted,) = world.events("rollout.aborted")
    assert aborted["data"]["because"] in ("watch.worse", "watch.quality_breached")
    crowned = world.events("champion.crowned")
    assert [one["subject"] for one in crowned] == ["rollback@1", "rollback@2", "rollback@1"]
    assert crowned[2]["causationid"] == aborted["id"]
    rollouts = world.client.rollouts.list()
    assert [(one["version"], one["state"]) for one in rollouts] == [(2, "aborted"), (1, "finished")]
    # The former champion is back at once; whatever the breach may have started came after that.
    fired = world.events("reaction.fired")
    assert all(int(one["sequence"]) > int(crowned[2]["sequence"]) for one in fired)
    world.live()
    assert 1 in world.answered_by(world.day - 1)
    assert 2 not in world.answered_by(world.day - 1)
    chain = [line["type"] for line in world.client.why("rollback@champion")["lines"]]
    assert chain[:2] == ["champion.crowned", "rollout.aborted"]
    crowns = [
        one
        for one in world.client.audit.records()
        if one["action"] == "rollout.step" and aborted["data"]["because"] in one["reason"]
    ]
    assert len(crowns) == 1
    assert world.client.audit.verify()["verified"] is True
    assert world.failures == []
    world.close()
