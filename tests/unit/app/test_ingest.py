"""What a node delivers is taken in once, also when the server dies between the rows and the offset."""

import json
import struct
import threading
import zlib

from sqlalchemy import delete, select

from regie.app.api.nodes import _ingest
from regie.base.clock import day
from regie.predictions import lake
from regie.store.tables import segments
from tests.support.place import NOW, record

MAGIC = b"REGIELG1"


def stretch(*numbers):
    """The bytes of whole records."""
    payloads = [json.dumps(record(number, NOW + number, 1)).encode() for number in numbers]
    return b"".join(struct.pack("<II", len(one), zlib.crc32(one)) + one for one in payloads)


def ids(root):
    return [int(one, 16) for one in lake.read(root, "loop", "loop", 0, NOW * 2)["id"].to_pylist()]


def test_a_stretch_that_comes_twice_is_taken_in_once(sqlite_store, tmp_path):
    data = MAGIC + stretch(1, 2)
    assert _ingest(sqlite_store, tmp_path, "n", 1, 0, data) == (len(data), True)
    assert _ingest(sqlite_store, tmp_path, "n", 1, 0, data) == (len(data), True)
    longer = data + stretch(3)
    assert _ingest(sqlite_store, tmp_path, "n", 1, 0, longer) == (len(longer), True)
    assert ids(tmp_path) == [1, 2, 3]


def test_a_gap_is_refused_with_the_offset_that_is_wanted(sqlite_store, tmp_path):
    data = MAGIC + stretch(1)
    _ingest(sqlite_store, tmp_path, "n", 1, 0, data)
    assert _ingest(sqlite_store, tmp_path, "n", 1, len(data) + 50, stretch(9)) == (len(data), False)
    assert ids(tmp_path) == [1]


def test_a_server_killed_after_the_rows_and_before_the_offset_loses_nothing_that_came_since(sqlite_store, tmp_path):
    _ingest(sqlite_store, tmp_path, "n", 1, 0, MAGIC + stretch(1, 2))
    with sqlite_store.machinery() as batch:
        batch.execute(delete(segments))  # what the killed server had not written yet
    again = MAGIC + stretch(1, 2, 3, 4)
    assert _ingest(sqlite_store, tmp_path, "n", 1, 0, again) == (len(again), True)
    assert ids(tmp_path) == [1, 2, 3, 4]


def test_two_deliveries_of_one_node_at_once_lose_and_double_nothing(sqlite_store, tmp_path):
    shorter, longer = MAGIC + stretch(*range(50)), MAGIC + stretch(*range(90))
    calls = [threading.Thread(target=_ingest, args=(sqlite_store, tmp_path, "n", 1, 0, data)) for data in (shorter, longer) * 4]
    for call in calls:
        call.start()
    for call in calls:
        call.join()
    assert ids(tmp_path) == list(range(90))
    with sqlite_store.read() as db:
        row = db.execute(select(segments)).one()
    assert (row.offset, row.records) == (len(longer), 90)


def test_what_came_after_a_killed_server_is_kept_also_where_its_rows_were_merged_meanwhile(sqlite_store, tmp_path):
    _ingest(sqlite_store, tmp_path, "n", 1, 0, MAGIC + stretch(1, 2))
    lake.ingest(tmp_path, "loop", [record(8, NOW + 8, 1)], "other")
    with sqlite_store.machinery() as batch:
        batch.execute(delete(segments))  # killed between rows and offset; its successor merges the day before the node comes back
    assert lake.compact(tmp_path, "loop", "loop", day(NOW)) == 2
    again = MAGIC + stretch(1, 2, 3)
    assert _ingest(sqlite_store, tmp_path, "n", 1, 0, again) == (len(again), True)
    assert ids(tmp_path) == [1, 2, 3, 8]
    for longer in (MAGIC + stretch(1, 2, 3, 4), MAGIC + stretch(1, 2, 3, 4, 5)):  # and killed there again, merged or not
        with sqlite_store.machinery() as batch:
            batch.execute(delete(segments))
        assert _ingest(sqlite_store, tmp_path, "n", 1, 0, longer) == (len(longer), True)
        assert lake.compact(tmp_path, "loop", "loop", day(NOW)) == 2
    assert ids(tmp_path) == [1, 2, 3, 4, 5, 8]


def test_what_is_taken_in_while_a_day_is_merged_is_not_lost(sqlite_store, tmp_path):
    for number in range(100, 120):
        lake.ingest(tmp_path, "loop", [record(number, NOW + number, 1)], f"other-{number}")
    _ingest(sqlite_store, tmp_path, "n", 1, 0, MAGIC + stretch(1))
    merging = threading.Thread(target=lambda: [lake.compact(tmp_path, "loop", "loop", day(NOW)) for _ in range(20)])
    merging.start()
    for last in range(2, 20):
        with sqlite_store.machinery() as batch:
            batch.execute(delete(segments))
        _ingest(sqlite_store, tmp_path, "n", 1, 0, MAGIC + stretch(*range(1, last + 1)))
    merging.join()
    assert ids(tmp_path) == [*range(1, 20), *range(100, 120)]
