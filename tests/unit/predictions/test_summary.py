import pytest

from regie.predictions import lake
from regie.predictions.summary import COLUMNS, activities, pairs

DAY0 = 15_000 * 86_400_000


def record(n, version, mode="live", y=0.5, ms=1.0, rows=1, **more):
    y = y if isinstance(y, list) else [y] * rows
    return {"k": "p", "w": "w", "e": "e", "rid": f"r{n}", "t": DAY0 + n, "wall": 1, "g": 1, "v": version, "r": "champion",
            "m": mode, "ids": [f"{n:03d}-{i}" for i in range(rows)], "y": y, "ms": ms} | more  # fmt: skip


def rows_of(tmp_path, *records):
    lake.ingest(tmp_path, "w", records, "n-0-8")
    return lake.read(tmp_path, "w", "e", 0, 2 * DAY0, COLUMNS)


def test_each_version_is_counted_by_itself_and_a_request_of_many_rows_counts_once(tmp_path):
    rows = rows_of(tmp_path, *(record(n, 3, ms=float(n)) for n in range(1, 101)), record(200, 4, rows=50, ms=7.0),
                   *(record(n, 2, "shadow", ms=3.0) for n in range(10)))  # fmt: skip
    second, third, fourth = activities(rows)
    assert (second.version, second.mode, second.requests) == (2, "shadow", 10)
    assert (third.version, third.mode, third.requests, third.rows, third.errors) == (3, "live", 100, 100, 0)
    assert third.p50_ms == pytest.approx(50.5)
    assert third.p99_ms == pytest.approx(99.01)
    assert (fourth.requests, fourth.rows, fourth.p50_ms) == (1, 50, 7.0)


def test_a_fallback_is_an_error_of_the_version_that_should_have_answered_not_of_the_one_that_did(tmp_path):
    rows = rows_of(tmp_path, record(1, 4), record(2, 3, fb=4, err="deadline"), record(3, 3))
    third, fourth = activities(rows)
    assert (third.version, third.requests, third.errors, third.error_share) == (3, 2, 0, 0.0)
    assert (fourth.version, fourth.requests, fourth.errors, fourth.fallbacks, fourth.error_share) == (4, 2, 1, 1, 0.5)


def test_a_version_that_never_answered_itself_is_still_seen_to_fail(tmp_path):
    found = {one.version: one for one in activities(rows_of(tmp_path, *(record(n, 3, fb=4, err="x") for n in range(5))))}
    assert (found[4].requests, found[4].errors, found[4].error_share) == (5, 5, 1.0)
    assert found[4].p50_ms != found[4].p50_ms  # no latency is not a latency of zero


def test_an_error_without_a_fallback_is_an_error_of_the_version_itself_and_a_shadows_never_touches_the_live_one(tmp_path):
    rows = rows_of(tmp_path, record(1, 3, y=[None], err="broken"), record(2, 3), record(3, 3, "shadow", y=[None], err="dead"))
    live, shadow = activities(rows)
    assert (live.requests, live.errors, shadow.requests, shadow.errors) == (2, 1, 1, 1)


def test_pairs_are_the_same_predictions_by_both_versions_and_coverage_says_what_is_missing(tmp_path):
    rows = rows_of(tmp_path, *(record(n, 4, y=n / 10) for n in range(10)), *(record(n, 3, "shadow", y=n / 20) for n in range(8)),
                   record(7, 3, "shadow", y=7 / 20), record(20, 3, "shadow"),
                   record(8, 3, "shadow", y=[None], err="x"))  # fmt: skip
    found = pairs(rows, live=4, shadow=3)
    assert found.id.tolist() == [f"{n:03d}-0" for n in range(8)]
    assert found.live.tolist() == [n / 10 for n in range(8)]
    assert found.shadow.tolist() == [n / 20 for n in range(8)]
    assert found.coverage == pytest.approx(0.8)
    assert pairs(rows, live=9, shadow=3).coverage == 0.0


def test_an_endpoint_that_never_answered_has_no_activity(tmp_path):
    assert activities(lake.read(tmp_path, "w", "e", 0, 1, COLUMNS)) == []
    assert len(pairs(lake.read(tmp_path, "w", "e", 0, 1), 1, 2).id) == 0
