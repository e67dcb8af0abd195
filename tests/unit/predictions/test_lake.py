import multiprocessing
import os
import time
from pathlib import Path

import pyarrow.parquet
import pytest

from regie.base.clock import DAY_MS, HOUR_MS
from regie.base.errors import BadInput
from regie.predictions import lake

DAY0 = 15_000 * DAY_MS  # 2011-01-26


def record(n: int, *, t: int | None = None, endpoint: str = "flights", **changes: object) -> dict:
    base = {
        "k": "p", "w": "w", "e": endpoint, "rid": f"r{n}", "t": DAY0 + n if t is None else t, "wall": 1, "g": 1, "v": 3,
        "r": "champion", "m": "live", "ids": [f"{n:048x}"], "keys": [f"k{n}"], "times": [DAY0 + n + 5], "rows": [[1.5, "x"]],
        "cols": ["a", "c"], "y": [0.25], "ms": 1.25,
    }  # fmt: skip
    return base | changes


def ids(table: pyarrow.Table) -> list[int]:
    return [int(one, 16) for one in table["id"].to_pylist()]


def whole(root: Path, **changes: object) -> pyarrow.Table:
    return lake.read(root, "w", "flights", 0, 2 * DAY0, **changes)


def test_a_record_becomes_one_row_a_prediction_with_its_inputs_and_facts(tmp_path):
    many = record(1, ids=["a" * 48, "b" * 48], keys=["k1", None], times=[7, 8], rows=[[1.0, "x"], [None, "y"]], y=[0.5, None],
                  err="one row failed", fb=2)  # fmt: skip
    assert lake.ingest(tmp_path, "w", [many], "node-0-8") == 2
    first, second = whole(tmp_path).to_pylist()
    assert (first["id"], first["key"], first["in_a"], first["in_c"], first["output"]) == ("a" * 48, "k1", 1.0, "x", 0.5)
    assert (second["key"], second["in_a"], second["output"], second["target_ms"]) == (None, None, None, 8)
    assert (second["fallback_from"], second["error"], second["version"], second["mode"]) == (2, "one row failed", 3, "live")
    assert (tmp_path / "w" / "flights" / "day=2011-01-26" / "node-0-8.parquet").is_file()


def test_the_same_stretch_ingested_twice_is_there_once_even_after_its_day_was_merged(tmp_path):
    for _ in range(2):
        lake.ingest(tmp_path, "w", [record(1)], "node-0-8")
        lake.ingest(tmp_path, "w", [record(2)], "node-0-99")
    assert ids(whole(tmp_path)) == [1, 2]
    assert lake.compact(tmp_path, "w", "flights", "2011-01-26") == 2
    lake.ingest(tmp_path, "w", [record(1)], "node-0-8")
    lake.ingest(tmp_path, "w", [record(3)], "node-0-200")
    assert lake.compact(tmp_path, "w", "flights", "2011-01-26") == 2
    lake.ingest(tmp_path, "w", [record(2)], "node-0-99")
    assert ids(whole(tmp_path)) == [1, 2, 3]
    assert lake.compact(tmp_path, "w", "flights", "2011-01-26") == 0


def test_a_stretch_over_midnight_and_two_endpoints_lands_where_each_row_belongs(tmp_path):
    late = DAY0 + DAY_MS
    assert lake.ingest(tmp_path, "w", [record(1, t=late - 1), record(2, t=late), record(3, endpoint="other")], "n-0-8") == 3
    assert lake.days(tmp_path, "w", "flights") == ["2011-01-26", "2011-01-27"]
    assert ids(lake.read(tmp_path, "w", "flights", late, late + 1)) == [2]
    assert ids(lake.read(tmp_path, "w", "flights", late - 1, late)) == [1]
    assert ids(lake.read(tmp_path, "w", "other", 0, 2 * DAY0)) == [3]
    assert whole(tmp_path, columns=["version", "never_heard_of"]).to_pylist() == [{"version": 3, "never_heard_of": None}] * 2


def test_rows_come_in_the_order_of_time_then_id_whatever_the_order_of_arrival(tmp_path):
    for n in (5, 1, 9, 3):
        lake.ingest(tmp_path, "w", [record(n, t=DAY0 + n // 4 * HOUR_MS)], f"n-0-{n}")
    assert ids(whole(tmp_path)) == [1, 3, 5, 9]


def test_files_whose_inputs_differ_or_changed_their_type_are_read_and_merged_together(tmp_path):
    lake.ingest(tmp_path, "w", [record(1, cols=["a"], rows=[[1]])], "n-0-1")
    lake.ingest(tmp_path, "w", [record(2, cols=["a", "b"], rows=[[2.5, True]])], "n-0-2")
    lake.ingest(
        tmp_path, "w", [record(3, cols=["a"], rows=[[None]]), record(4, k="s", m="shadow", rows=None, cols=None)], "n-0-3"
    )
    lake.ingest(tmp_path, "w", [record(5, y=[[0.1, 0.9]], cols=["b"], rows=[[None]])], "n-0-5")
    for _ in range(2):
        table = whole(tmp_path)
        assert ids(table) == [1, 2, 3, 4, 5]
        assert table["in_a"].to_pylist() == [1.0, 2.5, None, None, None]
        assert table["in_b"].to_pylist() == [None, True, None, None, None]
        assert table["outputs"].to_pylist()[4] == [0.1, 0.9]
        lake.compact(tmp_path, "w", "flights", "2011-01-26")


def test_a_number_that_became_text_is_kept_as_text_and_hides_no_row(tmp_path):
    lake.ingest(tmp_path, "w", [record(1, cols=["a"], rows=[[1]])], "n-0-1")
    lake.ingest(tmp_path, "w", [record(2, cols=["a"], rows=[["one"]])], "n-0-2")
    lake.ingest(tmp_path, "w", [record(3, cols=["a"], rows=[["x"]]), record(4, cols=["a"], rows=[[2]])], "n-0-3")
    for _ in range(2):
        assert whole(tmp_path)["in_a"].to_pylist() == ["1", "one", "x", "2"]
        lake.compact(tmp_path, "w", "flights", "2011-01-26")


def test_an_endpoint_that_never_answered_has_no_rows_and_no_error(tmp_path):
    assert whole(tmp_path).num_rows == 0
    assert "version" in whole(tmp_path).column_names
    assert lake.compact(tmp_path, "w", "flights", "2011-01-26") == 0
    assert lake.days(tmp_path, "w", "flights") == []


def test_a_crash_between_writing_the_merged_file_and_deleting_the_old_ones_shows_no_row_twice(tmp_path, monkeypatch):
    for n in range(4):
        lake.ingest(tmp_path, "w", [record(n)], f"n-0-{n}")
    kept = {}
    folder = tmp_path / "w" / "flights" / "day=2011-01-26"
    for path in folder.iterdir():
        kept[path.name] = path.read_bytes()
    lake.compact(tmp_path, "w", "flights", "2011-01-26")
    for name, data in kept.items():  # as if nothing had been deleted yet
        (folder / name).write_bytes(data)
    assert ids(whole(tmp_path)) == [0, 1, 2, 3]
    lake.compact(tmp_path, "w", "flights", "2011-01-26")
    assert len(list(folder.iterdir())) == 1
    assert ids(whole(tmp_path)) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["../out", "", ".hidden", "a/b", "a\0b"])
def test_a_name_never_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(BadInput):
        lake.ingest(tmp_path, "w", [record(1)], name)
    with pytest.raises(BadInput):
        lake.ingest(tmp_path, "w", [record(1, endpoint=name)], "n-0-1")
    with pytest.raises(BadInput):
        lake.read(tmp_path, name, "flights", 0, 1)


def merge_forever(root: Path, stop: int) -> None:
    for n in range(stop):
        lake.ingest(root, "w", [record(1000 + n)], f"late-0-{n}")
        lake.compact(root, "w", "flights", "2011-01-26")


def test_readers_see_each_row_exactly_once_while_the_day_is_merged_again_and_again(tmp_path):
    for n in range(30):
        lake.ingest(tmp_path, "w", [record(n)], f"n-0-{n}")
    merger = multiprocessing.get_context("spawn").Process(target=merge_forever, args=(tmp_path, 60))
    merger.start()
    reads, newest = 0, 0
    deadline = time.monotonic() + 30
    while (merger.is_alive() or reads == 0) and time.monotonic() < deadline:
        seen = ids(whole(tmp_path))
        late = [n for n in seen if n >= 1000]
        assert [n for n in seen if n < 1000] == list(range(30))
        assert late == list(range(1000, 1000 + len(late)))  # none twice, none missing in the middle
        assert len(late) >= newest  # none disappears again
        newest, reads = len(late), reads + 1
    merger.join()
    assert merger.exitcode == 0
    assert reads > 5
    assert len(whole(tmp_path)) == 90
    assert len(os.listdir(tmp_path / "w" / "flights" / "day=2011-01-26")) == 1
