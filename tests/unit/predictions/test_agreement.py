"""How often two versions say the same, and by how much they differ: on the rows that both answered, each once."""

import pytest

from regie.base.clock import DAY_MS
from regie.predictions import lake
from regie.predictions.agreement import COLUMNS, agreement
from tests.support.place import record

START = 20_000 * DAY_MS


def rows_of(root, records, most=1000):
    lake.ingest(root, "loop", records, "n1-1-0")
    return lake.newest(root, "loop", "loop", START, START + DAY_MS, COLUMNS, most)[0]


def test_two_versions_agree_where_they_choose_the_same_class(tmp_path):
    said = [(0.2, 0.3), (0.2, 0.6), (0.9, 0.8), (0.5, 0.49)]
    rows = rows_of(
        tmp_path,
        [
            *(record(n, START + n, 1, y=[mine]) for n, (mine, _) in enumerate(said)),
            *(record(n, START + n, 2, "shadow", y=[other]) for n, (_, other) in enumerate(said)),
            record(7, START, 1),
            record(8, START, 2, "shadow", y=[None], err="it broke"),
        ],
    )
    found = agreement(rows, (2, "shadow"), (1, "live"), "binary", 0.5)
    assert (found.rows, found.answered, found.same) == (4, 5, 2)
    assert found.coverage == pytest.approx(0.8)
    assert found.p50 == pytest.approx(0.045)
    assert sum(found.counts) == 4


def test_the_difference_is_of_the_new_version_whoever_answered(tmp_path):
    rows = rows_of(tmp_path, [record(1, START, 2, y=[0.9]), record(1, START, 1, "shadow", y=[0.4])])
    assert agreement(rows, (2, "live"), (1, "shadow"), "binary", 0.5).p50 == pytest.approx(0.5)


def test_of_several_classes_the_likeliest_is_compared(tmp_path):
    rows = rows_of(
        tmp_path,
        [
            record(1, START, 1, y=[[0.1, 0.7, 0.2]]), record(1, START, 2, "shadow", y=[[0.2, 0.5, 0.3]]),
            record(2, START, 1, y=[[0.8, 0.1, 0.1]]), record(2, START, 2, "shadow", y=[[0.1, 0.8, 0.1]]),
        ],
    )  # fmt: skip
    found = agreement(rows, (2, "shadow"), (1, "live"), "multiclass", 0.5)
    assert (found.rows, found.same, found.p50) == (2, 1, pytest.approx(-0.45))


def test_numbers_have_differences_and_no_agreement(tmp_path):
    rows = rows_of(tmp_path, [record(1, START, 1, y=[10.0]), record(1, START, 2, "shadow", y=[12.5])])
    found = agreement(rows, (2, "shadow"), (1, "live"), "regression", 0.5)
    assert (found.same, found.p50) == (None, 2.5)


def test_without_a_pair_nothing_is_said(tmp_path):
    found = agreement(rows_of(tmp_path, [record(1, START, 1)]), (2, "shadow"), (1, "live"), "binary", 0.5)
    assert (found.rows, found.answered, found.same, found.counts) == (0, 1, None, ())
