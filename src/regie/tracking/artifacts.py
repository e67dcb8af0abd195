"""The files of runs, logged models and traces: names of blobs. Data, not changes; the caller has checked the right.

Below a root (`runs/ID`, `models/m-ID`, `traces/ID`) paths are ordered by their bytes on either database, so that a folder is a range
of the key, and listing it skips what lies deeper instead of reading it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from regie.base.errors import BadInput, NotFound
from regie.store.change import Batch
from regie.tracking import queries
from regie.tracking.tables import artifacts, runs
from regie.tracking.types import RunDeleted

FEWEST, MOST = 16, 4_096  # rows of one look while a folder is listed
_ROW = (artifacts.c.path, artifacts.c.digest, artifacts.c.bytes)
_HERE = (artifacts.c.workspace == bindparam("workspace"), artifacts.c.root == bindparam("root"))
# Built once: building a statement costs more than running it.
_ONE = select(artifacts.c.digest, artifacts.c.bytes).where(*_HERE, artifacts.c.path == bindparam("path"))
_RANGE = (artifacts.c.path >= bindparam("from_path"), artifacts.c.path < bindparam("to_path"))
_NEXT = select(*_ROW).where(*_HERE, *_RANGE).order_by(artifacts.c.path).limit(bindparam("most"))
_ROOT = (
    select(*_ROW).where(*_HERE, artifacts.c.path >= bindparam("from_path")).order_by(artifacts.c.path).limit(bindparam("most"))
)
# In one statement, because three cost a tenth of a small upload.
_FITS = select(
    select(runs.c.lifecycle).where(runs.c.id == bindparam("run"), runs.c.workspace == bindparam("workspace")).scalar_subquery(),
    select(artifacts.c.path).where(*_HERE, artifacts.c.path.in_(bindparam("folders", expanding=True))).limit(1).scalar_subquery(),
    select(artifacts.c.path).where(*_HERE, *_RANGE).limit(1).scalar_subquery(),
)


@dataclass(frozen=True)
class Entry:
    """What lies directly in a folder: a file with its size, or a folder with None."""

    name: str
    bytes: int | None


def put(batch: Batch, workspace: str, root: str, path: str, digest: str, size: int) -> None:
    """Name a blob, which was put or kept just before, as a file.

    Raises BadInput where a folder has that name, or a file is its folder; NotFound and Conflict for an unknown or deleted run or model.
    """
    _must_fit(batch.connection, workspace, root, path)
    name(batch, workspace, root, path, digest, size)


def name(batch: Batch, workspace: str, root: str, path: str, digest: str, size: int) -> None:
    """The same without a look at the root, nor at what else has that name."""
    row = {"workspace": workspace, "root": root, "path": path, "digest": digest, "bytes": size}
    batch.execute(_naming(batch.connection.dialect.name), [row])


@cache
def _naming(dialect: str) -> Any:
    statement = (postgresql if dialect == "postgresql" else sqlite).insert(artifacts)
    changed = {"digest": statement.excluded.digest, "bytes": statement.excluded.bytes}
    return statement.on_conflict_do_update(index_elements=["workspace", "root", "path"], set_=changed)


def _must_fit(db: Connection, workspace: str, root: str, path: str) -> None:
    """In the transaction that names the file, so that nothing of a run is written behind its back after it was removed."""
    sort, _, identity = root.partition("/")
    parts = path.split("/")
    asked = {
        "workspace": workspace, "root": root, "run": identity, "from_path": path + "/", "to_path": path + "0",
        "folders": ["/".join(parts[:count]) for count in range(1, len(parts))],
    }  # fmt: skip
    lifecycle, file, inside = db.execute(_FITS, asked).one()
    if sort == "models":
        queries.logged_model(db, workspace, identity)
    elif sort == "runs" and lifecycle is None:
        raise NotFound(f"there is no run {identity}", workspace, "search_runs shows them")
    elif sort == "runs" and lifecycle != "active":
        raise RunDeleted(f"the run {identity} was deleted", root, "restore it first")
    if file or inside:
        raise BadInput(f"{file or path} is a {'file' if file else 'folder'} already", root, "choose another path")


def remove(batch: Batch, workspace: str, root: str, path: str = "") -> int:
    """Forget a file, all files of a folder, or with an empty path those of the root; returns how many. Blobs stay: `regie gc`."""
    here = (artifacts.c.workspace == workspace, artifacts.c.root == root)
    gone = int(batch.execute(delete(artifacts).where(*here, *below(path))).rowcount)
    return gone + (int(batch.execute(delete(artifacts).where(*here, artifacts.c.path == path)).rowcount) if path else 0)


def below(path: str) -> list[ColumnElement[bool]]:
    """Conditions: inside this folder. A range of bytes: `0` is the character behind `/`."""
    return [artifacts.c.path >= path + "/", artifacts.c.path < path + "0"] if path else []


def one(db: Connection, workspace: str, root: str, path: str) -> tuple[str, int] | None:
    """(digest, bytes) of one file."""
    row = db.execute(_ONE, {"workspace": workspace, "root": root, "path": path}).first()
    return (row.digest, row.bytes) if row else None


def listed(db: Connection, workspace: str, root: str, path: str = "") -> list[Entry]:
    """What lies directly in a folder, by name; nothing for a file. Of each folder in it, some rows are read, whatever it holds."""
    start = f"{path}/" if path else ""
    found: dict[str, int | None] = {}
    for row_path, size in _direct(db, {"workspace": workspace, "root": root}, start):
        head, _, rest = row_path[len(start) :].partition("/")
        found[head] = None if rest else size
    return [Entry(entry, size) for entry, size in sorted(found.items())]


def page(db: Connection, workspace: str, root: str, path: str, after: str, limit: int) -> tuple[list[Entry], bool]:
    """At most `limit` of what lies directly in a folder, in the order of paths, and whether there is more.

    `after`: the last name of the page before, with a `/` behind that of a folder; empty for the first page.
    """
    start = f"{path}/" if path else ""
    at = start if not after else start + (after[:-1] + "0" if after.endswith("/") else after + "\x01")
    found: dict[str, int | None] = {}
    for row_path, size in _direct(db, {"workspace": workspace, "root": root}, start, at):
        head, _, rest = row_path[len(start) :].partition("/")
        if head not in found and len(found) == limit:
            return [Entry(*one) for one in found.items()], True
        found[head] = None if rest else size
    return [Entry(*one) for one in found.items()], False


def _direct(db: Connection, here: dict[str, Any], start: str, at: str | None = None) -> Iterator[tuple[str, int]]:
    """The direct files of a folder, from `at` on, and of each folder in it one or some files."""
    at, most = start if at is None else at, FEWEST
    while True:
        end = {"to_path": start[:-1] + "0"} if start else {}
        rows = db.execute(_NEXT if start else _ROOT, {**here, "from_path": at, "most": most, **end}).all()
        for row in rows:
            yield row.path, row.bytes
        if len(rows) < most:
            return
        last = rows[-1].path
        head, deeper, _ = last[len(start) :].partition("/")
        # Behind the folder that the look ended in, or behind the file: no path is shorter than one character more.
        at, most = (start + head + "0", FEWEST) if deeper else (last + "\x01", min(most * 4, MOST))


def whole(db: Connection, workspace: str, root: str, path: str = "") -> list[tuple[str, str, int]]:
    """(path, digest, bytes) of the files of a root, or of one of its folders, by path."""
    here = (artifacts.c.workspace == workspace, artifacts.c.root == root)
    return sorted((row.path, row.digest, row.bytes) for row in db.execute(select(*_ROW).where(*here, *below(path))))
