"""Reads of rollouts and routes."""

import json
from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, func, select, tuple_

from regie.base.errors import NotFound
from regie.rollout.tables import LIVE, rollouts, routes
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


def page(db: Connection, workspace: str, state: str | None, before: str | None, limit: int) -> list[Rollout]:
    """Rollouts of a workspace, newest first, older than one of them."""
    query = select(rollouts).where(rollouts.c.workspace == workspace).order_by(rollouts.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(rollouts.c.state == state)
    if before is not None:
        query = query.where(rollouts.c.id < before)
    return [_rollout(row) for row in db.execute(query)]


def by_state(db: Connection, workspace: str) -> dict[str, int]:
    """How many rollouts of a workspace are in each state."""
    query = select(rollouts.c.state, func.count()).where(rollouts.c.workspace == workspace).group_by(rollouts.c.state)
    return {row[0]: int(row[1]) for row in db.execute(query)}


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


def live_in(db: Connection, workspaces: Sequence[str]) -> list[Rollout]:
    """The rollouts of some workspaces that run or wait, oldest first."""
    mine = (rollouts.c.workspace.in_(workspaces), rollouts.c.state.in_(LIVE))
    return [_rollout(row) for row in db.execute(select(rollouts).where(*mine).order_by(rollouts.c.id))]


def had(db: Connection, versions: Sequence[tuple[str, str, int]]) -> set[tuple[str, str, int]]:
    """Which of some (workspace, model, version) had a rollout that is not merely withdrawn until its evidence or approval holds."""
    columns = (rollouts.c.workspace, rollouts.c.model, rollouts.c.version)
    withdrawn = (rollouts.c.state == "superseded") & (
        rollouts.c.because.startswith("evidence.") | rollouts.c.because.startswith("approval.")
    )
    query = select(*columns).where(tuple_(*columns).in_(versions), ~withdrawn).distinct()
    return {(row.workspace, row.model, row.version) for row in db.execute(query)} if versions else set()


def generations(db: Connection, workspaces: Sequence[str]) -> dict[tuple[str, str], int]:
    """The wanted generation of each endpoint of some workspaces."""
    query = select(routes.c.workspace, routes.c.endpoint, routes.c.generation).where(routes.c.workspace.in_(workspaces))
    return {(row.workspace, row.endpoint): row.generation for row in db.execute(query)}


def of_versions(db: Connection, workspace: str, model: str, versions: Sequence[int]) -> dict[int, Any]:
    """The newest rollout of each of some versions of a model, as rows (id, version, state, because)."""
    same = (rollouts.c.workspace == workspace, rollouts.c.model == model, rollouts.c.version.in_(versions))
    columns = (rollouts.c.id, rollouts.c.version, rollouts.c.state, rollouts.c.because)
    return {row.version: row for row in db.execute(select(*columns).where(*same).order_by(rollouts.c.id))}
