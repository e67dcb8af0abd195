"""Reads of registered models, versions and champions."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, tuple_

from regie.base.errors import NotFound
from regie.registry.tables import champions, model_aliases, model_tags, model_versions, registered_models, version_tags
from regie.registry.types import CHALLENGER, CHAMPION, Champion, Model, Served, Version
from regie.store.change import caused
from regie.store.tables import specs, workspaces
from regie.store.types import Cause
from regie.tracking.search import among

DEFAULT_ENVIRONMENT = "prod"
MODEL_COLUMNS = [registered_models.c[name] for name in Model.__dataclass_fields__ if name in registered_models.c]
VERSION_COLUMNS = [model_versions.c[name] for name in Version.__dataclass_fields__]
Ids = Sequence[str] | Select[tuple[str]]

# Built once: building a statement costs more than running it.
_ANY_FROM = (
    select(model_versions.c.version)
    .where(model_versions.c.run_id == bindparam("run_id"), model_versions.c.workspace == bindparam("workspace"))
    .limit(1)
)


def model(db: Connection, workspace: str, name: str) -> Model:
    """Raises NotFound."""
    same = (registered_models.c.workspace == workspace, registered_models.c.name == name)
    row = db.execute(select(*MODEL_COLUMNS).where(*same)).first()
    if row is None:
        raise NotFound(f"there is no registered model {name}", workspace, "register a version under that name")
    return complete(db, workspace, [row])[0]


def complete(db: Connection, workspace: str, rows: Sequence[Any]) -> list[Model]:
    """Rows of `MODEL_COLUMNS` with their tags and aliases."""
    tags: dict[str, dict[str, str]] = defaultdict(dict)
    aliases: dict[str, dict[str, int]] = defaultdict(dict)
    found = [Model(*row) for row in rows]
    names = [one.name for one in found]
    of_tags = select(model_tags).where(model_tags.c.workspace == workspace, among(db, model_tags.c.name, names))
    for row in db.execute(of_tags.order_by(model_tags.c.name, model_tags.c.key)):
        tags[row.name][row.key] = row.value
    of_aliases = select(model_aliases).where(model_aliases.c.workspace == workspace, among(db, model_aliases.c.name, names))
    for row in db.execute(of_aliases):
        aliases[row.name][row.alias] = row.version
    promised = served(db, workspace)
    if promised is not None and promised.model in names:
        aliases[promised.model] = _facts(db, promised, aliases[promised.model])
    return [replace(one, tags=tags[one.name], aliases=aliases[one.name]) for one in found]


def _facts(db: Connection, promised: Served, free: dict[str, int]) -> dict[str, int]:
    """The aliases of a served model: the free ones, and what is so."""
    found = {alias: version for alias, version in free.items() if alias not in (CHAMPION, CHALLENGER)}
    crowned = champion(db, promised.workspace, model=promised.model, endpoint=promised.endpoint, environment=promised.environment)
    rival = challenger(db, promised.workspace, promised.model)
    if crowned is not None:
        found[CHAMPION] = crowned.version
    if rival is not None:
        found[CHALLENGER] = rival.version
    return found


def version(db: Connection, workspace: str, name: str, version: int) -> Version:
    """Raises NotFound."""
    same = (model_versions.c.workspace == workspace, model_versions.c.name == name, model_versions.c.version == version)
    row = db.execute(select(model_versions).where(*same)).first()
    if row is None:
        raise NotFound(
            f"there is no version {version} of {name}", workspace, f"search_model_versions(\"name='{name}'\") shows them"
        )
    return Version(**row._mapping)


def versions(db: Connection, workspace: str, name: str, role: str | None = None) -> list[Version]:
    """The versions of a model, oldest first."""
    query = select(model_versions).where(model_versions.c.workspace == workspace, model_versions.c.name == name)
    if role is not None:
        query = query.where(model_versions.c.role == role)
    return [Version(**row._mapping) for row in db.execute(query.order_by(model_versions.c.version))]


def challenger(db: Connection, workspace: str, name: str) -> Version | None:
    """The newest version that competes."""
    found = versions(db, workspace, name, CHALLENGER)
    return found[-1] if found else None


def champion(
    db: Connection, workspace: str, model: str | None = None, endpoint: str | None = None, environment: str | None = None
) -> Champion | None:
    """The champion, the one crowned last where several environments have one."""
    query = select(champions).where(champions.c.workspace == workspace)
    for column, value in (("model", model), ("endpoint", endpoint), ("environment", environment)):
        if value is not None:
            query = query.where(champions.c[column] == value)
    row = db.execute(query.order_by(champions.c.since_ms.desc(), champions.c.version.desc())).first()
    return Champion(**row._mapping) if row else None


def served(db: Connection, workspace: str) -> Served | None:
    """What the applied regie.yaml of a workspace serves; None where there is none, or it serves nothing."""
    applied = (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name)
    query = select(specs.c.document).join(workspaces, applied).where(workspaces.c.name == workspace)
    document = db.execute(query).scalar()
    return _served(workspace, document) if document else None


def servers(db: Connection, name: str) -> list[Served]:
    """The workspaces that serve a model of that name."""
    applied = (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name)
    rows = db.execute(select(workspaces.c.name, specs.c.document).join(specs, applied).order_by(workspaces.c.name))
    found = [_served(row.name, row.document) for row in rows]
    return [one for one in found if one is not None and one.model == name]


def _served(workspace: str, document: str) -> Served | None:
    said = json.loads(document)
    name, endpoint = (said.get("model") or {}).get("name"), (said.get("serve") or {}).get("endpoint")
    if not name or not endpoint:
        return None
    environments: dict[str, Any] = said.get("environments") or {}
    marked = [key for key, one in environments.items() if (one or {}).get("production")]
    return Served(workspace, name, endpoint, next(iter([*marked, *environments]), DEFAULT_ENVIRONMENT))


def latest(db: Connection, workspace: str, names: Sequence[str]) -> list[Version]:
    """The newest version of each stage of some models."""
    mine = (model_versions.c.workspace == workspace, among(db, model_versions.c.name, names))
    newest = select(model_versions.c.name, func.max(model_versions.c.version)).where(*mine)
    newest = newest.group_by(model_versions.c.name, model_versions.c.stage)
    query = select(*VERSION_COLUMNS).where(*mine, tuple_(model_versions.c.name, model_versions.c.version).in_(newest))
    return [Version(*row) for row in db.execute(query.order_by(model_versions.c.name, model_versions.c.version))]


def tags_of(db: Connection, workspace: str, found: Sequence[Version]) -> dict[tuple[str, int], dict[str, str]]:
    """The tags of some versions, by (name, version)."""
    tags: dict[tuple[str, int], dict[str, str]] = defaultdict(dict)
    query = select(version_tags).where(
        version_tags.c.workspace == workspace, among(db, version_tags.c.name, sorted({one.name for one in found})),
        among(db, version_tags.c.version, sorted({one.version for one in found})),
    )  # fmt: skip
    for row in db.execute(query.order_by(version_tags.c.key)):
        tags[row.name, row.version][row.key] = row.value
    return tags


def aliases_of(db: Connection, workspace: str, names: set[str]) -> dict[tuple[str, int], list[str]]:
    """The aliases of versions, by (name, version)."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    mine = (registered_models.c.workspace == workspace, among(db, registered_models.c.name, sorted(names)))
    for one in complete(db, workspace, db.execute(select(*MODEL_COLUMNS).where(*mine)).all()):
        for alias, number in sorted(one.aliases.items()):
            found[one.name, number].append(alias)
    return found


def lineage(db: Connection, workspace: str, name: str, number: int) -> dict[str, Any]:
    """Where a version comes from: its run, its package, its training window, the event that led to it."""
    found = version(db, workspace, name, number)
    cause: Cause = caused(found)
    return {
        "model": found.name, "version": found.version, "run_id": found.run_id, "package": found.package, "window": found.window,
        "seen_until_ms": found.seen_until_ms, "logged_model_id": found.logged_model_id, "causationid": cause.causationid,
        "correlationid": cause.correlationid, "tags": tags_of(db, workspace, [found])[name, number],
    }  # fmt: skip


def come_from(db: Connection, workspace: str, run_ids: Ids = (), model_ids: Ids = ()) -> list[Version]:
    """The versions that were registered from some runs or logged models."""
    origin = model_versions.c.run_id.in_(run_ids) | model_versions.c.logged_model_id.in_(model_ids)
    query = select(model_versions).where(model_versions.c.workspace == workspace, origin)
    return [Version(**row._mapping) for row in db.execute(query.order_by(model_versions.c.name, model_versions.c.version))]


def any_from(db: Connection, workspace: str, run_id: str) -> bool:
    """Whether any version was registered from a run. Asked at each file that a run is sent."""
    return db.execute(_ANY_FROM, {"workspace": workspace, "run_id": run_id}).first() is not None


def has_package(db: Connection, workspace: str, package: str) -> bool:
    """Some version of the workspace has this package."""
    same = (model_versions.c.workspace == workspace, model_versions.c.package == package)
    return db.execute(select(model_versions.c.version).where(*same)).first() is not None


def number_of(db: Connection, workspace: str, name: str, said: str) -> int:
    """The version that `NAME` with `7` or `latest`, or `NAME@alias`, means. Raises NotFound."""
    plain, _, alias = name.partition("@")
    found = model(db, workspace, plain)
    newest = versions(db, workspace, plain)
    number = found.aliases.get(alias) if alias else int(said) if said.isdigit() else newest[-1].version if newest else None
    if number is None:
        raise NotFound(f"there is no version {alias or said} of {plain}", workspace, "look at the registered model")
    return number


def champions_in(db: Connection, workspaces: Sequence[str]) -> list[Champion]:
    """Every champion of some workspaces, the one crowned last first."""
    query = select(champions).where(champions.c.workspace.in_(workspaces))
    return [Champion(**row._mapping) for row in db.execute(query.order_by(champions.c.since_ms.desc()))]


def challengers_in(db: Connection, workspaces: Sequence[str]) -> list[Any]:
    """The versions of some workspaces that compete, as rows (workspace, name, version, created_ms)."""
    table = model_versions.c
    query = select(table.workspace, table.name, table.version, table.created_ms)
    return list(db.execute(query.where(table.workspace.in_(workspaces), table.role == CHALLENGER).order_by(table.version)))


def newest(db: Connection, workspace: str, name: str, before: int | None, limit: int) -> list[Version]:
    """Versions of a model, the newest first, from below a number on."""
    query = select(model_versions).where(model_versions.c.workspace == workspace, model_versions.c.name == name)
    if before is not None:
        query = query.where(model_versions.c.version < before)
    return [Version(**row._mapping) for row in db.execute(query.order_by(model_versions.c.version.desc()).limit(limit))]
