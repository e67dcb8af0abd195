"""The short phrases: stages, windows, columns, ages, repetitions, schedules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.clock import DAY_MS, HOUR_MS, WEEK_MS, iso, parse_iso
from regie.spec import phrases
from regie.spec.phrases import Breach, ColumnType, Repeat, Schedule, Stage, Window
from regie.spec.scanner import Malformed, Reserved

durations = st.integers(1, 10**12)
shares = st.integers(1, 9_999).map(lambda n: n / 100 / 100)
stages = (
    st.builds(Stage, st.sampled_from(["shadow", "watch"]), durations)
    | st.just(Stage("full"))
    | st.builds(Stage, st.just("canary"), durations, shares)
)
schedules = st.builds(Schedule, durations) | st.builds(
    Schedule,
    st.none(),
    st.none() | st.integers(0, 6),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata"]),
)
ends = st.integers(-(10**6), 10**6).map(float)
columns = (
    st.builds(ColumnType, st.sampled_from(["bool", "str", "time", "int", "float"]), st.booleans())
    | st.builds(lambda low, size: ColumnType("int", low=low, high=low + size), ends, st.integers(0, 99).map(float))
    | st.builds(lambda low, is_open: ColumnType("float", low=low, low_open=is_open), ends, st.booleans())
    | st.builds(lambda high, is_open: ColumnType("float", True, high=high, high_open=is_open), ends, st.booleans())
    | st.builds(
        lambda values: ColumnType("cat", values=tuple(values)),
        st.lists(st.from_regex(r"[a-z0-9 éè-]{0,4}[a-z]", fullmatch=True).map(str.strip), min_size=1, unique=True),
    )
)


@given(stages)
def test_the_text_of_any_stage_reads_back(stage):
    assert phrases.parse_stage(stage.text) == stage


@given(schedules)
def test_the_text_of_any_schedule_reads_back(schedule):
    assert phrases.parse_schedule(schedule.text) == schedule


@given(columns)
def test_the_text_of_any_column_reads_back(column):
    assert phrases.parse_column(column.text) == column


@given(durations, st.integers(1, 99), st.sampled_from(["hour", "day", "week"]))
def test_the_text_of_windows_and_repetitions_reads_back(duration_ms, count, per):
    assert phrases.parse_window(Window(duration_ms).text) == Window(duration_ms)
    assert phrases.parse_repeat(Repeat(count, per).text) == Repeat(count, per)


def test_phrases_mean_what_they_say():
    assert phrases.parse_stage("canary 5% for 2d") == Stage("canary", 2 * DAY_MS, 0.05)
    assert phrases.parse_column("int 18..110") == ColumnType("int", low=18, high=110)
    assert phrases.parse_column("cat[basic, plus, pro]?").values == ("basic", "plus", "pro")
    assert phrases.parse_column("bool?").nullable
    assert phrases.parse_age("champion older than 8w") == 8 * WEEK_MS
    assert phrases.parse_repeat("1/day").per_ms == DAY_MS
    assert phrases.parse_breach("3 of 5") == Breach(3, 5)
    assert phrases.parse_window("all") == Window()


@pytest.mark.parametrize(
    ("parser", "text", "offset", "says"),
    [
        (phrases.parse_stage, "shadw 1d", 0, "`shadow`"),
        (phrases.parse_stage, "canary 5 for 2d", 7, "share"),
        (phrases.parse_stage, "canary 5% 2d", 10, "for"),
        (phrases.parse_stage, "shadow 1x", 8, "unit"),
        (phrases.parse_stage, "full 1d", 5, "too much"),
        (phrases.parse_last, "all", 0, "nothing to train on"),
        (phrases.parse_column, "flot >= 0", 0, "`float`"),
        (phrases.parse_column, "str >= 0", 4, "range"),
        (phrases.parse_column, "int 9..3", 4, "ends before"),
        (phrases.parse_column, "cat[a, a]", 4, "distinct"),
        (phrases.parse_age, "champion odler than 8w", 9, "older"),
        (phrases.parse_repeat, "0/day", 0, "at least 1"),
        (phrases.parse_repeat, "1/dya", 2, "`day`"),
        (phrases.parse_breach, "5 of 3", 5, "never"),
        (phrases.parse_schedule, "Mnn 06:00", 0, "`Mon`"),
        (phrases.parse_schedule, "Mon 6:00", 4, "time of day"),
        (phrases.parse_schedule, "24:00", 0, "time of day"),
        (phrases.parse_schedule, "Mon 06:00 Europe/Pari", 10, "`Europe/Paris`"),
        (phrases.parse_duration, "7", 0, "duration"),
        (phrases.parse_duration, "0d", 0, "duration"),
        (phrases.parse_duration, "-1d", 0, "duration"),
        (phrases.parse_duration, "1e308w", 0, "duration"),
    ],
)
def test_a_mistake_points_at_its_character(parser, text, offset, says):
    with pytest.raises(Malformed) as wrong:
        parser(text)
    assert (wrong.value.offset, says in str(wrong.value)) == (offset, True), str(wrong.value)


def test_ab_stages_are_reserved():
    with pytest.raises(Reserved, match="not there yet"):
        phrases.parse_stage("ab 50% for 7d")


def test_a_local_time_stays_local_across_a_clock_change():
    schedule = phrases.parse_schedule("06:00 Europe/Paris")
    before = parse_iso("2026-03-28T12:00:00Z")
    first = schedule.next_after(before)
    assert (iso(first), iso(schedule.next_after(first))) == ("2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z")
    assert iso(schedule.next_after(parse_iso("2026-03-27T12:00:00Z"))) == "2026-03-28T05:00:00Z"


def test_a_weekday_comes_once_a_week():
    schedule = phrases.parse_schedule("Mon 06:00")
    first = schedule.next_after(parse_iso("2013-01-01"))
    assert iso(first) == "2013-01-07T06:00:00Z"
    assert schedule.next_after(first) - first == WEEK_MS


@given(schedules, st.integers(0, 4 * 10**12))
def test_the_next_time_is_always_later_and_never_skips_one(schedule, now_ms):
    after = schedule.next_after(now_ms)
    assert after > now_ms
    assert schedule.next_after(after - 1) == after
    assert after - now_ms <= (schedule.every_ms or WEEK_MS + HOUR_MS)
