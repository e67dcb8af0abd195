import pytest

from regie.predictions import lake
from regie.predictions.summary import COLUMNS, pairs

DAY0 = 15_000 * 86_400_000


def record(n, version, mode="live", y=0.5, ms=1.0, rows=1, **more):
    y = y if isinstance(y, list) else [y] * rows
    return {"k": "p", "w": "w", "e": "e", "rid": f"r{n}", "t": DAY0 + n, "wall": 1, "g": 1, "v": version, "r": "champion",
            "m": mode, "ids": [f"{n:03d}-{i}" for i in range(rows)], "y": y, "ms": ms} | more  # fmt: skip


def rows_of(tmp_path, *records):
    lake.ingest(tmp_path, "w", records, "n-0-8")
    return lake.read(tmp_path, "w", "e", 0, 2 * DAY0, COLUMNS)


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


def test_an_endpoint_that_never_answered_has_no_pairs(tmp_path):
    assert len(pairs(lake.read(tmp_path, "w", "e", 0, 1), 1, 2).id) == 0
