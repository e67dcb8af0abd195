"""Where artifacts lie: `runs/ID/...`, `models/m-ID/...`, `traces/ID/...`, `packages/HEX/...` (a version's files, which never change).

A path is checked against what it says after any number of percent-decodings, so that no double encoding leads out of its root.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sqlalchemy import Connection

from regie.app.caller import CallerOf
from regie.app.mlflow import rights
from regie.app.mlflow.call import present
from regie.base.blobs import BlobStore
from regie.base.errors import BadInput, NotFound
from regie.registry import queries as registry
from regie.store.access import FORBIDDEN
from regie.tracking import artifacts
from regie.tracking.artifacts import Entry

_ROOT = re.compile(
    r"(runs/[0-9a-zA-Z_-]{1,64}|models/m-[0-9a-f]{32}|traces/[0-9a-zA-Z_-]{1,50}|packages/[0-9a-f]{64})(?:/(.*))?", re.DOTALL
)
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|[\\/]{2}")  # absolute there: a client on Windows would write it outside of its folder
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
PATH_LENGTH = 1_000
File = tuple[str, str, int]


@dataclass(frozen=True)
class Place:
    """A file or folder under one root; an empty path is the root itself."""

    root: str
    path: str

    @property
    def sort(self) -> str:
        return self.root.split("/")[0]

    @property
    def name(self) -> str:
        return self.root.split("/")[1]


def safe(path: str) -> str:
    """A path that stays inside its root. Raises BadInput."""
    decoded, before = path, ""
    while decoded != before:
        before, decoded = decoded, unquote(decoded)
        absolute = decoded.startswith("/") or _WINDOWS.match(decoded)
        if _CONTROL.search(decoded) or absolute or ".." in decoded.split("/") or "#" in decoded:
            raise BadInput("Invalid path", "artifact", "write a relative path without .., # and control characters")
    if any(part in ("", ".") for part in path.rstrip("/").split("/")) and path:
        raise BadInput("Invalid path", "artifact", "write a relative path without empty parts")
    if any("\ud800" <= letter <= "\udfff" for letter in path):
        raise BadInput("Invalid path", "artifact", "half of a character is no text")
    if len(path) > PATH_LENGTH:
        raise BadInput(f"the path has {len(path)} characters", "artifact", f"at most {PATH_LENGTH}")
    return path.rstrip("/")


def place(path: str) -> Place:
    """Raises BadInput for a path outside the roots."""
    found = _ROOT.fullmatch(safe(path))
    if found is None:
        raise BadInput(
            f"{path:.200} is no place for artifacts", "artifact", "write runs/ID/..., models/ID/... or packages/HEX/..."
        )
    return Place(found.group(1), safe(found.group(2) or ""))


def file_place(path: str) -> Place:
    """Raises BadInput, also for a root itself."""
    found = place(path)
    if not found.path:
        raise BadInput("Invalid path", found.root, "name a file")
    return found


def may_see(caller: CallerOf, where: Place) -> None:
    """Raises NotAllowed, NotFound."""
    if where.sort == "runs":
        rights.run_seen(caller, where.name)
    elif where.sort == "models":
        rights.logged_model(caller, where.name)
    elif where.sort == "traces":
        rights.trace_seen(caller, where.name)
    else:
        caller.may("model.read", where.root)
        with caller.store.read() as db:
            if not registry.has_package(db, caller.workspace, "sha256:" + where.name):
                raise NotFound(f"no version has the package {where.name:.12}", caller.workspace, "look at the registered model")


def may_write(caller: CallerOf, where: Place) -> None:
    """Raises NotAllowed, also for a registered version, whose files never change; NotFound for an unknown model or trace.

    Of a run, `artifacts.put` finds out in its own transaction whether it is there: a second look would cost as much as the upload.
    """
    if where.sort == "runs":
        caller.may("run.measure", f"run:{where.name}", "a task measures its own run only")
    elif where.sort == "models":
        rights.logged_model(caller, where.name, write=True)
    elif where.sort == "traces":
        rights.trace_logged(caller, where.name)
    else:
        caller.refuse("package.change", where.root, FORBIDDEN["package.change"], "register another version")


def file(db: Connection, blobs: BlobStore, workspace: str, where: Place) -> tuple[str, int]:
    """(digest, bytes) of a file. Raises NotFound."""
    if where.sort == "packages":
        found = next(
            ((digest, size) for path, digest, size in manifest(blobs, "sha256:" + where.name) if path == where.path), None
        )
    else:
        found = artifacts.one(db, workspace, where.root, where.path)
    if found is None:
        raise NotFound(f"there is no artifact {where.path!r}", where.root, "list_artifacts shows what is there")
    return found


def listing(db: Connection, blobs: BlobStore, workspace: str, where: Place, prefix: str = "") -> list[dict[str, Any]]:
    """What lies directly in a folder, as FileInfo: names behind `prefix`; nothing for a file."""
    if where.sort == "packages":
        found = _inside(manifest(blobs, "sha256:" + where.name), where.path)
    else:
        found = artifacts.listed(db, workspace, where.root, where.path)
    return [present(path=prefix + one.name, is_dir=one.bytes is None, file_size=one.bytes) for one in found]


def manifest(blobs: BlobStore, digest: str) -> list[File]:
    """(path, digest, bytes) of the files of a registered version."""
    said: dict[str, Any] = json.loads(blobs.get(digest))
    return sorted((path, fact["digest"], fact["bytes"]) for path, fact in said.items())


def _inside(found: Iterable[File], path: str) -> list[Entry]:
    start = f"{path}/" if path else ""
    entries: dict[str, int | None] = {}
    for name, _, size in found:
        if name.startswith(start):
            head, _, rest = name[len(start) :].partition("/")
            entries[head] = None if rest else size
    return [Entry(name, size) for name, size in sorted(entries.items())]
