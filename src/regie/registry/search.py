"""Registered models and their versions by filter and order: the same answer on SQLite and PostgreSQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, select

from regie.registry import queries
from regie.registry.tables import model_tags, model_versions, registered_models, version_tags
from regie.registry.types import Model, Version
from regie.tracking.filter import Clause, Order
from regie.tracking.keyset import FIRST, Slice, Window, read
from regie.tracking.search import attributes, compare, keyed

# A prompt is kept as a registered model with this tag; whoever does not ask for prompts gets none.
IS_PROMPT = "mlflow.prompt.is_prompt"
_MODELS: dict[str, Any] = {"name": registered_models.c.name, "last_updated_timestamp": registered_models.c.updated_ms}
_VERSIONS: dict[str, Any] = {
    "name": model_versions.c.name, "run_id": model_versions.c.run_id, "source_path": model_versions.c.source,
    "version_number": model_versions.c.version, "creation_timestamp": model_versions.c.created_ms,
    "last_updated_timestamp": model_versions.c.updated_ms,
}  # fmt: skip
_NUMBERS = ("version_number", "creation_timestamp", "last_updated_timestamp")
_NEWEST = (
    Order("attribute", "last_updated_timestamp", ascending=False), Order("attribute", "name"),
    Order("attribute", "version_number", ascending=False),
)  # fmt: skip


def models(
    db: Connection, workspace: str, clauses: Sequence[Clause] = (), orders: Sequence[Order] = (), window: Window = FIRST
) -> Slice[Model]:
    """Registered models, by name where the orders leave it open."""
    owner = and_(model_tags.c.workspace == registered_models.c.workspace, model_tags.c.name == registered_models.c.name)
    query = select(*queries.MODEL_COLUMNS).where(registered_models.c.workspace == workspace)
    query = query.where(*_conditions(db, clauses, _MODELS, model_tags, owner, owner))
    rows, end = read(db, query, attributes(orders, _MODELS, _NUMBERS, ("name", True)), window)
    return Slice(queries.complete(db, workspace, [row[: len(queries.MODEL_COLUMNS)] for row in rows]), end)


def versions(
    db: Connection, workspace: str, clauses: Sequence[Clause] = (), orders: Sequence[Order] = (), window: Window = FIRST
) -> Slice[Version]:
    """Versions; the one changed last first where there are no orders."""
    of_model = and_(version_tags.c.workspace == model_versions.c.workspace, version_tags.c.name == model_versions.c.name)
    owner = and_(of_model, version_tags.c.version == model_versions.c.version)
    query = select(*queries.VERSION_COLUMNS).where(model_versions.c.workspace == workspace)
    query = query.where(*_conditions(db, clauses, _VERSIONS, version_tags, owner, of_model))
    columns = attributes(orders or _NEWEST, _VERSIONS, _NUMBERS, ("name", True), ("version_number", False))
    rows, end = read(db, query, columns, window)
    return Slice([Version(*row[: len(queries.VERSION_COLUMNS)]) for row in rows], end)


def _conditions(
    db: Connection, clauses: Sequence[Clause], columns: dict[str, Any], tags: Any, owner: Any, of_prompt: Any
) -> list[ColumnElement[bool]]:
    """The comparisons; and no prompts, but where prompts are asked for by their tag."""
    prompts = [one for one in clauses if one.kind == "tag" and one.key == IS_PROMPT]
    wanted = bool(prompts) and (prompts[0].operator, str(prompts[0].value).lower()) in (("=", "true"), ("!=", "false"))
    found = [
        keyed(db, tags, owner, clause, len(clauses)) if clause.kind == "tag" else compare(db, columns[clause.key], clause)
        for clause in clauses
        if wanted or clause not in prompts
    ]
    if not wanted:
        found.append(~exists().where(of_prompt, tags.c.key == IS_PROMPT, tags.c.value == "true"))
    return found
