"""Content-addressed blobs in a folder: written to a temporary name, synced, renamed; never overwritten.

A blob's name is `sha256:` and the 64 hex digits of its content; in the folder it lies under `ab/cdef...`. Its modification time is
when it was last put or kept: whoever names a blob has done that within `GRACE_MS` before, so that `remove_unnamed` leaves it.
"""

import errno
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO

from regie.base.canonical import sha256
from regie.base.clock import DAY_MS
from regie.base.errors import BadInput, NotFound, StorageFull
from regie.base.syncer import Syncer

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PIECE_BYTES = 1 << 20
# The longest time from a blob's last `put` or `keep` to the commit of the row that names it: of a job that judges on a held-out
# part, hours.
GRACE_MS = DAY_MS
AT_ONCE = 200  # files that are looked at under the lock: some milliseconds
SHARDS = tuple(f"{number:02x}" for number in range(256))
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last one: the limit of a file system, or of a process


class BlobStore:
    """A folder of blobs. Any number of processes may write to it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)
        self._syncer = Syncer(root)

    def path(self, digest: str) -> Path:
        """Where the blob lies, whether it is there or not. Raises BadInput for what is not a digest."""
        if not _DIGEST.fullmatch(digest):
            raise BadInput(f"{digest!r} is not a digest", do="write sha256: and 64 hex digits")
        name = digest.removeprefix("sha256:")
        return self.root / name[:2] / name[2:]

    def has(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def keep(self, digest: str, size: int | None = None) -> bool:
        """Say that the blob is about to be named. False where it is not there (any more), or a power cut left it with another size."""
        path = self.path(digest)
        with self._placing():
            try:
                if size is not None and os.stat(path).st_size != size:
                    return False
                os.utime(path)
            except FileNotFoundError:
                return False
        return True

    def put(self, data: bytes) -> str:
        """Store bytes; returns their digest."""
        digest = sha256(data)
        return digest if self.keep(digest, len(data)) else self.put_stream([data])

    def put_file(self, path: Path) -> str:
        """Store a file's content; returns its digest."""
        with path.open("rb") as file:
            return self.put_stream(pieces(file))

    def put_stream(self, stream: Iterable[bytes], expected: str | None = None) -> str:
        """Store a stream of bytes with flat memory; returns its digest.

        Raises BadInput if the content has another digest than expected, StorageFull if the disk is full; then nothing is kept.
        """
        writing = self.begin()
        try:
            for piece in stream:
                writing.write(piece)
            return writing.done(expected)
        finally:
            writing.drop()

    def begin(self) -> "Writing":
        """A blob that comes piece by piece. Raises StorageFull."""
        return Writing(self)

    def place(self, name: str, digest: str, durable: bool) -> None:
        """Give a temporary file, synced where it is to be durable, the name of its content."""
        target = self.path(digest)
        folder = target.parent
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            _sync_folder(self.root)
        with self._placing():
            os.replace(name, target)
        if durable:
            _sync_folder(folder)
        else:
            self._syncer.soon()

    def sync(self) -> None:
        """Whatever was put is durable when it returns, whoever put it."""
        self._syncer.now()

    @contextmanager
    def _placing(self) -> Iterator[None]:
        """What is placed or kept meanwhile is not removed. Any number of threads and processes at once; a killed one lets go."""
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield
        finally:
            os.close(handle)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Raises StorageFull for a disk that is full meanwhile."""
        try:
            yield
        except OSError as error:
            if error.errno in FULL:
                raise StorageFull(
                    "the disk is full", str(self.root), "free some space, then repeat; nothing was stored"
                ) from error
            raise

    def old(self, shard: str, before_ms: int) -> list[str]:
        """The digests in one of the `SHARDS` that nobody has put or kept since."""
        found = []
        with suppress(FileNotFoundError), os.scandir(self.root / shard) as entries:
            found = [f"sha256:{shard}{one.name}" for one in entries if one.stat().st_mtime * 1000 < before_ms]
        return [digest for digest in found if _DIGEST.fullmatch(digest)]

    def remove_unnamed(self, digests: Iterable[str], before_ms: int) -> tuple[int, int]:
        """Remove blobs that nothing names, but for those that were put or kept since `before_ms`; returns (blobs, bytes).

        `before_ms` must be `GRACE_MS` before the look at what is named. Who names one after that look has put or kept it after
        `before_ms`: either before this, which then leaves it, or after this, when `put` writes it again and `keep` says it is gone.
        """
        blobs = size = 0
        wanted = list(digests)
        for start in range(0, len(wanted), AT_ONCE):
            with self._removing():
                for digest in wanted[start : start + AT_ONCE]:
                    freed = _unlink_old(self.path(digest), before_ms)
                    blobs, size = blobs + (freed is not None), size + (freed or 0)
        return blobs, size

    def remove_broken_off(self, before_ms: int) -> int:
        """Remove what uploads left that were broken off by the death of a process; returns how many files and folders."""
        count = 0
        for one in self.temporary.iterdir():
            with suppress(FileNotFoundError):
                if one.stat().st_mtime * 1000 < before_ms:
                    shutil.rmtree(one) if one.is_dir() else one.unlink()
                    count += 1
        return count

    @contextmanager
    def _removing(self) -> Iterator[None]:
        handle = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def get(self, digest: str) -> bytes:
        """The whole content. Raises NotFound."""
        with self.open(digest) as file:
            return file.read()

    def open(self, digest: str) -> BinaryIO:
        """The content as a file. Raises NotFound."""
        try:
            return self.path(digest).open("rb")
        except FileNotFoundError:
            raise NotFound(f"blob {digest} does not exist", str(self.root)) from None


class Writing:
    """A blob on its way: `write` its pieces, then `done`; `drop` in any case. Not to be shared between threads at the same time."""

    def __init__(self, blobs: BlobStore) -> None:
        self.blobs, self.size = blobs, 0
        self._hasher = hashlib.sha256()
        with blobs.room():
            handle, self._name = tempfile.mkstemp(dir=blobs.temporary)
        self._file: FileIO | None = FileIO(handle, "wb")

    def write(self, piece: bytes) -> None:
        """Raises StorageFull."""
        assert self._file is not None
        self._hasher.update(piece)
        self.size += len(piece)
        with self.blobs.room():
            left = memoryview(piece)
            while left:
                left = left[self._file.write(left) :]

    def done(self, expected: str | None = None, *, durable: bool = True) -> str:
        """Keep it; returns its digest. Raises BadInput for another one than expected, StorageFull.

        Where it is not durable, it survives the death of any process at once, and a power cut after about `SYNC_S`.
        """
        assert self._file is not None
        digest = "sha256:" + self._hasher.hexdigest()
        if expected is not None and digest != expected:
            raise BadInput(f"the content has digest {digest}, not {expected}", do="send it again, unchanged")
        if not self.blobs.keep(digest, self.size):
            with self.blobs.room():
                if durable:
                    os.fsync(self._file.fileno())
                self.blobs.place(self._name, digest, durable)
            self._name = ""
        return digest

    def drop(self) -> None:
        """Leave nothing behind but what is done."""
        if self._file is not None:
            self._file.close()
            self._file = None
            if self._name:
                os.unlink(self._name)


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """A file's content in pieces of a mebibyte."""
    while piece := file.read(PIECE_BYTES):
        yield piece


def _unlink_old(path: Path, before_ms: int) -> int | None:
    """The size of the file that was removed; None where it is gone, or not old."""
    with suppress(FileNotFoundError):
        found = path.stat()
        if found.st_mtime * 1000 < before_ms:
            path.unlink()
            return found.st_size
    return None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
