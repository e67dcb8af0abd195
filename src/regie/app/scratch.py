"""What a killed worker leaves in HOME/scratch: working folders of tasks and jobs, and code that was unpacked for them."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sqlalchemy import select

from regie.base.clock import DAY_MS, wall_ms
from regie.store.change import Store
from regie.store.tables import jobs


def sweep(store: Store, scratch: Path) -> int:
    """Remove folders that nobody has touched for a day; returns how many. Nothing while any job runs: it may be in use."""
    with store.read() as db:
        if db.execute(select(jobs.c.id).where(jobs.c.state == "running").limit(1)).first():
            return 0
    removed = 0
    for folder in _folders(scratch):
        with suppress(FileNotFoundError):  # another worker that starts removes it too
            if wall_ms() - folder.lstat().st_mtime_ns // 1_000_000 > DAY_MS:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
    return removed


def _folders(scratch: Path) -> Iterator[Path]:
    places = [scratch, scratch / "code"]
    for place in places:
        if place.is_dir():
            yield from (one for one in sorted(place.iterdir()) if one not in places and one.is_dir() and not one.is_symlink())
