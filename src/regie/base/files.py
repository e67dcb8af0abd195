"""Write a whole file or nothing: to a temporary name beside it, synced, then renamed. Hold a place against others."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from regie.base.errors import NotFound


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Replace a file; whoever reads it sees the old content or the new. Raises NotFound where its folder is missing."""
    if not path.parent.is_dir():
        raise NotFound("there is no such folder", str(path.parent), "make it, or write elsewhere")
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Wait until no other thread and no other process holds this lock file, then hold it. The system lets go of it for the dead."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
