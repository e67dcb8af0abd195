"""Reads of qualifications, evidence and approvals."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from regie.gates.approvals import About, Approval
from regie.gates.tables import approvals, evidence, qualifications


@dataclass(frozen=True)
class Qualification:
    """Where a challenger stands at the gates. Times are business milliseconds."""

    workspace: str
    model: str
    version: int
    state: str
    attempts: int
    next_ms: int
    champion: int | None
    because: str
    cause: str
    created_ms: int
    judged_ms: int | None


def qualification(db: Connection, workspace: str, model: str, version: int) -> Qualification | None:
    table = qualifications.c
    row = db.execute(
        select(qualifications).where(table.workspace == workspace, table.model == model, table.version == version)
    ).first()
    return Qualification(**row._mapping) if row else None


def in_state(db: Connection, workspace: str, *states: str) -> list[Qualification]:
    """The qualifications in some states, oldest version first."""
    table = qualifications.c
    query = select(qualifications).where(table.workspace == workspace, table.state.in_(states)).order_by(table.version)
    return [Qualification(**row._mapping) for row in db.execute(query)]


def evidence_of(db: Connection, workspace: str, model: str, version: int) -> list[dict[str, Any]]:
    """All evidence of a version, in the order in which it was judged."""
    same = (evidence.c.workspace == workspace, evidence.c.model == model, evidence.c.version == version)
    rows = db.execute(select(evidence).where(*same).order_by(evidence.c.attempt, evidence.c.id))
    return [{**row._mapping, "holdout": json.loads(row.holdout), "detail": json.loads(row.detail)} for row in rows]


def approval(db: Connection, workspace: str, environment: str, model: str, version: int) -> Approval | None:
    """The newest approval that was asked for a version."""
    found = approvals_of(db, workspace, model=model, version=version, environment=environment, limit=1)
    return found[0] if found else None


def approvals_of(db: Connection, workspace: str, *, limit: int = 100, **same: Any) -> list[Approval]:
    """The approvals of a workspace, newest first; `same`: columns and what they hold."""
    query = select(approvals).where(approvals.c.workspace == workspace).order_by(approvals.c.id.desc()).limit(limit)
    for column, value in same.items():
        query = query.where(approvals.c[column] == value)
    return [_approval(row._mapping) for row in db.execute(query)]


def _approval(row: Any) -> Approval:
    about = {name: row[name] for name in About.__dataclass_fields__}
    return Approval(about=About(**about), **{name: value for name, value in row.items() if name not in about})


def newest(db: Connection, workspaces: Sequence[str]) -> list[Qualification]:
    """Of each model of some workspaces, how its newest version that came to the gates stands there."""
    table = qualifications.c
    last = select(table.workspace, table.model, func.max(table.version)).where(table.workspace.in_(workspaces))
    same = tuple_(table.workspace, table.model, table.version).in_(last.group_by(table.workspace, table.model))
    return [Qualification(**row._mapping) for row in db.execute(select(qualifications).where(same))]


def pending(db: Connection, workspaces: Sequence[str]) -> list[Approval]:
    """Every question of some workspaces that waits for its answer."""
    query = select(approvals).where(approvals.c.state == "pending", approvals.c.workspace.in_(workspaces))
    return [_approval(row._mapping) for row in db.execute(query.order_by(approvals.c.id))]


def ended(db: Connection, workspaces: Sequence[str], limit: int) -> list[Approval]:
    """The questions of some workspaces that are over, newest first."""
    query = select(approvals).where(approvals.c.state != "pending", approvals.c.workspace.in_(workspaces))
    return [_approval(row._mapping) for row in db.execute(query.order_by(approvals.c.id.desc()).limit(limit))]


def of_versions(db: Connection, workspace: str, model: str, versions: Sequence[int]) -> dict[int, Qualification]:
    """How some versions of a model stand at the gates; one that never came there is left out."""
    table = qualifications.c
    same = (table.workspace == workspace, table.model == model, table.version.in_(versions))
    return {row.version: Qualification(**row._mapping) for row in db.execute(select(qualifications).where(*same))}


def answers(db: Connection, workspace: str, model: str, versions: Sequence[int]) -> dict[int, Approval]:
    """The newest approval that was asked for each of some versions of a model."""
    same = (approvals.c.workspace == workspace, approvals.c.model == model, approvals.c.version.in_(versions))
    rows = db.execute(select(approvals).where(*same).order_by(approvals.c.id))
    return {row.version: _approval(row._mapping) for row in rows}
