"""The drift signal stays quiet at the rate it states, and speaks when days become strange."""

import doctest
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regie.base.errors import BadInput
from regie.monitoring import decide, drift
from regie.monitoring.drift import MIN_BLOCKS, MIN_ROWS, profile, signal, top_features


def day(rng, rows=None, shift=0.0, apart=0.3):
    """One day: days differ from each other, so rows of different days are not from one distribution."""
    rows = rows or int(rng.integers(100, 300))
    level, share = apart * rng.normal(size=2), 0.3 + 0.1 * rng.random()
    return {
        "wind": level[0] + rng.normal(size=rows) + shift,
        "wait": np.exp(level[1] + rng.normal(size=rows)),
        "carrier": np.where(rng.random(rows) < share, "AA", "B6"),
    }


def joined(days):
    blocks = np.repeat(np.arange(len(days)), [len(one["wind"]) for one in days])
    return {name: np.concatenate([one[name] for one in days]) for name in days[0]}, blocks


def reference(rng, days=MIN_BLOCKS, **how):
    return profile(*joined([day(rng, **how) for _ in range(days)]))


@pytest.mark.parametrize("module", [drift, decide])
def test_every_example_in_the_documentation_gives_what_it_says(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("rows", [150, None])
def test_days_like_the_reference_alarm_at_most_one_time_in_twenty(rows):
    rng, alarms = np.random.default_rng(1), []
    for _ in range(60):
        seen = reference(rng, rows=rows)
        alarms += [signal(seen, day(rng, rows=rows)).alarm for _ in range(5)]
    # 0.05 is promised; 300 windows in 60 clusters leave room for chance.
    assert np.mean(alarms) <= 0.09


def test_a_shift_far_beyond_what_days_differ_alarms_and_names_the_feature():
    rng = np.random.default_rng(2)
    said = [signal(reference(rng, 30), day(rng, shift=2.0)) for _ in range(10)]
    assert sum(one.alarm for one in said) >= 9
    assert all(one.top[0][0] == "wind" for one in said if one.alarm)
    assert all(one.p_value == pytest.approx(1 / 31) for one in said if one.alarm)


@pytest.mark.parametrize(
    "change",
    [
        lambda one: {**one, "carrier": np.full(len(one["wind"]), "ZZ")},
        lambda one: {**one, "wait": np.full(len(one["wind"]), np.nan)},
        lambda one: {**one, "wind": np.where(np.arange(len(one["wind"])) % 2, -9.0, 9.0)},
    ],
    ids=["a value never seen", "a sensor that fell silent", "the same mean, another shape"],
)
def test_other_changes_than_of_the_mean_alarm_too(change):
    rng = np.random.default_rng(3)
    assert signal(reference(rng), change(day(rng))).alarm


def test_a_plain_test_would_fire_on_these_days_and_this_signal_does_not():
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(4)
    days = [day(rng, rows=1000) for _ in range(60)]
    columns, blocks = joined(days[:40])
    seen = profile(columns, blocks)
    plain = [ks_2samp(columns["wind"], one["wind"]).pvalue < 0.05 for one in days[40:]]
    assert sum(plain) >= 15
    assert sum(signal(seen, one).alarm for one in days[40:]) <= 4


def test_a_feature_whose_days_are_wild_by_nature_does_not_hide_another_that_moved():
    rng = np.random.default_rng(9)

    def weather(at, warm=0.0):
        rain = rng.random(200) < (0.5 if at % 7 == 0 else 0.0)
        return {"temp": warm + rng.normal() + 0.3 * rng.normal(size=200), "rain": np.where(rain, rng.exponential(1.0, 200), 0.0)}

    days = [weather(at) for at in range(45)]
    columns = {name: np.concatenate([one[name] for one in days]) for name in days[0]}
    seen = profile(columns, np.repeat(np.arange(45), 200))
    summer = [signal(seen, weather(at, warm=8.0)) for at in range(10)]
    assert all(one.alarm and one.top[0][0] == "temp" for one in summer)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_changes_nothing_and_a_profile_survives_json(seed):
    rng = np.random.default_rng(seed)
    columns, blocks = joined([day(rng) for _ in range(MIN_BLOCKS)])
    mixed = rng.permutation(len(blocks))
    seen = profile(columns, blocks)
    again = profile({name: values[mixed] for name, values in columns.items()}, blocks[mixed])
    assert again == seen == json.loads(json.dumps(seen))
    window = day(rng)
    turned = {name: values[::-1].tolist() for name, values in window.items()}
    assert signal(again, turned) == signal(seen, window)


def test_too_thin_a_window_or_reference_says_nothing_and_why():
    rng = np.random.default_rng(5)
    thin = signal(reference(rng), day(rng, rows=MIN_ROWS - 1))
    assert (thin.p_value, thin.alarm, thin.because) == (None, False, "rows.too_few")
    short = signal(reference(rng, MIN_BLOCKS - 1), day(rng, shift=50.0))
    assert (short.p_value, short.alarm, short.because) == (None, False, "reference.too_short")


def test_reference_days_of_few_rows_do_not_count():
    rng = np.random.default_rng(6)
    seen = profile(*joined([day(rng, rows=MIN_ROWS - 1 if at % 2 else 100) for at in range(30)]))
    assert len(seen["blocks"]) == 15


def test_columns_of_nulls_constants_booleans_and_mixed_values_are_counted_too():
    def odd(rows=60):
        return {
            "none": [None] * rows,
            "same": [7] * rows,
            "flag": [True, False] * (rows // 2),
            "mixed": [1, "a", None] * (rows // 3),
        }

    days = [odd() for _ in range(MIN_BLOCKS)]
    columns = {name: [value for one in days for value in one[name]] for name in days[0]}
    said = signal(profile(columns, np.repeat(np.arange(MIN_BLOCKS), 60)), odd())
    assert not said.alarm
    assert said.p_value == 1.0


def test_the_most_important_features_are_chosen_and_a_missing_one_is_named():
    assert top_features({"a": 0.1, "c": 0.5, "b": 0.5}, 2) == ["b", "c"]
    assert top_features({"a": 0.1, "b": 0.5}, None) == ["b", "a"]
    rng = np.random.default_rng(8)
    columns, blocks = joined([day(rng) for _ in range(MIN_BLOCKS)])
    assert list(profile(columns, blocks, ["wind"])["features"]) == ["wind"]
    with pytest.raises(BadInput, match="gust"):
        profile(columns, blocks, ["gust"])
    with pytest.raises(BadInput, match="carrier"):
        signal(profile(columns, blocks), {"wind": [1.0] * 100, "wait": [1.0] * 100})
