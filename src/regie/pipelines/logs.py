"""What tasks print: piece by piece while they run, then as the log that is kept with their MLflow run.

A worker sends what a living task has printed to the table `task_logs` about once a second, the newest part of it where it is much; at the
task's end its whole log is kept as an artifact, and the pieces go. Offsets are bytes of the log, the same in both.
"""

import codecs
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from regie.base.blobs import BlobStore
from regie.base.clock import monotonic
from regie.base.errors import NotFound
from regie.pipelines.measurements import LOGS
from regie.pipelines.tables import task_logs
from regie.store.change import Batch, Change, Store
from regie.tracking import artifacts

EVERY_S = 1.0
PIECE_BYTES = 1 << 16  # of one look: what prints more in a second is seen with gaps, until its whole log is there
LIVE_BYTES = 1 << 20  # of one living task
ESCAPE = 0x1B
PIECES = 256  # of one answer: a task that prints a little each second makes small ones
NEAR_BYTES = 4_096  # a line that ends later is shown from its middle on
UNFINISHED_BYTES = 64  # an escape sequence that began so near to the end may be cut


class Printing:
    """The log of one living task, as its worker sees it grow."""

    def __init__(self, store: Store, task_id: str, log: Path) -> None:
        self.store, self.task_id, self.log = store, task_id, log
        self._at, self._looked = 0, monotonic()

    def look(self) -> bool:
        """Send what is new, at most once in a second. Always True: a log that nobody can follow ends no task."""
        if monotonic() - self._looked >= EVERY_S:
            self._looked = monotonic()
            with suppress(OSError, SQLAlchemyError):
                self._send()
        return True

    def _send(self) -> None:
        size = self.log.stat().st_size
        if size <= self._at:
            return
        start = max(self._at, size - PIECE_BYTES)
        with self.log.open("rb") as file:
            file.seek(start)
            content = file.read(size - start)
        old = delete(task_logs).where(task_logs.c.task_id == self.task_id, task_logs.c.at_bytes < size - LIVE_BYTES)
        with self.store.measure() as batch:
            batch.execute(insert(task_logs), [{"task_id": self.task_id, "at_bytes": start, "content": content}])
            batch.execute(old)
        self._at = size


def forget(tx: Change, task_id: str) -> None:
    """The pieces of a task whose whole log is kept by the same change."""
    Batch(tx.connection, "measurement").execute(delete(task_logs).where(task_logs.c.task_id == task_id))


@dataclass(frozen=True)
class Piece:
    """A stretch of a log. `at_bytes` may lie behind what was asked for, where something is not kept; `live`: more may come."""

    at_bytes: int
    end_bytes: int
    size_bytes: int
    text: str
    live: bool


def piece(db: Connection, blobs: BlobStore, task: dict[str, Any], from_bytes: int | None, most_bytes: int = PIECE_BYTES) -> Piece:
    """What stands in a task's log from an offset on, or at its end; of a task that is gone with its log, nothing."""
    path = f"{LOGS}{task['name']}-{task['attempt']}.txt"
    kept = artifacts.one(db, task["workspace"], f"runs/{task['mlflow_run_id']}", path)
    if kept is not None:
        digest, size = kept
        at = max(0, size - most_bytes) if from_bytes is None else min(from_bytes, size)
        content = _read(blobs, digest, at, most_bytes)
        return _shown(at, content, size if content else at, first=from_bytes is None, live=False)
    size = _printed(db, task["id"])
    at, content = _sent(db, task["id"], max(0, size - most_bytes) if from_bytes is None else min(from_bytes, size), most_bytes)
    return _shown(at, content, size, first=from_bytes is None, live=task["state"] == "running")


def _read(blobs: BlobStore, digest: str, at: int, most: int) -> bytes:
    try:
        with blobs.open(digest) as file:
            file.seek(at)
            return file.read(most)
    except NotFound:
        return b""


def _printed(db: Connection, task_id: str) -> int:
    """How much of a living task's log has been seen so far."""
    end = func.max(task_logs.c.at_bytes + func.length(task_logs.c.content))
    return int(db.execute(select(end).where(task_logs.c.task_id == task_id)).scalar() or 0)


def _sent(db: Connection, task_id: str, at: int, most: int) -> tuple[int, bytes]:
    """(where it begins, content) of what was sent from an offset on, up to the next gap."""
    mine = task_logs.c.task_id == task_id
    behind = task_logs.c.at_bytes + func.length(task_logs.c.content) > at
    query = select(task_logs.c.at_bytes, task_logs.c.content).where(mine, behind).order_by(task_logs.c.at_bytes)
    start, content = at, b""
    for row in db.execute(query.limit(PIECES)):
        if not content:
            start = max(at, row.at_bytes)
            content = bytes(row.content)[start - row.at_bytes :]
        elif row.at_bytes == start + len(content):
            content += bytes(row.content)
        if len(content) >= most or row.at_bytes + len(row.content) > start + len(content):
            break
    return start, content[:most]


def _shown(at: int, content: bytes, size: int, *, first: bool, live: bool) -> Piece:
    """As text: begun at a line where it is the end of a longer log, and cut neither in a character nor in an escape sequence."""
    if first and at > 0 and (line := content.find(b"\n", 0, NEAR_BYTES) + 1):
        at, content = at + line, content[line:]
    if live or at + len(content) < size:
        escape = content.rfind(ESCAPE, max(1, len(content) - UNFINISHED_BYTES))
        content = content if escape < 0 or b"\n" in content[escape:] else content[:escape]
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(content)
        return Piece(at, at + len(content) - len(decoder.getstate()[0]), size, text, live)
    return Piece(at, at + len(content), size, content.decode("utf-8", "replace"), live)
