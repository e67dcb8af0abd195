"""Reactions, as a table: every trigger meets every disturbance."""

import itertools

import pytest

from regie.loop.react import RULES, Decision, Observed, decide

TRIGGERS = {
    "a breach": {"triggered": "log_loss: 0.6 [0.55, 0.65] against 0.5", "breach": "b1"},
    "an old champion": {"triggered": "the champion is 57 days old, at most 8w"},
    "a time that has come": {"triggered": "due since 2026-01-05T06:00:00Z"},
}
DISTURBANCES = {
    "nothing": ({}, "fire"),
    "a run of the pipeline": ({"in_flight": "run1"}, "retraining.in_flight"),
    "a challenger before the gates": ({"at_gates": "churn@3"}, "challenger.at_the_gates"),
    "a rollout": ({"rollout": "churn@3 in canary"}, "rollout.under_way"),
    "fired as often as promised": ({"fired": 1, "at_most": 1}, "at_most.reached"),
    "fired more often than promised now": ({"fired": 3, "at_most": 1}, "at_most.reached"),
    "fired less often than promised": ({"fired": 1, "at_most": 2}, "fire"),
    "fired often, without a promise": ({"fired": 40}, "fire"),
    "all of it": ({"in_flight": "r", "at_gates": "v", "rollout": "x", "fired": 1, "at_most": 1}, "retraining.in_flight"),
}


@pytest.mark.parametrize(("trigger", "disturbance"), list(itertools.product(TRIGGERS, DISTURBANCES)))
def test_every_trigger_meets_every_disturbance(trigger, disturbance):
    more, because = DISTURBANCES[disturbance]
    assert decide(Observed(**TRIGGERS[trigger], **more)) == Decision(because == "fire", because)


@pytest.mark.parametrize("disturbance", DISTURBANCES)
def test_without_a_trigger_nothing_is_ever_started(disturbance):
    seen = Observed(**DISTURBANCES[disturbance][0], known="next at 2026-01-05T06:00:00Z")
    assert decide(seen) == Decision(False, "nothing.to_react_to")


def test_every_rule_can_decide_and_only_the_last_one_fires():
    reached = {decide(Observed(triggered="x", **more)).because for more, _ in DISTURBANCES.values()} | {
        decide(Observed()).because
    }
    assert reached == {because for because, _, _ in RULES}
    assert [fire for _, _, fire in RULES] == [False] * (len(RULES) - 1) + [True]
