"""Did the world change, or the model: one answer for each thing that monitors can say together."""

import itertools

import pytest

from regie.loop.moved import Answer, Seen, doing, moved, side

SIDES = ("broken", "kept", "unsaid", "unpromised")


@pytest.mark.parametrize(
    ("quality", "drift", "said"),
    [
        ("broken", "broken", "both"), ("broken", "kept", "model"), ("broken", "unsaid", "unknown"), ("broken", "unpromised", "unknown"),
        ("kept", "broken", "world"), ("unsaid", "broken", "world"), ("unpromised", "broken", "world"), ("kept", "kept", "neither"),
        ("kept", "unsaid", "neither"), ("unpromised", "kept", "neither"), ("unsaid", "unsaid", "unknown"),
        ("unpromised", "unpromised", "unknown"),
    ],
)  # fmt: skip
def test_quality_and_drift_together_say_what_moved(quality, drift, said):
    assert moved(Seen(True, quality, drift))[0] == said


def test_without_a_champion_nothing_moved_whatever_is_said():
    for quality, drift in itertools.product(SIDES, SIDES):
        assert moved(Seen(False, quality, drift))[0] == "unknown"


def test_blame_is_never_laid_on_the_model_while_nobody_looks_at_its_inputs():
    for drift in ("unsaid", "unpromised"):
        assert moved(Seen(True, "broken", drift))[0] != "model"


def test_a_monitor_that_says_nothing_yet_is_not_a_promise_kept():
    assert side(True, False, []) == "unsaid"
    assert side(True, False, ["kept", "none"]) == "unsaid"
    assert side(True, False, ["kept", "kept"]) == "kept"
    assert side(True, True, ["kept"]) == "broken"
    assert side(False, False, []) == "unpromised"


def test_what_the_loop_does_about_a_breach():
    assert doing(Answer(False)) == "reaction.none"
    assert doing(Answer(True, "r", "running", "retraining.in_flight")) == "run.live"
    assert doing(Answer(True, "r", "finished", "at_most.reached")) == "reaction.waits"
    assert doing(Answer(True, "r", "finished", "fire")) == "run.ended"
    assert doing(Answer(True, waits="fire")) == "reaction.fires"
