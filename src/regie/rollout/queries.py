"""Reads of rollouts and routes."""

import json
from typing import Any, Protocol

from sqlalchemy import Connection, select

from regie.base.errors import NotFound
from regie.rollout.tables import rollouts, routes
from regie.rollout.types import Rollout, RolloutSpec, Route, Variant


class Place(Protocol):
    """Where a version may be champion: of which model, at which endpoint, in which environment."""

    @property
    def workspace(self) -> str: ...
    @property
    def endpoint(self) -> str: ...
    @property
    def environment(self) -> str: ...
    @property
    def model(self) -> str: ...


def rollout(db: Connection, identity: str, workspace: str | None = None) -> Rollout:
    """One rollout, of a workspace where one is given. Raises NotFound."""
    row = db.execute(select(rollouts).where(rollouts.c.id == identity)).first()
    if row is None or workspace not in (None, row.workspace):
        raise NotFound(f"rollout {identity} does not exist", do="regie rollout list")
    return _rollout(row)


def listed(db: Connection, workspace: str, state: str | None = None, limit: int = 100) -> list[Rollout]:
    """The rollouts of a workspace, newest first."""
    query = select(rollouts).where(rollouts.c.workspace == workspace).order_by(rollouts.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(rollouts.c.state == state)
    return [_rollout(row) for row in db.execute(query)]


def running(db: Connection, workspace: str, endpoint: str) -> Rollout | None:
    """The one rollout that occupies an endpoint."""
    return _one(db, workspace, endpoint, "running")


def waiting(db: Connection, workspace: str, endpoint: str) -> Rollout | None:
    """The newest rollout that waits for its turn."""
    return _one(db, workspace, endpoint, "waiting")


def of_version(db: Connection, workspace: str, model: str, version: int) -> list[Rollout]:
    """Every rollout that a version ever had, newest first."""
    same = (rollouts.c.workspace == workspace, rollouts.c.model == model, rollouts.c.version == version)
    return [_rollout(row) for row in db.execute(select(rollouts).where(*same).order_by(rollouts.c.id.desc()))]


def before(db: Connection, place: Place, version: int) -> int | None:
    """Who was champion when this version was released: the incumbent of the rollout that brought it, None for a first one."""
    same = [rollouts.c[name] == getattr(place, name) for name in ("workspace", "endpoint", "environment", "model")]
    query = select(rollouts.c.incumbent).where(*same, rollouts.c.version == version, rollouts.c.state == "finished")
    found = db.execute(query.order_by(rollouts.c.id.desc()).limit(1)).scalar()
    return None if found is None else int(found)


def route(db: Connection, workspace: str, endpoint: str) -> Route | None:
    """The wanted route of an endpoint."""
    row = db.execute(select(routes).where(routes.c.workspace == workspace, routes.c.endpoint == endpoint)).first()
    return _route(row) if row else None


def all_routes(db: Connection) -> list[Route]:
    """The wanted routes of every workspace: what the syncers fetch."""
    return [_route(row) for row in db.execute(select(routes).order_by(routes.c.workspace, routes.c.endpoint))]


def _one(db: Connection, workspace: str, endpoint: str, state: str) -> Rollout | None:
    same = (rollouts.c.workspace == workspace, rollouts.c.endpoint == endpoint, rollouts.c.state == state)
    row = db.execute(select(rollouts).where(*same).order_by(rollouts.c.id.desc()).limit(1)).first()
    return _rollout(row) if row else None


def _rollout(row: Any) -> Rollout:
    return Rollout(**{**row._mapping, "spec": RolloutSpec.from_json(json.loads(row.spec)), "paused": bool(row.paused)})


def _route(row: Any) -> Route:
    variants = tuple(Variant(**variant) for variant in json.loads(row.variants))
    return Route(row.workspace, row.endpoint, row.environment, row.model, row.generation, variants)
