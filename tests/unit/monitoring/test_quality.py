"""A quality window is broken, kept, or says nothing; and what that does to the one breach of its monitor."""

from itertools import product

import numpy as np
import pytest

from regie.base.clock import DAY_MS
from regie.base.errors import NotThereYet
from regie.metrics.answers import ModelTask
from regie.metrics.intervals import Interval
from regie.monitoring.decide import MIN_ROWS, Observed, State, bound_of, decide, drift_verdict, verdict
from regie.monitoring.quality import quality
from regie.monitoring.types import Breach, Decision, Signal
from regie.spec.expressions import parse

LOSS = parse("log_loss <= champion_at_release * 1.1 over 7d")
AUC = parse("auc >= champion_at_release - 0.02 over 30d")
FIXED = parse("error_rate <= 20% over 7d")


def seen(value=0.5, low=None, high=None, *, promise=LOSS, closed=True, rows=700, coverage=0.99, reference=0.5, width=0.02):
    low, high = (value - width if low is None else low), (value + width if high is None else high)
    return Observed(promise, closed, Interval(value, low, high, rows, 7), coverage, reference)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (seen(0.50),                                    ("kept", "promise.kept")),
        (seen(0.54),                                    ("kept", "promise.kept")),
        (seen(0.56),                                    ("none", "interval.undecided")),
        (seen(0.60),                                    ("broken", "promise.broken")),
        (seen(0.60, closed=False),                      ("none", "window.open")),
        (seen(0.60, reference=None),                    ("none", "reference.unknown")),
        (seen(0.60, rows=MIN_ROWS - 1),                 ("none", "rows.too_few")),
        (seen(0.60, rows=MIN_ROWS),                     ("broken", "promise.broken")),
        (seen(0.60, coverage=0.79),                     ("none", "coverage.too_low")),
        (seen(0.60, coverage=0.80),                     ("broken", "promise.broken")),
        (seen(0.80, promise=AUC, reference=0.80),       ("kept", "promise.kept")),
        (seen(0.75, promise=AUC, reference=0.80),       ("broken", "promise.broken")),
        (seen(0.77, promise=AUC, reference=0.80),       ("none", "interval.undecided")),
        (seen(0.10, promise=FIXED, reference=None),     ("kept", "promise.kept")),
        (seen(0.30, promise=FIXED, reference=None),     ("broken", "promise.broken")),
    ],
)  # fmt: skip
def test_a_window_breaks_its_promise_only_if_all_of_its_interval_does(window, said):
    assert verdict(window) == said


def test_six_days_say_nothing():
    thin = Observed(LOSS, True, Interval(0.9, None, None, 5000, 6), 1.0, 0.5)
    assert verdict(thin) == ("none", "blocks.too_few")


def test_the_bound_is_the_reference_moved_as_the_promise_says():
    assert bound_of(seen(reference=0.5)) == pytest.approx(0.55)
    assert bound_of(seen(promise=AUC, reference=0.8)) == pytest.approx(0.78)


OPEN = Breach("log_loss", "quality", 3, 0)
EXPECTED = {
    ("broken", None): Decision("open", "promise.broken"),
    ("none", None): Decision("wait", "nothing.broken"),
    ("kept", None): Decision("wait", "nothing.broken"),
    ("broken", OPEN): Decision("wait", "breach.stays"),
    ("none", OPEN): Decision("wait", "breach.stays"),
    ("kept", OPEN): Decision("close", "promise.kept"),
}


@pytest.mark.parametrize(("says", "breach"), [*product(("broken", "none", "kept"), (None, OPEN))])
def test_there_is_one_open_breach_and_only_a_window_that_keeps_the_promise_closes_it(says, breach):
    assert decide(State(says, 3, breach)) == EXPECTED[says, breach]


@pytest.mark.parametrize("says", ["broken", "none", "kept"])
def test_the_breach_of_a_version_that_no_longer_serves_is_closed_whatever_the_window_says(says):
    assert decide(State(says, 4, OPEN)) == Decision("close", "version.gone")


@pytest.mark.parametrize(
    ("alarms", "said"),
    [
        ([], "none"), ([True], "kept"), ([True, True], "kept"), ([True, True, True], "broken"),
        ([True, False, True, False, True], "broken"), ([True, True, True, False, False, False], "kept"),
        ([True, True, True, False, False], "none"), ([True] * 9, "broken"),
    ],
)  # fmt: skip
def test_three_of_the_five_newest_windows_make_a_drift(alarms, said):
    assert drift_verdict(alarms, 3, 5)[0] == said


class TestTheFigureOfAWindow:
    TASK = ModelTask("binary", positive=True)
    times = np.repeat(np.arange(7), 50) * DAY_MS + 12 * 3_600_000

    def test_rows_without_label_or_output_lower_the_coverage_and_do_not_count(self):
        outputs, labels = [0.25] * 350, [False] * 350
        outputs[0], labels[1], outputs[2], labels[2] = None, None, None, None
        window = quality(LOSS, self.TASK, outputs, labels, self.times)
        assert (window.predictions, window.figure.rows) == (350, 347)
        assert window.coverage == pytest.approx(347 / 350)
        assert window.figure.value == pytest.approx(-np.log(0.75))
        assert window.figure.blocks == 7

    def test_a_block_is_a_utc_day(self):
        times = np.arange(350) * (DAY_MS // 50) + DAY_MS // 2
        assert quality(LOSS, self.TASK, [0.5] * 350, [True] * 350, times).figure.blocks == 8

    def test_no_prediction_is_no_coverage_and_no_error(self):
        window = quality(LOSS, self.TASK, [], [], np.empty(0, np.int64))
        assert (window.predictions, window.coverage, window.figure.low) == (0, 0.0, None)
        assert verdict(Observed(LOSS, True, window.figure, window.coverage, 0.5)) == ("none", "rows.too_few")

    def test_a_promise_by_group_needs_the_groups(self):
        grouped = parse("recall(by sex).gap <= 0.1 over 7d")
        with pytest.raises(NotThereYet, match="evaluation"):
            quality(grouped, self.TASK, [0.5] * 350, [True] * 350, self.times)
        sex = np.array(["f", "m"] * 175)
        assert quality(grouped, self.TASK, [0.6] * 350, [True] * 350, self.times, sex).figure.value == 0.0


def test_a_signal_is_what_the_table_of_signals_stores():
    from regie.monitoring.tables import signals

    body = Signal("log_loss", "quality", 3, 0, DAY_MS, "none", "rows.too_few").body()
    assert set(signals.c.keys()) - set(body) == {"id", "workspace", "computed_ms"}
    assert set(body) <= set(signals.c.keys())
