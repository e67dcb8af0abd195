"""Where the platform cuts: no training on held-out or immature rows, whatever the clock, the lateness and the length."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from regie.base.clock import DAY_MS, HOUR_MS
from regie.data.holdout import bounds, inside, mature

NOW = st.integers(400 * DAY_MS, 30_000 * DAY_MS)
LATE = st.integers(1, 60 * DAY_MS)
LENGTH = st.integers(1, 60).map(lambda days: days * DAY_MS)
BACK = st.lists(st.integers(-5 * DAY_MS, 200 * DAY_MS), min_size=1, max_size=50)


@given(now=NOW, late=LATE, length=LENGTH, back=BACK)
def test_training_never_contains_a_held_out_or_immature_row(now: int, late: int, length: int, back: list[int]) -> None:
    times, cut = now - np.array(back, np.int64), bounds(now, late, length)
    training = inside(times, None, cut.holdout_from_ms)
    held_out = inside(times, cut.holdout_from_ms, cut.holdout_to_ms)
    assert not (training & held_out).any()
    assert (training <= mature(times, now, late)).all()


@given(now=NOW, late=LATE, length=LENGTH, back=BACK)
def test_every_held_out_row_has_a_label_whatever_its_value(now: int, late: int, length: int, back: list[int]) -> None:
    times, cut = now - np.array(back, np.int64), bounds(now, late, length)
    held_out = times[inside(times, cut.holdout_from_ms, cut.holdout_to_ms)]
    assert (held_out + late <= now).all()


@given(now=NOW, late=LATE, length=LENGTH)
def test_the_holdout_is_whole_days_and_loses_less_than_one_of_the_mature_ones(now: int, late: int, length: int) -> None:
    cut = bounds(now, late, length)
    assert cut.holdout_to_ms % DAY_MS == 0
    assert cut.holdout_from_ms % DAY_MS == 0
    assert 0 <= now - late - cut.holdout_to_ms < DAY_MS


@given(now=NOW, late=LATE, length=LENGTH)
def test_the_inner_window_is_as_long_as_the_holdout_and_right_before_it(now: int, late: int, length: int) -> None:
    cut = bounds(now, late, length)
    assert cut.holdout_from_ms - cut.inner_from_ms == cut.holdout_to_ms - cut.holdout_from_ms == length


def test_at_midnight_with_a_day_of_lateness_the_holdout_ends_at_the_midnight_before() -> None:
    now = 100 * DAY_MS
    cut = bounds(now, DAY_MS, 7 * DAY_MS)
    assert (cut.inner_from_ms, cut.holdout_from_ms, cut.holdout_to_ms) == (85 * DAY_MS, 92 * DAY_MS, 99 * DAY_MS)


def test_a_label_that_is_known_early_because_of_its_value_is_not_used_early() -> None:
    """Flights that are on time are known at once, late ones a day later: an early cut would hold only the first kind."""
    now, times = 100 * DAY_MS, np.arange(90 * DAY_MS, 100 * DAY_MS, HOUR_MS)
    late = np.arange(len(times)) % 3 == 0
    known = times + np.where(late, DAY_MS, 0) <= now
    usable = mature(times, now, DAY_MS)
    assert late[known].mean() < late.mean() - 0.01  # as they arrive, there are too few late ones
    assert abs(late[usable].mean() - 1 / 3) < 0.01
    assert known[usable].all()
