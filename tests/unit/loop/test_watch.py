"""The watch on a real database: a window that cannot be judged says so, and stops nothing."""

from regie.base.clock import DAY_MS, HOUR_MS
from regie.data import labels
from regie.loop import watch
from regie.monitoring import queries
from regie.registry import crown
from regie.store.types import NOBODY_CAUSE
from tests.support.place import NOW, record


def crowned(place):
    number = place.register()
    with place.under("release", "rollout.step") as tx:
        crown.crown(tx, "loop", "prod", "loop", number, "r" * 32, NOBODY_CAUSE)


def served(place, days, value):
    """Answers hour by hour, each with its label a day later."""
    rows = range(days * 24)
    place.log([record(number, NOW + number * HOUR_MS, 1) for number in rows])
    stated = [
        {"prediction_id": f"{number:048x}", "value": value(number), "stated_ms": NOW + number * HOUR_MS + DAY_MS}
        for number in rows
    ]
    labels.state(place.store, "loop", stated)


def signals(place):
    with place.store.read() as db:
        return queries.signals_of(db, "loop")


def test_labels_that_cannot_belong_to_the_task_are_recorded_as_no_verdict_and_the_next_window_is_judged(place):
    crowned(place)
    served(place, 9, lambda number: number % 3)
    place.pass_days(9)
    assert watch.turn(place.scene)
    assert not watch.turn(place.scene)
    (signal,) = signals(place)
    assert signal["verdict"] == "none"
    assert signal["because"].startswith("labels.impossible: a binary label has two values")
    place.pass_days(1)
    assert watch.turn(place.scene)
    assert len(signals(place)) == 2


def test_without_a_reference_a_relative_promise_says_nothing(place):
    crowned(place)
    served(place, 9, lambda number: True)
    place.pass_days(9)
    assert watch.turn(place.scene)
    assert [(one["verdict"], one["because"]) for one in signals(place)] == [("none", "reference.unknown")]


def test_a_window_is_judged_once(place):
    crowned(place)
    served(place, 9, lambda number: True)
    place.pass_days(9)
    assert watch.turn(place.scene)
    place.pass_days(0.5)
    assert not watch.turn(place.scene)
