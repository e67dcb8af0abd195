"""The project's own test: no server, no data file; steps are ordinary functions."""

import numpy as np
import pandas as pd
import pytest
from flights import WEATHER, departures
from flow import fit

from regie import Table

HOUR = pd.Timestamp("2013-01-07 10:00")


def schedule(*flights):
    """(minute, departure delay, arrival delay) of each, all scheduled from ten o'clock on."""
    rows = [
        {
            "utc": HOUR + pd.Timedelta(minute // 60, "h"), "year": 2013, "month": 1, "day": 7, "hour": 10 + minute // 60,
            "minute": minute % 60, "dep_delay": left, "arr_delay": arrived, "carrier": "AA", "flight": number, "dest": "BOS",
            "distance": 187,
        }
        for number, (minute, left, arrived) in enumerate(flights)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def weather(**reading):
    return pd.DataFrame({"utc": [HOUR - pd.Timedelta("1h"), HOUR], **{name: [1.0, 2.0] for name in WEATHER}, **reading})


def test_a_feature_holds_only_departures_that_had_really_left():
    late = departures(schedule((0, 50, 60), (30, 0, 0), (55, 0, 0)), weather())
    assert late.left_1h.tolist() == [0, 0, 2]  # the first one left at 10:50, so at 10:30 nobody could know of it
    assert late.delay_1h.tolist()[2] == 25


def test_a_flight_that_left_early_is_not_its_own_history():
    alone = departures(schedule((0, -5, -10)), weather())
    assert alone.left_1h.tolist() == [0]
    assert np.isnan(alone.delay_1h[0])


def test_the_weather_is_that_of_the_newest_hour_that_is_over():
    assert departures(schedule((0, 0, 0), (59, 0, 0), (60, 0, 0)), weather()).temp.tolist() == [1.0, 1.0, 2.0]


def test_late_means_more_than_fifteen_minutes_and_cancelled_flights_are_left_out():
    late = departures(schedule((0, 0, 15), (1, 0, 16), (2, np.nan, np.nan)), weather())
    assert late.late.tolist() == [False, True]


@pytest.fixture
def rows():
    chance = np.random.default_rng(0)
    frame = pd.DataFrame({"hour": chance.uniform(0, 24, 2_000), "dest": pd.Categorical(chance.choice(["BOS", "SFO"], 2_000))})
    late = chance.random(2_000) < np.where(frame.hour > 12, 0.7, 0.1)
    return Table.of(frame.assign(late=late, time=HOUR), label="late", time="time")


def test_the_model_learns_what_makes_flights_late(rows):
    model = fit(rows, trees=30)
    morning, evening = model.estimator.predict_proba(pd.DataFrame({"hour": [6.0, 18.0], "dest": rows.features.dest[:2]}))[:, 1]
    assert morning < 0.3 < 0.5 < evening
