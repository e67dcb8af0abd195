"""An interval covers what it says, does not depend on the order of rows, and is not given where there is too little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from regie.metrics.catalogue import CATALOGUE
from regie.metrics.groups import group_figures, group_interval
from regie.metrics.intervals import (
    MIN_BLOCKS,
    difference_interval,
    figure_interval,
    improvement_interval,
    mean_interval,
    numbered,
    pairs,
    t_quantile,
)
from regie.metrics.pooled import auc, pair_figures

BINARY = [name for name, metric in CATALOGUE.items() if metric.needs != "number"]


def world(seed, days=14, rows=60, effect=0.6):
    """Truth, probabilities of two models, and days: rows of one day share an effect, days have unequal sizes."""
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rng.integers(rows // 2, rows * 3 // 2, days))
    level = effect * rng.normal(size=days)[day] - 0.5
    truth = (rng.random(len(day)) < 1 / (1 + np.exp(-level))).astype(float)
    one, two = (1 / (1 + np.exp(-(truth - 0.5 + level + rng.normal(size=len(day))))) for _ in range(2))
    return truth, one, two, day


def answers(name, answer):
    return (answer >= 0.5).astype(float) if CATALOGUE[name].needs == "class" else answer


@pytest.mark.parametrize("freedom", [*range(1, 31), 31, 40, 60, 120, 1000])
def test_the_table_of_t_quantiles_is_right(freedom):
    assert t_quantile(freedom) == pytest.approx(student.ppf(0.975, freedom), abs=6e-4)


@pytest.mark.parametrize("name", [*BINARY, "mae", "rmse"])
def test_the_value_of_an_interval_is_the_metric_of_all_rows(name):
    truth, one, _, day = world(3)
    answer = answers(name, one)
    interval = figure_interval(CATALOGUE[name], truth, answer, day)
    assert interval.value == pytest.approx(CATALOGUE[name].figure(truth, answer))
    assert interval.low < interval.value < interval.high
    assert (interval.rows, interval.blocks) == (len(truth), 14)


@pytest.mark.parametrize("name", ["log_loss", "auc", "recall", "rmse"])
def test_the_order_of_rows_and_the_names_of_days_change_nothing(name):
    truth, one, two, day = world(4)
    one, two = answers(name, one), answers(name, two)
    mixed = np.random.default_rng(0).permutation(len(truth))
    named = np.array([f"2013-02-{at + 1:02}" for at in day])
    before = difference_interval(CATALOGUE[name], truth, one, two, day)
    after = difference_interval(CATALOGUE[name], truth[mixed], one[mixed], two[mixed], named[mixed])
    assert (after.value, after.low, after.high) == pytest.approx((before.value, before.low, before.high), abs=1e-9)


@pytest.mark.parametrize("name", [*BINARY, "mae", "rmse"])
def test_a_better_model_has_an_improvement_above_zero_whether_less_or_more_is_better(name):
    truth, one, _, day = world(5)
    worse = np.clip(one + 0.3 * (1 - 2 * truth), 0, 1)
    gain = improvement_interval(CATALOGUE[name], truth, answers(name, one), answers(name, worse), day)
    loss = improvement_interval(CATALOGUE[name], truth, answers(name, worse), answers(name, one), day)
    assert gain.low > 0
    assert (loss.low, loss.value, loss.high) == pytest.approx((-gain.high, -gain.value, -gain.low))


@pytest.mark.parametrize("name", BINARY)
def test_a_model_is_never_better_or_worse_than_itself(name):
    truth, one, _, day = world(6)
    same = difference_interval(CATALOGUE[name], truth, answers(name, one), answers(name, one), day)
    assert (same.low, same.value, same.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("name", ["log_loss", "auc", "f1"])
@pytest.mark.parametrize("days", [0, 1, MIN_BLOCKS - 1, MIN_BLOCKS])
def test_fewer_than_seven_days_give_no_interval_however_many_rows(name, days):
    truth, one, _, day = world(7, days=MIN_BLOCKS, rows=400)
    kept = day < days
    interval = figure_interval(CATALOGUE[name], truth[kept], answers(name, one[kept]), day[kept])
    assert interval.blocks == days
    assert (interval.low is not None) == (days >= MIN_BLOCKS)


def test_pairing_makes_an_interval_of_a_difference_much_narrower():
    truth, one, _, day = world(8, days=28, effect=2.0)
    near = np.clip(one + 0.01, 0, 1)
    metric = CATALOGUE["log_loss"]
    single, paired = figure_interval(metric, truth, one, day), difference_interval(metric, truth, one, near, day)
    assert paired.high - paired.low < 0.2 * (single.high - single.low)


def test_days_that_resemble_themselves_give_a_wider_interval_than_independent_rows():
    rng = np.random.default_rng(9)
    day = np.repeat(np.arange(20), 100)
    values = rng.normal(size=20)[day] + rng.normal(size=2000)
    by_day, by_row = mean_interval(values, day), mean_interval(values, np.arange(2000))
    assert by_day.high - by_day.low > 4 * (by_row.high - by_row.low)


def test_the_interval_of_a_mean_covers_the_truth_as_often_as_it_says():
    rng, covered, trials = np.random.default_rng(10), 0, 600
    for _ in range(trials):
        day = np.repeat(np.arange(7), rng.integers(30, 90, 7))
        interval = mean_interval(0.5 * rng.normal(size=7)[day] + rng.normal(size=len(day)), day)
        covered += interval.low <= 0 <= interval.high
    assert 0.92 <= covered / trials <= 0.97


def test_the_interval_of_a_difference_of_auc_covers_equal_models_as_often_as_it_says():
    covered = 0
    for seed in range(150):
        truth, one, two, day = world(seed, days=7, rows=120)
        interval = difference_interval(CATALOGUE["auc"], truth, one, two, day)
        covered += interval.low <= 0 <= interval.high
    assert 0.89 <= covered / 150 <= 0.99


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_auc_of_drawn_blocks_is_the_auc_of_their_rows(seed, times):
    rng = np.random.default_rng(seed)
    day = rng.integers(0, 5, 80)
    truth, answer = rng.integers(0, 2, 80).astype(float), rng.integers(0, 6, 80) / 5
    repeated = np.concatenate([np.flatnonzero(day == at) for at, n in enumerate(times) for _ in range(n)] or [np.empty(0, int)])
    index, count = np.asarray(day, np.intp), 5
    quick = pair_figures(*pairs(truth, answer, index, count))(np.array([times], float))[0]
    assert quick == pytest.approx(auc(truth[repeated], answer[repeated]) if len(repeated) else np.nan, nan_ok=True)


def test_ten_hits_of_ten_are_not_taken_for_certainty():
    day = np.arange(10)
    interval = figure_interval(CATALOGUE["recall"], np.ones(10), np.ones(10), day)
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(0.63)


def test_hardly_any_positive_row_gives_a_figure_without_an_interval():
    truth, answer = np.zeros(700), np.linspace(0, 1, 700)
    truth[650] = 1.0
    interval = figure_interval(CATALOGUE["auc"], truth, answer, np.repeat(np.arange(7), 100))
    assert interval.value > 0.9
    assert interval.low is None


class TestGroups:
    def test_the_gap_is_between_the_worst_and_the_best_group(self):
        truth, day = np.ones(2800), np.tile(np.arange(14), 200)
        group = np.repeat(["a", "b"], 1400)
        rng = np.random.default_rng(1)
        hit = (rng.random(2800) < np.where(group == "a", 0.9, 0.6)).astype(float)
        gap = group_interval(CATALOGUE["recall"], "gap", truth, hit, group, day)
        assert gap.low < 0.3 < gap.high
        assert gap.value == pytest.approx(hit[:1400].mean() - hit[1400:].mean())
        assert group_interval(CATALOGUE["recall"], "min", truth, hit, group, day).value == pytest.approx(hit[1400:].mean())
        assert group_interval(CATALOGUE["recall"], "max", truth, hit, group, day).value == pytest.approx(hit[:1400].mean())

    def test_a_group_of_few_rows_is_named_and_does_not_count(self):
        truth, group = np.ones(255), np.array(["a"] * 100 + ["b"] * 150 + ["c"] * 4 + [None], object)
        hit = np.array([1.0] * 250 + [0.0] * 5)
        seen = group_figures(CATALOGUE["accuracy"], truth, hit, group)
        assert seen.figures == {"a": 1.0, "b": 1.0}
        assert seen.too_few == {"c": 4, "null": 1}

    def test_one_group_has_no_gap(self):
        gap = group_interval(CATALOGUE["recall"], "gap", np.ones(200), np.ones(200), np.array(["a"] * 200), np.arange(200) % 10)
        assert np.isnan(gap.value)
        assert gap.low is None


def test_blocks_are_numbered_in_their_own_order():
    index, count = numbered(np.array(["b", "a", "b"]))
    assert (index.tolist(), count) == ([1, 0, 1], 2)
