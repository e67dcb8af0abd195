"""Requests counted by slot, generation, version and kind: as they are in the log, each once, whatever a call may read at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regie.base.clock import DAY_MS, HOUR_MS
from regie.predictions import lake, traffic
from tests.support.place import record

START = 20_000 * DAY_MS


def log(root, records, name="n1-1-0"):
    lake.ingest(root, "loop", records, name)


def count(root, days=1, step_ms=HOUR_MS, **more):
    return traffic.count(root, "loop", "loop", START, START + days * DAY_MS, step_ms, **more)


def told(found):
    return [(one.slot_ms - START, one.generation, one.version, one.kind, one.requests, one.failed) for one in found.flows]


def test_requests_are_counted_by_slot_generation_version_and_kind(tmp_path):
    log(
        tmp_path,
        [
            record(1, START + 5, 1),
            record(2, START + HOUR_MS - 1, 1),
            record(3, START + HOUR_MS, 1, g=2),
            record(3, START + HOUR_MS, 2, "shadow", g=2, err="it broke", y=[None]),
            record(4, START + HOUR_MS + 9, 1, g=2, fb=2, err="no answer within 1000 ms"),
            record(5, START + HOUR_MS + 9, 1, g=2, err="ValueError", y=[None]),
        ],
    )
    assert told(count(tmp_path)) == [
        (0, 1, 1, "live", 2, 0), (HOUR_MS, 2, 1, "live", 2, 1), (HOUR_MS, 2, 2, "shadow", 1, 1), (HOUR_MS, 2, 2, "instead", 1, 0),
    ]  # fmt: skip


def test_a_request_of_many_rows_is_one_request(tmp_path):
    three = {"ids": ["a" * 48, "b" * 48, "c" * 48], "keys": None, "times": None, "rows": [[1.0]] * 3, "y": [0.1, 0.2, 0.3]}
    log(tmp_path, [record(1, START, 1, **three)])
    assert told(count(tmp_path)) == [(0, 1, 1, "live", 1, 0)]


def test_merged_files_count_as_the_files_that_they_replace(tmp_path):
    for number in range(4):
        log(tmp_path, [record(number, START + number * HOUR_MS, 1)], f"n1-{number}-0")
    before = told(count(tmp_path))
    assert lake.compact(tmp_path, "loop", "loop", "2024-10-04") == 4
    assert told(count(tmp_path)) == before


def test_a_long_log_is_counted_over_several_calls_the_newest_days_first(tmp_path):
    for day in range(4):
        log(tmp_path, [record(day * 10 + n, START + day * DAY_MS + n, 1) for n in range(3)], f"n1-{day}-0")
    first = count(tmp_path, days=4, most_rows=4)
    assert (first.complete, first.since_ms) == (False, START + 3 * DAY_MS)
    assert sum(one.requests for one in first.flows if one.slot_ms >= first.since_ms) == 3
    for _ in range(3):
        last = count(tmp_path, days=4, most_rows=4)
    assert (last.complete, last.since_ms, sum(one.requests for one in last.flows)) == (True, START, 12)


def test_what_is_forgotten_is_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(traffic, "_MEMORY", traffic._Memory(0))
    log(tmp_path, [record(1, START, 1)])
    assert told(count(tmp_path)) == told(count(tmp_path)) == [(0, 1, 1, "live", 1, 0)]


def test_an_endpoint_that_nobody_asked_has_no_traffic(tmp_path):
    found = count(tmp_path)
    assert (found.flows, found.complete) == ((), True)
    assert traffic.percentiles(traffic.together(found.flows)) == [None, None, None]


@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=200), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_off_by_one_percent_at_most(latencies, percent):
    bins = np.bincount([traffic.bin_of(one) for one in latencies], minlength=traffic.BINS)
    exact = float(np.percentile(latencies, percent, method="inverted_cdf"))
    assert traffic.percentiles(bins, [percent]) == [pytest.approx(exact, rel=0.011)]


def test_the_newest_rows_are_read_by_whole_days_until_there_are_enough(tmp_path):
    for day in range(4):
        log(tmp_path, [record(day * 10 + n, START + day * DAY_MS + n, 1) for n in range(3)], f"n1-{day}-0")
    rows, whole = lake.newest(tmp_path, "loop", "loop", START, START + 4 * DAY_MS, ["id"], 4)
    assert (rows.num_rows, whole) == (6, False)
    rows, whole = lake.newest(tmp_path, "loop", "loop", START, START + 4 * DAY_MS, ["id"], 100)
    assert (rows.num_rows, whole) == (12, True)


def test_the_last_inputs_are_those_of_the_newest_row_that_was_answered(tmp_path):
    assert lake.last_inputs(tmp_path, "loop", "loop", ["a"]) is None
    log(
        tmp_path,
        [
            record(1, START + 1, 1, rows=[[0.25]]),
            record(2, START + 2, 1, rows=[[0.75]]),
            record(3, START + 3, 1, rows=[[0.5]], err="ValueError", y=[None]),
            record(2, START + 4, 2, "shadow"),
        ],
    )
    assert lake.last_inputs(tmp_path, "loop", "loop", ["a", "b"]) == ({"a": 0.75}, START + 2)
