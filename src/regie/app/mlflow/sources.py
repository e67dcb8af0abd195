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
from regie.base.errors import BadInput, NotFound
from regie.registry import queries as registry
from regie.store.change import Store
from regie.tracking import queries

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
        raise BadInput(f"Invalid model version source: '{source}': {error.what}", "source", "name one that is here") from error


def _of_run(db: Connection, workspace: str, source: str, run_id: str, model_id: str, path: str) -> Origin:
    said, _, folder = path.partition("/")
    if said != run_id:
        _refuse(source, "the run_id request parameter must identify the run that contains it")
    root = queries.run(db, run_id, workspace).root
    if queries.artifacts(db, workspace, root, folder):
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
    """The digest of the manifest of a version's files; empty where none lie here."""
    if found.package or found.place is None:
        return found.package
    with store.read() as db:
        files = queries.artifacts(db, workspace, found.place.root, found.place.path)
    start = len(found.place.path) + 1 if found.place.path else 0
    manifest = {path[start:]: {"digest": digest, "bytes": size} for path, digest, size in files}
    return store.blobs.put(canonical(manifest).encode()) if manifest else ""


def _refuse(source: str, do: str) -> NoReturn:
    raise BadInput(f"Invalid model version source: '{source}'", "source", do)
