"""Filters and orders over models and versions; the grammar is `tracking/filter`."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, and_, select

from regie.base.errors import BadInput
from regie.registry import queries
from regie.registry.tables import model_tags, model_versions, registered_models, version_tags
from regie.registry.types import Model, Version
from regie.tracking.filter import Clause, Order
from regie.tracking.search import attribute, directions, keyed

# The client adds this to every search, and means the models without the tag too: the one tag whose != matches what is missing.
NO_PROMPTS = Clause("tag", "mlflow.prompt.is_prompt", "!=", "true")
_MODELS = {"name": registered_models.c.name}
_MODEL_TIMES = {"creation_timestamp": registered_models.c.created_ms, "last_updated_timestamp": registered_models.c.updated_ms}
_VERSIONS = {
    "name": model_versions.c.name, "run_id": model_versions.c.run_id, "source_path": model_versions.c.source,
    "source": model_versions.c.source, "role": model_versions.c.role,
}  # fmt: skip
_VERSION_NUMBERS = {
    "version_number": model_versions.c.version, "creation_timestamp": model_versions.c.created_ms,
    "last_updated_timestamp": model_versions.c.updated_ms,
}  # fmt: skip


def models(
    db: Connection,
    workspace: str,
    clauses: Sequence[Clause] = (),
    orders: Sequence[Order] = (),
    limit: int = 100,
    offset: int = 0,
) -> list[Model]:
    """Registered models, by name where the orders leave it open."""
    mine: ColumnElement[bool] = and_(
        model_tags.c.workspace == registered_models.c.workspace, model_tags.c.name == registered_models.c.name
    )
    query = select(registered_models).where(registered_models.c.workspace == workspace)
    for clause in clauses:
        if clause == NO_PROMPTS:
            query = query.where(~keyed(db, model_tags, mine, replace(clause, operator="=")))
        elif clause.kind == "tag":
            query = query.where(keyed(db, model_tags, mine, clause))
        else:
            query = query.where(attribute(db, _plain(clause), _MODEL_TIMES, _MODELS))
    query = query.order_by(*directions(orders, _MODELS | _MODEL_TIMES), registered_models.c.name)
    return queries.complete(db, workspace, db.execute(query.limit(limit).offset(offset)).all())


def versions(
    db: Connection,
    workspace: str,
    clauses: Sequence[Clause] = (),
    orders: Sequence[Order] = (),
    limit: int = 100,
    offset: int = 0,
) -> list[Version]:
    """Versions; the newest first where the orders leave it open."""
    mine: ColumnElement[bool] = and_(
        version_tags.c.workspace == model_versions.c.workspace, version_tags.c.name == model_versions.c.name,
        version_tags.c.version == model_versions.c.version,
    )  # fmt: skip
    query = select(model_versions).where(model_versions.c.workspace == workspace)
    for clause in clauses:
        if clause.kind == "tag":
            query = query.where(keyed(db, version_tags, mine, clause))
        else:
            query = query.where(attribute(db, _plain(clause), _VERSION_NUMBERS, _VERSIONS))
    query = query.order_by(
        *directions(orders, _VERSIONS | _VERSION_NUMBERS),
        model_versions.c.updated_ms.desc(), model_versions.c.name, model_versions.c.version.desc(),
    )  # fmt: skip
    return [Version(**row._mapping) for row in db.execute(query.limit(limit).offset(offset))]


def _plain(clause: Clause) -> Clause:
    if clause.kind != "attribute":
        raise BadInput(f"{clause.kind} cannot be compared here", "filter", "compare an attribute or a tag")
    return clause
