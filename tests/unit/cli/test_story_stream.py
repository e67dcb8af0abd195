"""The demo's requests, labels and figures say what they should, on flights that fit on a screen."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.clock import DAY_MS, HOUR_MS
from regie.cli.story import figures, place, stream

DAYS = 12


def flights(days=DAYS, each=4):
    times = pd.to_datetime([f"2013-01-{day + 1:02} {hour + 8:02}:00" for day in range(days) for hour in range(each)])
    numbers = np.arange(len(times))
    return pd.DataFrame({
        "flight_id": [f"f{number}" for number in numbers], "time": times, "carrier": "AA",
        "delay_1h": np.where(numbers % 2, 3.5, np.nan), "late": numbers % 3 == 0,
    })  # fmt: skip


@pytest.fixture
def year():
    return stream.of(flights())


def test_the_examples_loop_is_under_100_lines_and_what_prepares_its_data_under_50():
    folder = place.example()
    lines = {name: len((folder / name).read_text().splitlines()) for name in place.IN_THE_PROJECT}
    assert lines["flow.py"] + lines["regie.yaml"] < 100
    assert lines["flights.py"] < 50
    ours = {path.name for path in folder.glob("*.py") if not path.name.startswith(("test_", "conftest"))}
    assert ours | {"regie.yaml"} == set(place.IN_THE_PROJECT)  # nothing of the project stands outside the count


def test_a_request_holds_one_row_without_its_label_and_says_its_time(year):
    head, _, body = stream.requests(year, "/endpoints/flights/invocations", "127.0.0.1:8701", range(5, 7))[0].partition(
        b"\r\n\r\n"
    )
    assert head.splitlines()[0] == b"POST /endpoints/flights/invocations HTTP/1.1"
    assert f"Regie-Time: {year.times_ms[5]}".encode() in head.splitlines()
    assert f"Content-Length: {len(body)}".encode() in head.splitlines()
    (record,) = json.loads(body)["dataframe_records"]
    assert record == {"flight_id": "f5", "time": int(year.times_ms[5]), "carrier": "AA", "delay_1h": 3.5}


def test_a_missing_feature_is_null_in_a_request(year):
    body = stream.requests(year, "/", "h", range(4, 5))[0].partition(b"\r\n\r\n")[2]
    assert json.loads(body)["dataframe_records"][0]["delay_1h"] is None


def test_a_label_is_stated_a_day_after_the_flight_by_id_or_by_key(year):
    said = stream.labels(year, range(9, 12), {9: "p9", 10: "p10", 11: "p11"})
    assert [(one.get("prediction_id"), one.get("key")) for one in said] == [("p9", None), (None, "f10"), ("p11", None)]
    assert all(one["stated_ms"] == year.times_ms[row] + DAY_MS for one, row in zip(said, range(9, 12), strict=True))
    assert [one["value"] for one in said] == year.late[9:12].tolist()


def test_a_revised_label_ends_with_the_truth(year):
    first, last = stream.labels(year, range(1), {0: "p0"})
    assert (first["value"], last["value"]) == (not year.late[0], bool(year.late[0]))
    assert first["stated_ms"] == last["stated_ms"] - HOUR_MS


def test_an_unanswered_row_is_not_labelled(year):
    assert stream.labels(year, range(1, 3), {1: "p1"})[0]["prediction_id"] == "p1"
    assert len(stream.labels(year, range(1, 3), {1: "p1"})) == 1


def test_days_hold_their_own_rows_and_no_others(year):
    assert [len(year.rows(day)) for day in range(year.days)] == [4] * DAYS
    assert year.day_of(int(year.times_ms[9])) == 2
    assert year.starts_ms(0) == year.first_ms == int(year.times_ms[0]) - 8 * HOUR_MS


def test_log_loss_has_its_known_values():
    said = figures.log_loss(np.array([0.5, 0.25, 1.0]), np.array([True, False, True]))
    assert said == pytest.approx([math.log(2), -math.log(0.75), 0.0], abs=1e-12)
    assert np.isfinite(figures.log_loss(np.array([0.0]), np.array([True])))[0]


def test_the_base_rate_never_knows_a_label_of_the_day_before(year):
    said = figures.base_rate(year, 9)
    known = year.late[year.edges[1] : year.edges[8]].mean()  # seven days, up to and without the day before
    assert said[:4] == pytest.approx([known] * 4)


@given(st.lists(st.floats(0, 10), min_size=DAYS * 4, max_size=DAYS * 4), st.integers(1, 5), st.integers(0, 3))
def test_a_rolling_figure_is_the_mean_of_its_own_days(losses, window, first_day):
    year = stream.of(flights())
    values = np.array(losses)[year.edges[first_day] :]
    rolled = figures.rolling(year, values, first_day, window)
    assert len(rolled) == DAYS - first_day
    assert np.isnan(rolled[: window - 1]).all()
    for day in range(window - 1, len(rolled)):
        assert rolled[day] == pytest.approx(values[(day - window + 1) * 4 : (day + 1) * 4].mean())


def test_a_window_longer_than_the_stream_has_no_figure(year):
    assert np.isnan(figures.rolling(year, np.ones(DAYS * 4), 0, DAYS + 1)).all()
