"""Where artifacts lie: `runs/ID/...`, `models/m-ID/...`, `packages/HEX/...` (a registered version's files, which never change).

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
from regie.tracking import queries

_ROOT = re.compile(r"(runs/[0-9a-zA-Z_-]{1,64}|models/m-[0-9a-f]{32}|packages/[0-9a-f]{64})(?:/(.*))?", re.DOTALL)
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
        if _CONTROL.search(decoded) or decoded.startswith("/") or ".." in decoded.split("/") or "#" in decoded:
            raise BadInput("Invalid path", "artifact", "write a relative path without ..")
    if any(part in ("", ".") for part in path.rstrip("/").split("/")) and path:
        raise BadInput("Invalid path", "artifact", "write a relative path without empty parts")
    if len(path) > PATH_LENGTH:
        raise BadInput(f"the path has {len(path)} characters", "artifact", f"at most {PATH_LENGTH}")
    return path.rstrip("/")


def place(path: str) -> Place:
    """Raises BadInput for a path outside the roots."""
    found = _ROOT.fullmatch(safe(path))
    if found is None:
        raise BadInput(f"{path!r} is no place for artifacts", "artifact", "write runs/ID/..., models/ID/... or packages/...")
    return Place(found.group(1), found.group(2) or "")


def may_see(caller: CallerOf, where: Place) -> None:
    """Raises NotAllowed, NotFound."""
    if where.sort == "runs":
        rights.run_seen(caller, where.name)
    elif where.sort == "models":
        rights.logged_model(caller, where.name)
    else:
        caller.may("model.read", where.root)
        with caller.store.read() as db:
            if not registry.has_package(db, caller.workspace, "sha256:" + where.name):
                raise NotFound(f"no version has the package {where.name:.12}", caller.workspace, "look at the registered model")


def may_write(caller: CallerOf, where: Place) -> None:
    """Raises NotAllowed, also for a registered version, whose files never change; NotFound."""
    if where.sort == "runs":
        run = rights.run_measured(caller, where.name)
        if run.lifecycle != "active":
            raise BadInput(f"the run {run.id} was deleted", where.root, "restore it first")
    elif where.sort == "models":
        rights.logged_model(caller, where.name, write=True)
    else:
        caller.refuse("package.change", where.root, FORBIDDEN["package.change"], "register another version")


def files(db: Connection, blobs: BlobStore, workspace: str, where: Place) -> list[File]:
    """(path, digest, bytes) of what lies in the folder, or of the file itself."""
    if where.sort == "packages":
        found = _manifest(blobs, "sha256:" + where.name)
        return [file for file in found if not where.path or file[0] == where.path or file[0].startswith(where.path + "/")]
    one = queries.artifact(db, workspace, where.root, where.path)
    if one is not None:
        return [(where.path, *one)]
    return queries.artifacts(db, workspace, where.root, where.path)


def _manifest(blobs: BlobStore, digest: str) -> list[File]:
    said: dict[str, Any] = json.loads(blobs.get(digest))
    return sorted((path, fact["digest"], fact["bytes"]) for path, fact in said.items())


def listing(found: Iterable[File], path: str, prefix: str = "") -> list[dict[str, Any]]:
    """What lies directly in a folder, as FileInfo: names behind `prefix`; nothing for a file."""
    start = f"{path}/" if path else ""
    entries: dict[str, int | None] = {}
    for name, _, size in found:
        if not name.startswith(start):
            continue
        head, _, rest = name[len(start) :].partition("/")
        entries[head] = None if rest else size
    return [
        present(path=prefix + name, is_dir=size is None, file_size=size) for name, size in sorted(entries.items())
    ]  # fmt: skip
