"""Content-addressed blobs in a folder: written to a temporary name, synced, renamed; never overwritten.

A blob's name is `sha256:` and the 64 hex digits of its content; in the folder it lies under `ab/cdef...`.
"""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from regie.base.canonical import sha256
from regie.base.errors import BadInput, NotFound, StorageFull

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
PIECE_BYTES = 1 << 20
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # the last one: the limit of a file system, or of a process


class BlobStore:
    """A folder of blobs. Any number of processes may write to it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.temporary = root / "tmp"
        self.temporary.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Where the blob lies, whether it is there or not. Raises BadInput for what is not a digest."""
        if not _DIGEST.fullmatch(digest):
            raise BadInput(f"{digest!r} is not a digest", do="write sha256: and 64 hex digits")
        name = digest.removeprefix("sha256:")
        return self.root / name[:2] / name[2:]

    def has(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def put(self, data: bytes) -> str:
        """Store bytes; returns their digest."""
        digest = sha256(data)
        return digest if self.has(digest) else self.put_stream([data])

    def put_file(self, path: Path) -> str:
        """Store a file's content; returns its digest."""
        with path.open("rb") as file:
            return self.put_stream(pieces(file))

    def put_stream(self, stream: Iterable[bytes], expected: str | None = None) -> str:
        """Store a stream of bytes with flat memory; returns its digest.

        Raises BadInput if the content has another digest than expected, StorageFull if the disk is full; then nothing is kept.
        """
        hasher = hashlib.sha256()
        handle, name = tempfile.mkstemp(dir=self.temporary)
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in stream:
                    hasher.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            digest = "sha256:" + hasher.hexdigest()
            if expected is not None and digest != expected:
                raise BadInput(f"the content has digest {digest}, not {expected}", do="send it again, unchanged")
            target = self.path(digest)
            target.parent.mkdir(exist_ok=True)
            Path(name).replace(target)
            _sync_folder(target.parent)
        except OSError as error:
            if error.errno in FULL:
                raise StorageFull(
                    "the disk is full", str(self.root), "free some space, then repeat; nothing was stored"
                ) from error
            raise
        finally:
            with suppress(FileNotFoundError):
                Path(name).unlink()
        return digest

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


def pieces(file: BinaryIO) -> Iterator[bytes]:
    """A file's content in pieces of a mebibyte."""
    while piece := file.read(PIECE_BYTES):
        yield piece


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
