"""Where a version comes from: `runs:/ID/path`, `models:/m-ID`, `models:/NAME/1`, `mlflow-artifacts:/...`, or a bucket elsewhere.

The files of a version are pinned when it is registered: a manifest of their digests is its package, so nothing changes it later.
"""

import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection

from regie.app.mlflow import places
from regie.app.mlflow.places import Place
from regie.base.canonical import canonical
from regie.base.errors import BadInput, Conflict, NotFound
from regie.registry import queries as registry
from regie.store.change import Store
from regie.tracking import artifacts, queries

ELSEWHERE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "wasb", "wasbs", "hdfs", "dbfs", "r2", "b2", "oci"})
_LOGGED = re.compile(r"m-[0-9a-f]{32}")


@dataclass(frozen=True)
class Origin:
    """`place`: where its files lie here; `package`: already pinned, for a copy of another version."""

    source: str
    run_id: str
    model_id: str
    place: Place | None = None
    package: str = ""


def origin(db: Connection, workspace: str, source: str, run_id: str, model_id: str) -> Origin:
    """Resolve and check a source. Raises BadInput."""
    decoded, before = source, ""
    while decoded != before:
        before, decoded = decoded, unquote(decoded)
    parts = urlsplit(decoded)
    if "\x00" in decoded or ".." in decoded.split("/"):
        _refuse(source, "write it without ..")
    if parts.scheme in ELSEWHERE:
        return Origin(source, run_id, model_id)
    if parts.netloc or parts.scheme not in ("runs", "models", "mlflow-artifacts"):
        _refuse(source, "register what a run of this server logged: runs:/ID/path or models:/m-ID")
    path = parts.path.strip("/")
    try:
        if parts.scheme == "runs":
            return _of_run(db, workspace, source, run_id, model_id, path)
        if parts.scheme == "models":
            return _of_model(db, workspace, source, run_id, model_id, path)
        return _of_place(db, workspace, source, run_id, model_id, places.place(path))
    except NotFound as error:
        if parts.scheme == "models" and not _LOGGED.fullmatch(path.partition("/")[0]):
            raise
        raise BadInput(f"Invalid model version source: '{source}': {error.what}", "source", "name one that is here") from error


def _of_run(db: Connection, workspace: str, source: str, run_id: str, model_id: str, path: str) -> Origin:
    said, _, folder = path.partition("/")
    if said != run_id:
        _refuse(source, "the run_id request parameter must identify the run that contains it")
    root = queries.run(db, run_id, workspace).root
    if artifacts.whole(db, workspace, root, folder):
        return Origin(source, run_id, model_id, Place(root, folder))
    name, _, rest = folder.partition("/")
    logged = queries.logged_model_named(db, workspace, run_id, name)
    return Origin(
        source, run_id, model_id or (logged.id if logged else ""), Place(logged.root, rest) if logged else Place(root, folder)
    )


def _of_model(db: Connection, workspace: str, source: str, run_id: str, model_id: str, path: str) -> Origin:
    name, _, rest = path.partition("/")
    if _LOGGED.fullmatch(name):
        if model_id != name:
            _refuse(source, "the model_id request parameter must identify the logged model")
        model = queries.logged_model(db, workspace, name)
        return Origin(source, run_id or model.source_run_id, name, Place(model.root, rest))
    number = registry.number_of(db, workspace, name, rest)
    found = registry.version(db, workspace, name.partition("@")[0], number)
    package = Place("packages/" + found.package.removeprefix("sha256:"), "") if found.package else None
    return Origin(
        f"models:/{found.name}/{number}", run_id or found.run_id, model_id or found.logged_model_id, package, found.package
    )


def _of_place(db: Connection, workspace: str, source: str, run_id: str, model_id: str, where: Place) -> Origin:
    if where.sort == "packages" or where.name not in (run_id, model_id):
        _refuse(source, "the run_id or model_id request parameter must identify the resource that contains it")
    if where.sort == "runs":
        queries.run(db, where.name, workspace)
    else:
        queries.logged_model(db, workspace, where.name)
    return Origin(source, run_id, model_id, where)


def pin(store: Store, workspace: str, found: Origin) -> str:
    """The digest of the manifest of a version's files; empty where none lie here. Raises Conflict where they have just been removed."""
    if found.package or found.place is None:
        return found.package and _kept(store, found, found.package, places.manifest(store.blobs, found.package))
    with store.read() as db:
        files = artifacts.whole(db, workspace, found.place.root, found.place.path)
    start = len(found.place.path) + 1 if found.place.path else 0
    manifest = {path[start:]: {"digest": digest, "bytes": size} for path, digest, size in files}
    return _kept(store, found, store.blobs.put(canonical(manifest).encode()), files) if manifest else ""


def _kept(store: Store, found: Origin, package: str, files: list[places.File]) -> str:
    """The package, whose blobs nobody removes before the version names them."""
    if not all(
        store.blobs.keep(digest, size) for digest, size in [(package, None), *((digest, size) for _, digest, size in files)]
    ):
        raise Conflict(f"the files of {found.source} have just been removed", "source", "register what is there")
    store.blobs.sync()  # a version is never lost: its files must be on disk before it is
    return package


def _refuse(source: str, do: str) -> NoReturn:
    raise BadInput(f"Invalid model version source: '{source}'", "source", do)
