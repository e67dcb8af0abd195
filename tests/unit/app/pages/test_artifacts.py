"""Artifacts: listed in pages, previewed in parts; none becomes a page of this server."""

import io
import subprocess
import sys
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regie.app.caller import CallerOf
from regie.app.pages import artifacts
from regie.base.errors import BadInput, NotFound
from regie.store.actors import everybody
from regie.store.types import LOCAL
from regie.tracking.artifacts import name as name_file

HOSTILE = "<img src=x onerror=alert(1)>.txt"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 30


@pytest.fixture
def caller(sqlite_store):
    return CallerOf(sqlite_store, everybody(LOCAL), "team")


def test_thousands_of_files_are_listed_in_pages_with_folders_once(caller, run_id, keep):
    digest = caller.store.blobs.put(b"x")
    with caller.store.measure() as batch:
        for number in range(450):
            name_file(batch, "team", f"runs/{run_id}", f"deep/part-{number:03d}/x/y.txt", digest, 1)
            name_file(batch, "team", f"runs/{run_id}", f"deep/part-{number:03d}.txt", digest, 1)
    seen, after = [], ""
    while True:
        folder = artifacts.listed(caller, f"runs/{run_id}/deep", after)
        seen += [(one.name, one.bytes) for one in folder.entries]
        if folder.next is None:
            break
        after = folder.next
    assert len(seen) == len(set(seen)) == 900
    assert {name for name, size in seen if size is None} == {f"part-{number:03d}" for number in range(450)}


def test_text_is_text_whatever_it_says_and_its_end_can_be_followed(caller, keep):
    place = keep(HOSTILE, b"<script>alert(1)</script>")
    shown = artifacts.preview(caller, place)
    assert (shown.sort, shown.text.text) == ("text", "<script>alert(1)</script>")
    log = "é line of a log\n" * 20_000
    place = keep("train.log", log.encode())
    head = artifacts.preview(caller, place)
    tail = artifacts.preview(caller, place, -1)
    assert head.text.begin == 0
    assert tail.text.end == head.bytes == len(log.encode())
    assert tail.text.text.endswith("log\n")
    whole, at = "", 0
    while at < head.bytes:  # no character is cut in two
        part = artifacts.preview(caller, place, at).text
        whole, at = whole + part.text, part.end
    assert whole == log


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.csv", b"a,b,c\n1,x,\n2.5,\"y,z\",007\n"), ("t.tsv", b"a\tb\tc\n1\tx\t\n2.5\ty,z\t007\n"), ("t.csv", b"a;b;c\n1;x;\n2.5;y,z;007\n"),
     ("t.json", b'{"columns": ["a", "b", "c"], "data": [[1, "x", null], [2.5, "y,z", "007"]]}'),
     ("t.json", b'[{"a": 1, "b": "x"}, {"a": 2.5, "b": "y,z", "c": "007"}]'),
     ("t.jsonl", b'{"a": 1, "b": "x"}\n{"a": 2.5, "b": "y,z", "c": "007"}\n')],
)  # fmt: skip
def test_a_table_shows_its_first_rows(caller, keep, name, content):
    table = artifacts.preview(caller, keep(name, content)).table
    assert table.columns == ["a", "b", "c"]
    assert table.rows == [[1.0, "x", None], [2.5, "y,z", "007"]]
    assert not table.more_rows


def test_a_large_table_is_bounded_in_rows_columns_and_cells(caller, keep):
    buffer = io.BytesIO()
    pq.write_table(pa.table({f"c{number}": ["v" * 1_000] * 500 for number in range(100)}), buffer)
    wide = artifacts.preview(caller, keep("wide.parquet", buffer.getvalue())).table
    assert (len(wide.columns), len(wide.rows), wide.rows_count, wide.more_rows, wide.more_columns) == (60, 200, 500, True, True)
    assert len(wide.rows[0][0]) == 300
    long = artifacts.preview(caller, keep("long.csv", b"a,b\n" + b"1,2\n" * 400_000)).table
    assert (len(long.rows), long.more_rows) == (200, True)


@pytest.mark.parametrize("name", ["x.parquet", "x.json", "x.csv", "x.jsonl", "x.png", "x.html", "x.svg"])
def test_a_broken_file_is_shown_as_what_it_holds_or_not_at_all(caller, keep, name):
    assert artifacts.preview(caller, keep(name, bytes(range(256)) * 20)).sort in ("none", "table")
    shown = artifacts.preview(caller, keep("cut-" + name, b"{ 'no"))
    assert shown.sort == ("html" if name.endswith("html") else "table" if name.endswith("csv") else "text")
    assert artifacts.preview(caller, keep("empty-" + name, b"")).sort in ("text", "html")


def test_a_small_parquet_file_that_unpacks_into_gigabytes_takes_no_memory(caller, keep):
    million = pa.array(["x" * 1_000_000])
    told = io.BytesIO()
    pq.write_table(
        pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0] * 200, pa.int32()), million)}), told, store_schema=False
    )
    tracemalloc.start()
    shown = artifacts.preview(caller, keep("text.parquet", told.getvalue()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (shown.sort, len(shown.table.rows), len(shown.table.rows[199][0])) == ("table", 200, 300)
    assert len(told.getvalue()) < 100_000
    assert peak < 50_000_000  # a copy for each row would be four times that
    told = io.BytesIO()
    pq.write_table(pa.table({"a": pa.ListArray.from_arrays([0, 10_000_000], pa.nulls(10_000_000, pa.int8()).fill_null(7))}), told)
    assert artifacts.preview(caller, keep("lists.parquet", told.getvalue())).sort == "none"


@pytest.fixture(scope="module")
def liar():
    """A file of some hundred bytes whose only row has three million values, and whose footer says that it has two hundred."""
    told, many, few = io.BytesIO(), 3_000_000, 200
    pq.write_table(pa.table({"a": pa.ListArray.from_arrays([0, many], pa.nulls(many, pa.int8()).fill_null(7))}), told)
    data, size = told.getvalue(), int.from_bytes(told.getvalue()[-8:-4], "little")
    footer, truth = data[-8 - size : -8], varint(many)
    assert truth in footer
    return data[: -8 - size] + footer.replace(truth, varint(few, len(truth))) + data[-8:]


def varint(number, width=0):
    """As the footer says numbers; as long as another one."""
    said, left = [], 2 * number
    while left or len(said) < max(width, 1):
        said.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*said[:-1], said[-1] & 0x7F])


def test_a_parquet_file_that_lies_about_its_sizes_takes_no_memory_of_the_server(caller, keep, liar):
    tracemalloc.start()
    shown = artifacts.preview(caller, keep("lies.parquet", liar))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(liar) < 1_000, shown.sort) == (True, "table")  # it is little enough for the process that reads it
    assert peak < 10_000_000  # its values alone would be 24 MB


def test_a_file_that_unpacks_into_more_than_there_is_room_for_is_no_table(tmp_path, liar):
    (tmp_path / "lies.parquet").write_bytes(liar)
    for room, shown in ((512 << 20, True), (16 << 20, False)):
        code = f"from pathlib import Path; from regie.app.pages import parquet_rows as it\nit.ROOM_BYTES = {room}"
        code += "\nit.main(Path('lies.parquet'))"
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=60, check=False)
        assert bool(done.stdout) is shown, done.stderr[-500:]


def test_half_a_character_and_a_number_of_four_thousand_digits_are_shown(caller, keep):
    assert artifacts.preview(caller, keep("half.json", b'[{"\\ud800": "\\udfff"}]')).table.rows == [["?"]]
    shown = artifacts.preview(caller, keep("t.json", b'[{"a": 1%s}]' % (b"0" * 4_000)))
    assert shown.table.rows[0][0].startswith("1000")


def test_only_pictures_and_html_are_shown_and_only_in_a_sandbox(caller, keep):
    html = keep("report.html", b"<script>top.location='x'</script>")
    for place, media in (
        (html, "text/html"),
        (keep("named.txt", PNG), "image/png"),
        (keep("a.svg", b"<svg onload=x()>"), "image/svg+xml"),
    ):
        sent = artifacts.shown(caller, place)
        assert sent.media_type == media
        policy = sent.headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none';")
        assert "script" not in policy
        assert "allow-" not in policy
        assert sent.headers["x-content-type-options"] == "nosniff"
    for path, content in (("page.txt", b"<html><script>x()</script>"), ("x.js", b"alert(1)"), ("fake.png", b"<html>")):
        with pytest.raises(NotFound):
            artifacts.shown(caller, keep(path, content))


@pytest.mark.parametrize("path", ["../other", "a/../../b", "%2e%2e/x", "a\\..\\b\x00", "/etc/passwd", ""])
def test_no_path_leads_out_of_a_run(caller, run_id, path):
    for ask in (artifacts.preview, artifacts.shown):
        with pytest.raises((BadInput, NotFound)):
            ask(caller, f"runs/{run_id}/{path}")
