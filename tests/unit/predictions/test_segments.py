import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regie.base.errors import BadInput, StorageFull
from regie.predictions.segments import (
    HEADER_BYTES,
    LogInUse,
    SegmentBroken,
    SegmentWriter,
    frame,
    read_records,
    segment_path,
    segments,
    stretch,
    whole_records,
)

payload = st.text(min_size=1, max_size=40).map(lambda text: text.encode("utf-8", "replace"))


def written(folder: Path, payloads: list[bytes], max_bytes: int = 1 << 20) -> None:
    writer = SegmentWriter(folder, max_bytes)
    for one in payloads:
        writer.append(one)
    writer.close()


def everything(folder: Path) -> list[bytes]:
    return [one for n in segments(folder) for one in read_records(segment_path(folder, n).read_bytes()[HEADER_BYTES:])]


def test_a_log_cut_at_any_byte_keeps_every_record_that_is_whole_and_goes_on(tmp_path):
    payloads = [b'{"n":%d}' % n for n in range(6)]
    written(tmp_path / "whole", payloads)
    data = segment_path(tmp_path / "whole", 0).read_bytes()
    ends = [HEADER_BYTES + sum(len(frame(one)) for one in payloads[:n]) for n in range(len(payloads) + 1)]
    for cut in range(len(data) + 1):
        folder = tmp_path / str(cut)
        folder.mkdir()
        segment_path(folder, 0).write_bytes(data[:cut])
        written(folder, [b"after"])
        kept = sum(end <= cut for end in ends[1:])
        assert everything(folder) == [*payloads[:kept], b"after"], cut


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payloads=st.lists(payload, min_size=1, max_size=8), garbage=st.binary(min_size=0, max_size=30), zeros=st.integers(0, 5000))
def test_garbage_and_zeros_behind_the_last_record_are_cut(tmp_path_factory, payloads, garbage, zeros):
    folder = tmp_path_factory.mktemp("log")
    written(folder, payloads)
    with segment_path(folder, 0).open("ab") as file:
        file.write(garbage + bytes(zeros))
    written(folder, [b"after"])
    assert everything(folder) == [*payloads, b"after"]


@settings(max_examples=60, deadline=None)
@given(payloads=st.lists(payload, max_size=8), data=st.data())
def test_the_end_of_the_whole_records_is_found_in_any_stretch(payloads, data):
    whole = b"".join(frame(one) for one in payloads)
    cut = data.draw(st.integers(0, len(whole)))
    end = whole_records(whole[:cut])
    assert end <= cut
    assert read_records(whole[:end]) == payloads[: len(read_records(whole[:end]))]
    assert whole_records(whole) == len(whole)


def test_a_damaged_byte_in_the_middle_is_an_error_that_names_file_and_offset_and_nothing_is_cut(tmp_path):
    payloads = [b'{"n":%d}' % n for n in range(6)]
    written(tmp_path, payloads)
    path = segment_path(tmp_path, 0)
    whole = path.read_bytes()
    third = HEADER_BYTES + sum(len(frame(one)) for one in payloads[:2])
    for at in range(third, third + len(frame(payloads[2]))):  # length, checksum and payload alike
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        with pytest.raises(SegmentBroken) as refused:
            SegmentWriter(tmp_path)
        assert refused.value.offset == third
        assert str(path) in str(refused.value)
        assert path.stat().st_size == len(whole)
    with pytest.raises(SegmentBroken):
        read_records(path.read_bytes()[HEADER_BYTES:])


def test_a_file_that_is_no_segment_is_never_overwritten(tmp_path):
    segment_path(tmp_path, 0).write_bytes(b"something else entirely")
    with pytest.raises(SegmentBroken, match="not a segment"):
        SegmentWriter(tmp_path)
    assert segment_path(tmp_path, 0).read_bytes() == b"something else entirely"


def test_segments_roll_before_they_grow_over_their_limit_and_no_record_is_split(tmp_path):
    payloads = [b"x" * 40 + b"%d" % n for n in range(50)]
    written(tmp_path, payloads, max_bytes=200)
    assert len(segments(tmp_path)) > 10
    assert all(segment_path(tmp_path, n).stat().st_size <= 200 for n in segments(tmp_path))
    assert everything(tmp_path) == payloads
    written(tmp_path, [b"y"], max_bytes=200)
    assert everything(tmp_path) == [*payloads, b"y"]


def test_uploading_in_stretches_of_any_size_gives_every_byte_once_and_only_whole_records(tmp_path):
    payloads = [b"z" * (7 * n + 1) for n in range(40)]
    written(tmp_path, payloads, max_bytes=1000)
    for size in (1, 10, 100, 5000):
        got = []
        for number in segments(tmp_path):
            offset, data = 0, b""
            while piece := stretch(tmp_path, number, offset, size):
                offset += len(piece)
                data += piece
            assert data == segment_path(tmp_path, number).read_bytes()
            got += read_records(data[HEADER_BYTES:])
        assert got == payloads


def test_a_record_that_is_still_being_written_is_not_uploaded_and_a_damaged_old_segment_is_an_error(tmp_path):
    written(tmp_path, [b"a" * 50] * 6, max_bytes=150)
    last = segments(tmp_path)[-1]
    with segment_path(tmp_path, last).open("ab") as file:
        file.write(frame(b"torn record")[:-3])
    end = segment_path(tmp_path, last).stat().st_size - len(frame(b"torn record")) + 3
    assert stretch(tmp_path, last, end, 1 << 20) == b""
    data = bytearray(segment_path(tmp_path, 0).read_bytes())
    data[HEADER_BYTES + 20] ^= 1
    segment_path(tmp_path, 0).write_bytes(data)
    with pytest.raises(SegmentBroken):
        stretch(tmp_path, 0, HEADER_BYTES, 1 << 20)


def test_only_one_writer_has_a_log_and_the_next_may_have_it_after_the_first(tmp_path):
    first = SegmentWriter(tmp_path)
    with pytest.raises(LogInUse):
        SegmentWriter(tmp_path)
    first.close()
    SegmentWriter(tmp_path).close()


def test_threads_that_append_at_once_lose_nothing_and_tear_nothing(tmp_path):
    writer = SegmentWriter(tmp_path, max_bytes=4000)

    def work(name: int) -> None:
        for n in range(200):
            writer.append(b"%d-%d" % (name, n))
            if n % 50 == 0:
                writer.sync()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    writer.close()
    got = everything(tmp_path)
    assert len(got) == 1200
    for name in range(6):
        assert [one for one in got if one.startswith(b"%d-" % name)] == [b"%d-%d" % (name, n) for n in range(200)]


def test_a_record_that_is_empty_or_larger_than_the_limit_is_refused_and_harms_nothing(tmp_path):
    writer = SegmentWriter(tmp_path)
    for wrong in (b"", b"x" * ((8 << 20) + 1)):
        with pytest.raises(BadInput):
            writer.append(wrong)
    writer.append(b"right")
    writer.close()
    assert everything(tmp_path) == [b"right"]


FULL = """
import resource, signal, sys
from pathlib import Path
from regie.base.errors import StorageFull
from regie.predictions.segments import SegmentWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = SegmentWriter(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
kept = 0
try:
    while True:
        writer.append(b"r" * 92)
        kept += 1
except StorageFull:
    pass
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.append(b"there is space again")
writer.close()
print(kept)
"""


def test_a_disk_that_fills_up_in_the_middle_of_a_record_leaves_no_half_of_it(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True, timeout=30)
    kept = int(done.stdout)
    assert 0 < kept < 10
    assert everything(tmp_path) == [b"r" * 92] * kept + [b"there is space again"]
    assert StorageFull.status == 507


KILLED = """
import sys
from pathlib import Path
from regie.predictions.segments import SegmentWriter
writer = SegmentWriter(Path(sys.argv[1]), max_bytes=5000)
n = 0
while True:
    writer.append(b"record %d" % n)
    sys.stdout.write(f"{n}\\n")
    sys.stdout.flush()
    n += 1
"""


def test_kill_minus_nine_loses_no_record_that_was_appended_before_it_was_answered(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answered = -1
    for line in process.stdout:
        answered = int(line)
        if answered >= 2000:
            break
    os.kill(process.pid, signal.SIGKILL)
    answered = max([answered, *(int(line) for line in process.stdout.read().split("\n")[:-1] if line)])
    process.stdout.close()
    process.wait()
    SegmentWriter(tmp_path, max_bytes=5000).close()  # cuts what was torn, if anything
    got = everything(tmp_path)
    assert got[: answered + 1] == [b"record %d" % n for n in range(answered + 1)]
    assert len(got) <= answered + 2
