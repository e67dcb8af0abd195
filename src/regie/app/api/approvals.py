"""Approvals: what waits for a person's decision, with its evidence, and the decision."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from regie.app.api.status import scene_of
from regie.app.caller import Caller, CallerOf, Count
from regie.base.errors import BadInput, NotFound
from regie.gates import queries as gates
from regie.gates.approvals import Approval
from regie.loop import approve, dossier
from regie.registry import queries as registry

router = APIRouter()
LARGEST = (1 << 31) - 1  # of a version's number, in every database


class Grant(BaseModel):
    """`approval`: the id of the question that was read; a decision on another one is a conflict."""

    reason: str = Field("", max_length=2000)
    approval: str = Field("", max_length=32)


class Refuse(Grant):
    """Who made the version reads why."""

    reason: str = Field(min_length=1, max_length=2000)


@router.get("/api/v1/approvals")
def listed(caller: Caller, state: str | None = None, limit: Count = 100) -> list[dict[str, Any]]:
    """Newest first."""
    said = {"state": state} if state is not None else {}
    with caller.read("approval.read", caller.workspace) as db:
        return [dossier.brief(db, one) for one in gates.approvals_of(db, caller.workspace, limit=min(limit, 10_000), **said)]


@router.get("/api/v1/approvals/{version}")
def one(version: str, caller: Caller, request: Request) -> dict[str, Any]:
    """The newest approval of a version, with what speaks for and against it, and by which rule the caller may not decide."""
    model, number = named(version)
    here = scene_of(caller, request)
    with caller.read("approval.read", version) as db:
        registry.version(db, caller.workspace, model, number)
        found = gates.approval(db, caller.workspace, here.environment, model, number)
        if found is None:
            raise NotFound(f"no approval was ever asked for {version}", caller.workspace, "regie approval list")
        may_not = approve.may_not(here, db, caller.actor, "approval.grant", found)
        return dossier.full(here, db, found) | {"may_not": may_not}


@router.post("/api/v1/approvals/{version}/grant")
def grant(version: str, body: Grant, caller: Caller, request: Request) -> dict[str, Any]:
    """Let the version be released."""
    model, number = named(version)
    return _answer(caller, approve.grant(scene_of(caller, request), caller.actor, model, number, body.reason, body.approval))


@router.post("/api/v1/approvals/{version}/refuse")
def refuse(version: str, body: Refuse, caller: Caller, request: Request) -> dict[str, Any]:
    """The version is never released."""
    model, number = named(version)
    return _answer(caller, approve.refuse(scene_of(caller, request), caller.actor, model, number, body.reason, body.approval))


def _answer(caller: CallerOf, approval: Approval) -> dict[str, Any]:
    with caller.store.read() as db:
        return dossier.brief(db, approval)


def named(version: str) -> tuple[str, int]:
    """`churn@3` as its parts. Raises BadInput, NotFound."""
    model, at, number = version.rpartition("@")
    if not at or not model or not (number.isascii() and number.isdigit()):
        raise BadInput(f"{version!r} names no version", "path", "write MODEL@NUMBER, for example churn@3")
    if len(number) > 10 or int(number) > LARGEST:
        raise NotFound(f"there is no version {number} of {model}", "path", f"regie model show {model}")
    return model, int(number)
