import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.clock import DAY_MS
from regie.base.errors import BadInput
from regie.predictions.windows import (
    Window,
    broken_of,
    closed_windows,
    last_window,
    missing,
    numbers,
    sliding,
    watermark,
    window_of,
)

lengths = st.integers(1, 1000)
times = st.integers(0, 50_000)


@given(lengths, times)
def test_every_time_lies_in_exactly_the_window_that_is_named_for_it(length, at):
    window = window_of(at, length)
    assert window.holds(at)
    assert window.to_ms - window.from_ms == length
    assert not window_of(window.to_ms, length).holds(at)
    assert numbers([at], length)[0] == window.from_ms // length


@given(lengths, st.lists(times, min_size=1, max_size=8))
def test_however_the_watermark_moves_each_window_is_judged_once_and_none_is_left_out(length, marks):
    judged: list[Window] = []
    after = 0
    for mark in sorted(marks):
        new = closed_windows(after, mark, length)
        assert all(window.to_ms <= mark for window in new)
        judged += new
        after = judged[-1].to_ms if judged else after
    assert judged == closed_windows(0, max(marks), length)
    assert [window.from_ms for window in judged] == list(range(0, max(marks) // length * length, length))


def test_a_window_is_closed_only_when_every_node_has_delivered_past_its_end():
    delivered = {"a": 2 * DAY_MS, "b": 2 * DAY_MS - 1}
    assert closed_windows(0, watermark(delivered) or 0, DAY_MS) == [Window(0, DAY_MS)]
    assert missing(delivered, Window(DAY_MS, 2 * DAY_MS)) == ["b"]
    assert watermark({}) is None


def test_a_stretch_that_begins_inside_a_window_does_not_judge_that_window_half():
    assert closed_windows(5, 30, 10) == [Window(10, 20), Window(20, 30)]
    assert last_window(39, 10) == Window(20, 30)
    assert sliding(39, 10) == Window(29, 39)


@pytest.mark.parametrize(
    ("broken", "needed", "of", "result"),
    [
        ([], 1, 1, False),
        ([True], 1, 1, True),
        ([True, True, False, False], 2, 3, False),  # the old ones are forgotten
        ([False, True, False, True], 2, 3, True),
        ([True, True], 2, 3, True),  # two of the windows there are
        ([True, False, False], 2, 3, False),
    ],
)
def test_a_promise_is_broken_when_enough_of_the_newest_windows_broke_it(broken, needed, of, result):
    assert broken_of(broken, needed, of) is result


def test_rules_and_lengths_that_mean_nothing_are_refused():
    for needed, of in ((0, 3), (4, 3)):
        with pytest.raises(BadInput):
            broken_of([True], needed, of)
    with pytest.raises(BadInput):
        window_of(1, 0)
