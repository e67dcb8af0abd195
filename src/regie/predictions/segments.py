"""The prediction log of a node: append-only checked segments (`docs/reference/segment-record.md`).

Promises: an appended record is with the operating system when `append` returns, so that a killed process loses none; a synced one
is on the disk. A torn tail is cut on opening; a wrong checksum elsewhere is an error that names file and offset. One writer a
folder.
Offsets and sizes are bytes; a segment's number is that of its file.
"""

import errno
import fcntl
import os
import struct
import threading
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from regie.base.errors import BadInput, Conflict, RegieError, StorageFull

MAGIC = b"REGIELG1"
HEADER_BYTES = len(MAGIC)
_HEAD = struct.Struct("<II")
SEGMENT_BYTES = 16 << 20
RECORD_BYTES = 8 << 20  # a greater length is a torn or foreign one; half a segment


class SegmentBroken(RegieError):
    """A segment whose middle cannot be read; what is before the offset is whole."""

    code = "log.broken"

    def __init__(self, path: Path | str, offset: int, why: str) -> None:
        super().__init__(why, f"{path} at byte {offset}", "keep the file; its records before this byte are whole")
        self.offset = offset


class LogInUse(Conflict):
    """Another process writes to this log."""

    code = "log.in_use"


def frame(payload: bytes) -> bytes:
    """A record as it lies in a segment."""
    return _HEAD.pack(len(payload), crc32(payload)) + payload


def segment_path(folder: Path, segment: int) -> Path:
    """Where a segment lies."""
    return folder / f"{segment:012d}.seg"


def segments(folder: Path) -> list[int]:
    """The numbers of the segments that are there, in order."""
    return sorted(int(path.stem) for path in folder.glob("*.seg") if path.stem.isdigit())


def whole_records(data: bytes) -> int:
    """Where the whole records from the start of the data end (without a segment's header).

    What follows is a torn tail, or the rest of a record that is still being written. No record is empty: zeros, which a power cut
    leaves behind, would else be one.
    """
    offset, end = 0, len(data)
    while offset + _HEAD.size <= end:
        length, checksum = _HEAD.unpack_from(data, offset)
        after = offset + _HEAD.size + length
        if not 0 < length <= RECORD_BYTES or after > end or crc32(memoryview(data)[offset + _HEAD.size : after]) != checksum:
            break
        offset = after
    return offset


def read_records(data: bytes, name: Path | str = "segment", start: int = 0) -> list[bytes]:
    """The payloads of a stretch of whole records (without a segment's header).

    Raises SegmentBroken, at `start` plus the offset, where a record is not whole.
    """
    payloads, offset = [], 0
    while offset < len(data):
        step = whole_records(data[offset : offset + _HEAD.size + _length(data, offset)])
        if step == 0:
            raise SegmentBroken(name, start + offset, "the record there is torn or has a wrong checksum")
        payloads.append(data[offset + _HEAD.size : offset + step])
        offset += step
    return payloads


class SegmentWriter:
    """Appends records; rolls to a new segment before one would grow over `max_bytes`. Used by any number of threads.

    Raises LogInUse if another process writes here, SegmentBroken if a wrong checksum stands before the tail.
    """

    def __init__(self, folder: Path, max_bytes: int = SEGMENT_BYTES) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.max_bytes = folder, max_bytes
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()
        self._guard = _locked(folder)
        try:
            self._segment = max(segments(folder), default=0)
            self._offset = _cut_tail(segment_path(folder, self._segment))
            self._file = self._open(self._segment)
            if self._offset == 0:
                self._begin()
        except BaseException:
            os.close(self._guard)
            raise

    @property
    def position(self) -> tuple[int, int]:
        """Segment and offset behind the last record."""
        with self._lock:
            return self._segment, self._offset

    def append(self, payload: bytes) -> None:
        """Hand one record to the operating system. Raises StorageFull; then nothing of it is kept."""
        if not 0 < len(payload) <= RECORD_BYTES:
            raise BadInput(f"a record has 1 to {RECORD_BYTES} bytes, not {len(payload)}", do="send fewer rows in a request")
        record = frame(payload)
        with self._lock:
            if self._offset + len(record) > self.max_bytes and self._offset > HEADER_BYTES:
                self._roll()
            self._write(record)

    def sync(self) -> None:
        """Bring everything that was appended before to the disk. Others may append meanwhile."""
        with self._sync_lock:
            with self._lock:
                handle = os.dup(self._file)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def close(self) -> None:
        """Sync, and let another process write here."""
        self.sync()
        with self._lock:
            os.close(self._file)
            os.close(self._guard)

    def _write(self, data: bytes) -> None:
        view, done = memoryview(data), 0
        try:
            while done < len(data):  # one write nearly always; a signal or a full disk may split it
                done += os.write(self._file, view[done:])
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._file, self._offset)
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise StorageFull("the disk is full; the record was not kept", str(self.folder), "free some space") from error
            raise
        self._offset += len(data)

    def _roll(self) -> None:
        new = self._open(self._segment + 1)
        os.fsync(self._file)
        os.close(self._file)
        self._file, self._segment, self._offset = new, self._segment + 1, 0
        self._begin()

    def _begin(self) -> None:
        self._write(MAGIC)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def _open(self, segment: int) -> int:
        return os.open(segment_path(self.folder, segment), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def stretch(folder: Path, segment: int, offset: int, max_bytes: int) -> bytes:
    """Whole records of a segment from an offset on, about `max_bytes` of them; from offset 0 with the header.

    At least one record if there is one, however long; empty at the end. Safe beside a writer. Raises SegmentBroken where what is
    there can never become whole: in a segment that is not the last.
    """
    path = segment_path(folder, segment)
    last = segment >= max(segments(folder), default=segment)
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES) if offset == 0 else b""
            file.seek(max(offset, HEADER_BYTES))
            data = file.read(max(max_bytes, _HEAD.size))
            if len(data) >= _HEAD.size and (need := _HEAD.size + _length(data, 0)) > len(data):
                data += file.read(min(need, RECORD_BYTES + _HEAD.size) - len(data))
    except FileNotFoundError:
        return b""
    if offset == 0 and head != MAGIC:
        if len(head) < HEADER_BYTES and last:
            return b""
        raise SegmentBroken(path, 0, "the file is not a segment")
    end = whole_records(data)
    if end == 0 and data and not last:
        raise SegmentBroken(path, max(offset, HEADER_BYTES), "the record there is torn or has a wrong checksum")
    return head + data[:end]


def _length(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "little")


def _locked(folder: Path) -> int:
    handle = os.open(folder / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise LogInUse("another process writes to this log", str(folder), "stop it, or give this node its own home") from None
    return handle


def _record_behind(data: bytes, start: int) -> bool:
    """Whether a whole record begins anywhere from `start` on."""
    for offset in range(start, len(data) - _HEAD.size):
        length, checksum = _HEAD.unpack_from(data, offset)
        after = offset + _HEAD.size + length
        if 0 < length <= RECORD_BYTES and after <= len(data) and crc32(data[offset + _HEAD.size : after]) == checksum:
            return True
    return False


def _cut_tail(path: Path) -> int:
    """Cut what is not whole at the end of the last segment; returns its length, 0 if it has to be begun.

    A torn record is the last thing in its file, for there is one writer that goes on only after a whole record. So a whole
    record anywhere *behind* a wrong one means that the middle was damaged: that is never cut. (A payload cannot hold a record by
    chance: the length of a record has zero bytes, which JSON text has not.)
    """
    if not path.exists():
        return 0
    data = path.read_bytes()
    if len(data) < HEADER_BYTES and MAGIC.startswith(data):
        os.truncate(path, 0)
        return 0
    if not data.startswith(MAGIC):
        raise SegmentBroken(path, 0, "the file is not a segment")
    end = HEADER_BYTES + whole_records(data[HEADER_BYTES:])
    if end < len(data):
        if _record_behind(data, end + 1):
            raise SegmentBroken(path, end, "the record there has a wrong checksum, and whole ones follow")
        os.truncate(path, end)
    return end
