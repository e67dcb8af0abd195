import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regie.base.clock import DAY_MS, HOUR_MS
from regie.predictions.labels import Predictions, Statements, join, mature


def texts(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def predictions(*rows):
    """(id, key, target_ms)"""
    ids, keys, times = zip(*rows, strict=True) if rows else ((), (), ())
    return Predictions(texts(ids), texts(keys), np.array(times, dtype=np.int64))


def statements(*rows):
    """(id, key, target_ms, value, stated_ms)"""
    ids, keys, targets, values, stated = zip(*rows, strict=True) if rows else ((),) * 5
    return Statements(texts(ids), texts(keys), np.array([t or 0 for t in targets], dtype=np.int64),
                      np.array(values, dtype=float), np.array(stated, dtype=np.int64), np.arange(len(rows)))  # fmt: skip


def as_of(now, some, said, known_after=0):
    joined = join(some, said, now, known_after)
    return {int(row): float(value) for row, value in zip(joined.rows, joined.value, strict=True)}


ONE = predictions(("p1", "k1", 100))


def test_a_revised_label_is_what_was_known_at_the_time_that_one_asks_for():
    said = statements(("p1", None, None, 1.0, 200), ("p1", None, None, 0.0, 300), ("p1", None, None, math.nan, 400))
    assert as_of(199, ONE, said) == {}
    assert as_of(200, ONE, said) == {0: 1.0}
    assert as_of(299, ONE, said) == {0: 1.0}
    assert as_of(300, ONE, said) == {0: 0.0}
    assert as_of(400, ONE, said) == {}  # taken back


def test_of_two_statements_at_one_time_the_later_one_in_sequence_wins_whatever_their_order_in_the_table():
    said = statements(("p1", None, None, 1.0, 200), ("p1", None, None, 0.0, 200))
    assert as_of(500, ONE, said) == {0: 0.0}
    turned = Statements(*(getattr(said, name)[::-1] for name in ("id", "key", "target_ms", "value", "stated_ms", "sequence")))
    assert as_of(500, ONE, turned) == {0: 0.0}


def test_a_label_by_key_and_time_finds_its_prediction_and_no_other_of_the_same_key():
    some = predictions(("p1", "k1", 100), ("p2", "k1", 200), ("p3", "k2", 100), ("p4", None, 100))
    assert as_of(500, some, statements((None, "k1", 200, 1.0, 300))) == {1: 1.0}


def test_the_last_statement_wins_whether_it_names_the_id_or_the_key():
    by_id, by_key = ("p1", None, None, 1.0, 200), (None, "k1", 100, 0.0, 300)
    assert as_of(500, ONE, statements(by_id, by_key)) == {0: 0.0}
    assert as_of(500, ONE, statements(("p1", None, None, 1.0, 400), by_key)) == {0: 1.0}


def test_one_label_by_key_and_time_is_the_label_of_every_prediction_made_for_it():
    some = predictions(("p1", "k1", 100), ("p2", "k1", 100))
    assert as_of(500, some, statements((None, "k1", 100, 1.0, 300))) == {0: 1.0, 1: 1.0}


def test_a_label_of_something_that_was_never_predicted_changes_nothing():
    assert as_of(500, ONE, statements(("px", None, None, 1.0, 1), (None, "kx", 100, 1.0, 1), (None, "k1", 99, 1.0, 1))) == {}
    assert join(predictions(), statements(), 1, 1).coverage == 1.0


def test_a_prediction_counts_from_the_millisecond_at_which_its_label_would_be_known():
    said = statements(("p1", None, None, 1.0, 101))
    assert as_of(100 + DAY_MS - 1, ONE, said, DAY_MS) == {}
    assert as_of(100 + DAY_MS, ONE, said, DAY_MS) == {0: 1.0}


def test_coverage_is_the_part_of_mature_predictions_with_a_label():
    some = predictions(*((f"p{n}", None, n * HOUR_MS) for n in range(10)))
    said = statements(*((f"p{n}", None, None, 1.0, n * HOUR_MS) for n in range(0, 10, 2)))
    joined = join(some, said, 9 * HOUR_MS, 4 * HOUR_MS)  # p0..p5 are mature, p0, p2, p4 have a label
    assert joined.mature.tolist() == [n <= 5 for n in range(10)]
    assert joined.coverage == pytest.approx(0.5)


def test_labels_whose_lateness_depends_on_their_value_do_not_poison_the_figure():
    """Good news is known at once, bad news after two days; the true share of bad is 30 %."""
    random = np.random.default_rng(7)
    bad = random.random(20_000) < 0.3
    times = np.sort(random.integers(0, 10 * DAY_MS, len(bad)))
    some = predictions(*((f"p{n}", None, int(at)) for n, at in enumerate(times)))
    said = statements(*((f"p{n}", None, None, float(b), int(at) + (2 * DAY_MS if b else 1)) for n, (at, b) in
                        enumerate(zip(times, bad, strict=True))))  # fmt: skip
    now = 10 * DAY_MS
    hasty = join(some, said, now, 0)
    assert hasty.value.mean() < 0.27  # taking each label as it comes is wrong, and the coverage says so
    assert hasty.coverage < 0.95
    honest = join(some, said, now, 2 * DAY_MS)
    assert honest.coverage == 1.0
    assert honest.value.mean() == pytest.approx(bad[: len(honest.value)].mean())
    assert abs(honest.value.mean() - 0.3) < 0.015


label = st.tuples(st.sampled_from(["id", "key"]), st.integers(0, 3), st.integers(0, 9), st.integers(0, 20))


@settings(max_examples=150, deadline=None)
@given(said=st.lists(label, max_size=15), now=st.integers(0, 25), known_after=st.integers(0, 10))
def test_the_join_is_what_a_person_would_find_by_reading_the_statements_one_by_one(said, now, known_after):
    some = predictions(*((f"p{n}", f"k{n}", n) for n in range(4)))
    rows = [(f"p{n}", None, None, v, at) if by == "id" else (None, f"k{n}", n, v, at) for by, n, v, at in said]
    expected = {}
    for n in range(4):
        about = [(at, order, v) for order, (_, which, v, at) in enumerate(said) if which == n and at <= now]
        if about and n + known_after <= now:
            expected[n] = float(max(about)[2])
    assert as_of(now, some, statements(*rows), known_after) == expected


def test_maturity_is_a_comparison_of_times_only():
    assert mature(np.array([0, 5, 6]), 5, 10).tolist() == [True, True, False]


def test_a_hundred_thousand_predictions_are_joined():
    n = 100_000
    some = Predictions(texts([f"{i:048x}" for i in range(n)]), texts([f"k{i}" for i in range(n)]), np.arange(n))
    ids, keys = [f"{i:048x}" if i % 2 else None for i in range(n)], [None if i % 2 else f"k{i}" for i in range(n)]
    said = Statements(texts(ids), texts(keys), np.arange(n), np.ones(n), np.arange(n), np.arange(n))  # fmt: skip
    joined = join(some, said, 10 * n, 0)
    assert len(joined.rows) == n
