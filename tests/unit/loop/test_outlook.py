"""Whether it is safe to go on, and when it goes on at the earliest: every rule of a rollout, as a table."""

import pytest

from regie.base.clock import DAY_MS, HOUR_MS
from regie.loop.outlook import outlook
from regie.rollout.types import Observed, Rollout, RolloutSpec, Stage

START = 20_000 * DAY_MS
SPEC = RolloutSpec(
    (Stage("shadow", DAY_MS, 1.0, 20, 7 * DAY_MS), Stage("canary", DAY_MS, 0.1, 20, 7 * DAY_MS), Stage("full"), Stage("watch", 14 * DAY_MS)),
    ("errors > 1%",),
)  # fmt: skip
SHADOW, CANARY, FULL, WATCH = range(4)


def rollout(state="running", **more):
    return Rollout(
        id="r", workspace="loop", endpoint="loop", environment="prod", model="loop", version=2, incumbent=1, state=state,
        stage=more.pop("stage", SHADOW), entered_ms=START, generation=1, paused=False, spec=SPEC, cause="", created_ms=START, **more,
    )  # fmt: skip


def told(after_ms, unsaid=False, stage=CANARY, **seen):
    observed = Observed(**{"stage": stage, "entered_ms": START, "requests": 100, **seen})
    return outlook(rollout(stage=stage), observed, unsaid, DAY_MS, START + after_ms)


HALF = 12 * HOUR_MS
TABLE = {
    "in time": (told(HALF), "stage.running", "yes", DAY_MS, 7 * DAY_MS, "full"),
    "a guard has not seen enough": (told(HALF, unsaid=True), "stage.running", "unknown", DAY_MS, 7 * DAY_MS, "full"),
    "too few requests, at their rate": (told(2 * DAY_MS, requests=10), "stage.too_thin", "unknown", 4 * DAY_MS, 7 * DAY_MS, "full"),
    "too few requests early on": (told(HALF, requests=5), "stage.running", "yes", 2 * DAY_MS, 7 * DAY_MS, "full"),
    "no request at all": (told(HALF, requests=0), "stage.running", "yes", None, 7 * DAY_MS, "full"),
    "its patience is over": (told(8 * DAY_MS, requests=10), "stage.inconclusive", "unknown", 16 * DAY_MS, 7 * DAY_MS, "full"),
    "done": (told(2 * DAY_MS), "stage.done", "yes", 2 * DAY_MS, 7 * DAY_MS, "full"),
    "paused": (told(HALF, paused=True), "paused", "yes", None, 7 * DAY_MS, "full"),
    "a broken guard": (told(HALF, broken=("errors > 1%",)), "guard.broken", "no", HALF, 7 * DAY_MS, "full"),
    "a node behind": (told(HALF, nodes_behind=("n1",)), "nodes.behind", "unknown", None, 7 * DAY_MS, "full"),
    "a watch whose labels come a day late": (told(HALF, True, WATCH), "stage.running", "unknown", 7 * DAY_MS, 14 * DAY_MS, ""),
    "a watch after its first week": (told(9 * DAY_MS, True, WATCH), "stage.running", "unknown", 9 * DAY_MS, 14 * DAY_MS, ""),
    "a watch that is worse": (told(9 * DAY_MS, stage=WATCH, watch="worse"), "watch.worse", "no", 9 * DAY_MS, 14 * DAY_MS, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_every_rule_says_whether_it_is_safe_and_when_it_goes_on(name):
    found, because, safe, earliest, latest, after = TABLE[name]
    since = None if found.earliest_ms is None else found.earliest_ms - START
    assert (found.because, found.safe, since, found.latest_ms - START, found.next) == (because, safe, earliest, latest, after)


def test_what_is_missing_to_the_minimum_sample_is_told():
    assert told(HALF, requests=13).missing == 7


@pytest.mark.parametrize(("state", "because", "safe"), [("waiting", "waiting", "unknown"), ("aborted", "guard.broken", "over")])
def test_a_rollout_that_does_not_run_has_nothing_to_wait_for(state, because, safe):
    seen = outlook(rollout(state, because="guard.broken"), Observed(0, None), False, DAY_MS, START)
    assert (seen.because, seen.safe, seen.earliest_ms, seen.latest_ms) == (because, safe, None, None)
