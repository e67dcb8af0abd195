"""Workspaces and their applied `regie.yaml`."""

import json
import re
import secrets
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from sqlalchemy import Connection, insert, select, update

from regie.app.caller import Caller, CallerOf
from regie.base.canonical import canonical
from regie.base.errors import BadInput, Conflict, NotFound
from regie.rollout.queries import all_routes
from regie.spec.check import promises
from regie.spec.document import Spec
from regie.spec.problems import JsonPlaces
from regie.spec.read import from_json
from regie.store import actors
from regie.store.change import Change, upsert
from regie.store.tables import specs, workspaces
from regie.store.types import Cause

router = APIRouter()
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class NobodyApproves(Conflict):
    """The file asks for approvals that nobody could give; nothing was applied."""

    code = "spec.nobody_approves"


class Apply(BaseModel):
    """The canonical JSON of a `regie.yaml`, the folder against which its sources are read, and the digest of its code."""

    document: dict[str, Any]
    root: str
    code_digest: str
    git: dict[str, Any] = {}
    reason: str = ""


@router.get("/api/v1/workspaces")
def workspaces_listed(caller: Caller) -> list[dict[str, Any]]:
    with caller.read("workspace.read", "workspaces") as db:
        rows = db.execute(select(workspaces).order_by(workspaces.c.name)).all()
    sees = caller.known.sees
    return [
        {"name": row.name, "clock": row.clock, "spec_digest": row.spec_digest, "created_ms": row.created_ms}
        for row in rows
        if sees is None or row.name in sees
    ]


@router.get("/api/v1/spec")
def applied(caller: Caller) -> dict[str, Any]:
    with caller.read("spec.read", caller.workspace) as db:
        row = db.execute(
            select(specs)
            .join(workspaces, (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name))
            .where(workspaces.c.name == caller.workspace)
        ).first()
    if row is None:
        raise NotFound(f"no regie.yaml is applied to workspace {caller.workspace}", "path /w/NAME", "regie apply")
    return {**row._mapping, "document": json.loads(row.document), "git": json.loads(row.git)}


@router.put("/api/v1/spec")
def apply(body: Apply, caller: Caller, request: Request) -> dict[str, Any]:
    """Apply the document; the same one again changes nothing."""
    spec = from_json(body.document)
    promises(spec, JsonPlaces()).refuse()
    if spec.workspace != caller.workspace or not NAME.fullmatch(spec.workspace):
        raise BadInput(f"the document is for workspace {spec.workspace!r}", "workspace", f"send it to /w/{spec.workspace}")
    if not caller.store.blobs.keep(body.code_digest):
        raise NotFound(f"the code {body.code_digest} is not here", "code_digest", f"PUT /api/v1/blobs/{body.code_digest} first")
    _somebody_approves(caller, spec)
    _create(caller, request)
    with caller.change("spec.apply", spec.workspace, body.reason) as tx:
        _endpoint_is_free(tx.connection, spec)
        _endpoint_stays(tx.connection, spec)
        _write(tx, spec, body)
        event = _applied(tx, spec, body) if tx.rows else None
    return {"changed": event is not None, "digest": spec.digest, "event": event.causationid if event else ""}


def _applied(tx: Change, spec: Spec, body: Apply) -> Cause:
    """`by` makes an author of every version that is trained from it."""
    return tx.event("spec.applied", spec.workspace, digest=spec.digest, code=body.code_digest, by=tx.actor.name)


def _somebody_approves(caller: CallerOf, spec: Spec) -> None:
    """A file that asks for approvals needs somebody who can give one: not its author, nor the local user with every role."""
    asked = spec.model.approve if spec.model else None
    if asked is None:
        return
    with caller.store.read() as db:
        others = [name for name in actors.holders(db, spec.workspace, asked.by) if name != caller.actor.name]
    if not others:
        raise NobodyApproves(
            f"the file asks for approvals by a {asked.by}, and nobody but you could give one in {spec.workspace}", "model.approve",
            f"`regie actor add NAME --role {asked.by} --workspace {spec.workspace}` prints a token once: give it to that person",
        )  # fmt: skip


def _create(caller: CallerOf, request: Request) -> None:
    home = request.app.state.home
    with caller.store.read() as db:
        if db.execute(select(workspaces.c.name).where(workspaces.c.name == caller.workspace)).first():
            return
    with caller.change("workspace.create", caller.workspace) as tx:
        row = {
            "name": caller.workspace, "clock": home.clock, "now_ms": home.start_ms, "secret": secrets.token_hex(32),
            "created_ms": home.start_ms if home.clock == "driven" else tx.wall_ms,
        }  # fmt: skip
        if tx.execute(upsert(tx.connection, workspaces, row, ["name"], keep=True)).rowcount:
            tx.now_ms = row["created_ms"]
            tx.event("workspace.created", caller.workspace, clock=home.clock)


def _write(tx: Change, spec: Spec, body: Apply) -> None:
    facts = {"root": body.root, "code_digest": body.code_digest, "git": canonical(body.git)}
    same = (specs.c.digest == spec.digest, specs.c.workspace == spec.workspace)
    seen = tx.execute(select(specs).where(*same)).first()
    if seen is None:
        tx.execute(
            insert(specs).values(
                digest=spec.digest, workspace=spec.workspace, document=canonical(spec.to_json()), applied_ms=tx.now_ms,
                applied_by=tx.actor.name, **facts,
            )
        )  # fmt: skip
    elif any(getattr(seen, name) != value for name, value in facts.items()):
        tx.execute(update(specs).where(*same).values(applied_ms=tx.now_ms, applied_by=tx.actor.name, **facts))
    tx.execute(
        update(workspaces)
        .where(workspaces.c.name == spec.workspace, workspaces.c.spec_digest.is_distinct_from(spec.digest))
        .values(spec_digest=spec.digest)
    )


def _endpoint_stays(db: Connection, spec: Spec) -> None:
    """What answers today goes on under its guards: an endpoint with a route keeps its name and its model."""
    for route in all_routes(db):
        if route.workspace != spec.workspace or not route.variants:
            continue
        wanted = (spec.serve.endpoint, spec.model.name) if spec.serve and spec.model else ("nothing", "no model")
        if wanted != (route.endpoint, route.model):
            raise Conflict(
                f"endpoint {route.endpoint} answers with model {route.model}, and the file says {wanted[0]} with {wanted[1]}",
                "serve.endpoint, model.name", "use another workspace for another endpoint or model",
            )  # fmt: skip


def _endpoint_is_free(db: Connection, spec: Spec) -> None:
    """An endpoint's name is a URL: one workspace has it."""
    if spec.serve is None:
        return
    others = db.execute(
        select(specs.c.workspace, specs.c.document)
        .join(workspaces, (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name))
        .where(workspaces.c.name != spec.workspace)
    )
    for row in others:
        taken = from_json(json.loads(row.document)).serve
        if taken is not None and taken.endpoint == spec.serve.endpoint:
            raise Conflict(
                f"endpoint {taken.endpoint} belongs to workspace {row.workspace}", "serve.endpoint", "choose another name"
            )
