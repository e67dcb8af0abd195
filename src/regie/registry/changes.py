"""Writes of models and versions: each takes `tx`, compares before it sets, and may be repeated. None of them can make a champion."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, delete, insert, update

from regie.base.errors import BadInput, NotFound
from regie.registry import queries
from regie.registry.tables import model_aliases, model_tags, model_versions, registered_models, version_tags
from regie.registry.types import CANDIDATE, CHALLENGER, Model
from regie.store.change import Change, remembered, upsert
from regie.store.types import Cause
from regie.tracking.types import AlreadyExists, key_of

OF_MODEL = (registered_models, model_versions, model_tags, version_tags, model_aliases)
TAG_LENGTH = 100_000  # as stock: prompts are kept in tags of versions


def create_model(tx: Change, name: str, description: str = "", tags: Mapping[str, str] | None = None) -> None:
    """Raises AlreadyExists."""
    if not ensure_model(tx, name, description):
        raise AlreadyExists(f"the registered model {name} exists", tx.workspace, "register a version under it")
    for key, value in (tags or {}).items():
        row = {"workspace": tx.workspace, "name": name, "key": key_of(key, "model tag"), "value": _value(value)}
        tx.execute(insert(model_tags).values(row))


def ensure_model(tx: Change, name: str, description: str = "") -> bool:
    """Make the registered name if it is not there; True if it is new."""
    if not name.strip(" .") or len(name) > 255 or any(letter in name for letter in "/:"):
        raise BadInput(f"{name!r} cannot be the name of a model", "name", "choose 1 to 255 characters without / and :")
    row = {
        "workspace": tx.workspace, "name": name, "description": description, "user": tx.actor.name, "last_version": 0,
        "created_ms": tx.now_ms, "updated_ms": tx.now_ms,
    }  # fmt: skip
    return bool(tx.execute(upsert(tx.connection, registered_models, row, ["workspace", "name"], keep=True)).rowcount)


def register(
    tx: Change, name: str, *, source: str, run_id: str = "", package: str = "", role: str = "", window: str = "",
    seen_until_ms: int = 0, cause: Cause | None = None, tags: Mapping[str, str] | None = None, description: str = "",
    logged_model_id: str = "", run_link: str = "", user: str = "",
) -> int:  # fmt: skip
    """A new version of a registered model; returns its number. Raises NotFound for an unknown name.

    The number comes from an update of the model's row, whose lock makes a second registration wait for the first one's commit.
    """
    if role not in ("", CANDIDATE, CHALLENGER):
        raise BadInput(f"{role!r} is not a role", name, "candidate, challenger or empty; a champion is made by a rollout")
    same = (registered_models.c.workspace == tx.workspace, registered_models.c.name == name)
    counted = {"last_version": registered_models.c.last_version + 1, "updated_ms": tx.now_ms}
    number = tx.execute(
        update(registered_models).where(*same).values(counted).returning(registered_models.c.last_version)
    ).scalar()
    if number is None:
        raise NotFound(f"there is no registered model {name}", tx.workspace, "create it first")
    registered = tx.event(
        "model.registered", f"{name}@{number}", cause=cause, model=name, version=number, role=role, run_id=run_id, package=package
    )
    row = {
        "workspace": tx.workspace, "name": name, "version": number, "run_id": run_id, "source": source, "package": package,
        "role": role, "window": window, "seen_until_ms": seen_until_ms, "status": "READY", "stage": "None",
        "description": description, "user": user or tx.actor.name, "logged_model_id": logged_model_id, "run_link": run_link,
        "cause": remembered(registered), "created_ms": tx.now_ms, "updated_ms": tx.now_ms,
    }  # fmt: skip
    tx.execute(insert(model_versions).values(row))
    for key, value in (tags or {}).items():
        said = {"key": key_of(key, "version tag"), "value": _value(value)}
        tx.execute(insert(version_tags).values(workspace=tx.workspace, name=name, version=number, **said))
    return int(number)


def set_role(tx: Change, name: str, version: int, role: str) -> bool:
    """Name a version candidate or challenger, or (empty) neither. False if it is so already."""
    other = (*_version(tx, name, version), model_versions.c.role != role)
    changed = tx.execute(update(model_versions).where(*other).values(role=role, updated_ms=tx.now_ms)).rowcount
    if changed:
        tx.event("model.changed", f"{name}@{version}", role=role)
    return bool(changed)


def change_model(tx: Change, name: str, description: str) -> None:
    """Describe a model."""
    found = queries.model(tx.connection, tx.workspace, name)
    if found.description != description:
        _touch(tx, found, description=description)


def change_version(tx: Change, name: str, version: int, **values: Any) -> None:
    """Set `description` or `stage`."""
    found = queries.version(tx.connection, tx.workspace, name, version)
    if any(getattr(found, key) != value for key, value in values.items()):
        tx.execute(update(model_versions).where(*_version(tx, name, version)).values(**values, updated_ms=tx.now_ms))
        tx.event("model.changed", found.subject, **values)


def set_model_tag(tx: Change, name: str, key: str, value: str | None) -> None:
    """Set a tag, or delete it with None."""
    found = queries.model(tx.connection, tx.workspace, name)
    if found.tags.get(key) != value:
        _set_tag(tx, model_tags, {"workspace": tx.workspace, "name": name}, key, value)
        _touch(tx, found, tag=key)


def set_version_tag(tx: Change, name: str, version: int, key: str, value: str | None) -> None:
    """Set a tag, or delete it with None."""
    found = queries.version(tx.connection, tx.workspace, name, version)
    if queries.tags_of(tx.connection, tx.workspace, [found])[name, version].get(key) != value:
        _set_tag(tx, version_tags, {"workspace": tx.workspace, "name": name, "version": version}, key, value)
        tx.event("model.changed", found.subject, tag=key)


def _value(said: str) -> str:
    if len(said) > TAG_LENGTH:
        raise BadInput(f"the value of a tag has {len(said)} characters", "value", f"at most {TAG_LENGTH}")
    return said


def _set_tag(tx: Change, table: Table, owner: dict[str, Any], key: str, value: str | None) -> None:
    if value is None:
        tx.execute(delete(table).where(*(table.c[name] == one for name, one in owner.items()), table.c.key == key))
    else:
        row = {**owner, "key": key_of(key, "tag"), "value": _value(value)}
        tx.execute(upsert(tx.connection, table, row, [*owner, "key"]))


def set_alias(tx: Change, name: str, alias: str, version: int | None) -> None:
    """Point a free alias to a version, or delete it with None. Raises NotFound for the model or the version.

    The caller has asked whether the alias is free: `champion` and `challenger` of a served model are not.
    """
    found = queries.model(tx.connection, tx.workspace, name)
    owner = {"workspace": tx.workspace, "name": name}
    if version is None:
        same = (model_aliases.c.workspace == tx.workspace, model_aliases.c.name == name, model_aliases.c.alias == alias)
        if tx.execute(delete(model_aliases).where(*same)).rowcount:
            _touch(tx, found, alias=alias, version=None)
        return
    queries.version(tx.connection, tx.workspace, name, version)
    if found.aliases.get(alias) != version:
        tx.execute(upsert(tx.connection, model_aliases, {**owner, "alias": alias, "version": version}, [*owner, "alias"]))
        _touch(tx, found, alias=alias, version=version)


def rename_model(tx: Change, name: str, new_name: str) -> None:
    """Raises AlreadyExists. The caller has asked whether the model is free to be renamed."""
    queries.model(tx.connection, tx.workspace, name)
    if new_name == name:
        return
    if not ensure_model(tx, new_name):
        raise AlreadyExists(f"the registered model {new_name} exists", tx.workspace, "choose another name")
    tx.execute(
        delete(registered_models).where(registered_models.c.workspace == tx.workspace, registered_models.c.name == new_name)
    )
    for table in OF_MODEL:
        tx.execute(update(table).where(table.c.workspace == tx.workspace, table.c.name == name).values(name=new_name))
    tx.event("model.changed", new_name, renamed_from=name)


def delete_model(tx: Change, name: str) -> None:
    """Delete a model with its versions. The caller has asked whether it is free to go."""
    queries.model(tx.connection, tx.workspace, name)
    for table in OF_MODEL:
        tx.execute(delete(table).where(table.c.workspace == tx.workspace, table.c.name == name))
    tx.event("model.changed", name, deleted=True)


def delete_version(tx: Change, name: str, version: int) -> None:
    """Delete a version with its tags and aliases. The caller has asked whether it is free to go."""
    found = queries.version(tx.connection, tx.workspace, name, version)
    for table in (model_versions, version_tags, model_aliases):
        tx.execute(delete(table).where(table.c.workspace == tx.workspace, table.c.name == name, table.c.version == version))
    tx.event("model.changed", found.subject, deleted=True)


def _touch(tx: Change, found: Model, **said: Any) -> None:
    same = (registered_models.c.workspace == tx.workspace, registered_models.c.name == found.name)
    described = {"description": said["description"]} if "description" in said else {}
    tx.execute(update(registered_models).where(*same).values(**described, updated_ms=tx.now_ms))
    tx.event("model.changed", found.name, **said)


def _version(tx: Change, name: str, version: int) -> tuple[Any, ...]:
    return model_versions.c.workspace == tx.workspace, model_versions.c.name == name, model_versions.c.version == version
