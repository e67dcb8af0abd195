"""The watch on a real database: a window that cannot be judged says so, and stops nothing."""

from regie.base.clock import DAY_MS, HOUR_MS
from regie.data import labels
from regie.gates import changes as gates
from regie.gates import queries as judged
from regie.loop import watch
from regie.monitoring import queries
from regie.registry import crown
from regie.store.types import NOBODY_CAUSE
from tests.support.place import NOW, record


def crowned(place, figure=None):
    """A champion; `figure`: its own log loss on the holdout that it was judged on."""
    number = place.register()
    if figure is not None:
        with place.under("qualify", "gate.judge") as tx:
            gates.open(tx, "loop", number, NOBODY_CAUSE, tx.now_ms)
        with place.store.read() as db:
            seen = judged.qualification(db, "loop", "loop", number)
        result = {"gate": "log_loss <= champion + 0.05", "verdict": "not_applicable", "value": figure}
        with place.under("qualify", "gate.judge") as tx:
            gates.conclude(tx, seen, "passed", "x", [result], champion=None, holdout={}, next_ms=0, cause=NOBODY_CAUSE)
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


def test_labels_that_cannot_belong_to_the_task_give_no_verdict_and_the_next_window_is_judged(place):
    crowned(place, 0.7)
    served(place, 9, lambda number: number % 3)
    place.pass_days(9)
    assert watch.turn(place.scene)
    assert not watch.turn(place.scene)
    (signal,) = signals(place)
    assert (signal["verdict"], signal["because"]) == ("none", "coverage.too_low") or signal["because"].startswith(
        "labels.impossible"
    )
    place.pass_days(1)
    assert watch.turn(place.scene)
    assert len(signals(place)) == 2


def test_without_a_reference_a_relative_promise_says_nothing(place):
    crowned(place)
    served(place, 9, lambda number: True)
    place.pass_days(9)
    assert watch.turn(place.scene)
    assert [(one["verdict"], one["because"]) for one in signals(place)] == [("none", "reference.unknown")]


def test_the_first_champion_is_held_to_its_own_figure_on_the_holdout(place):
    """It was compared with nobody, yet its promise is relative: what it answers (0.5) costs a log loss of 0.693."""
    crowned(place, 0.6)
    served(place, 9, lambda number: number % 2 == 0)
    place.pass_days(9)
    assert watch.turn(place.scene)
    (signal,) = signals(place)
    assert (signal["verdict"], round(signal["value"], 3), round(signal["bound"], 3)) == ("broken", 0.693, 0.66)
    with place.store.read() as db:
        assert [one.because[:5] for one in queries.breaches_of(db, "loop", "quality", "open")] == ["0.693"]


def test_a_window_is_judged_once(place):
    crowned(place)
    served(place, 9, lambda number: True)
    place.pass_days(9)
    assert watch.turn(place.scene)
    place.pass_days(0.5)
    assert not watch.turn(place.scene)
