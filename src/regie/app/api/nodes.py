"""What serving nodes ask and deliver: docs/reference/node-http.md."""

import json
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Path as PathPart
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from regie.app.caller import Caller, Count
from regie.base.canonical import sha256
from regie.base.clock import monotonic, wall_ms
from regie.base.errors import BadInput
from regie.base.files import held
from regie.predictions import lake, segments
from regie.registry import queries as registry
from regie.rollout.queries import all_routes
from regie.rollout.types import Route
from regie.spec.read import from_json
from regie.store.access import FORBIDDEN
from regie.store.change import Store, upsert
from regie.store.tables import nodes as nodes_table
from regie.store.tables import segments as segments_table
from regie.store.tables import settling, specs, workspaces

router = APIRouter()
Segment = Annotated[int, PathPart(ge=0, lt=1 << 53)]
WAIT_MS = 500
LOOK_S = 0.01
DEADLINE_MS = 1_000
HEADER_BYTES = 8


class Failing(BaseModel):
    """What a version that failed on a node did there, since the node's process started."""

    fallbacks: int = 0
    shadow_errors: int = 0
    restarts: int = 0
    last_error: str = Field(default="", max_length=1000)


class Sync(BaseModel):
    """What a node reports. `generations` and `failed` go by endpoint, `variants` by endpoint and version."""

    nonce: str
    address: str
    tag: int = Field(default=0, ge=0, le=0xFFFF)
    flush: int = 0
    generations: dict[str, int] = {}
    failed: dict[str, str] = {}
    last_id: str = ""
    shadows_pending: int = 0
    variants: dict[str, dict[str, Failing]] = {}
    wait: bool = True


class Refused(BaseModel):
    """What somebody tried on a node's files."""

    action: Literal["route.change", "package.change"]
    what: str = Field(max_length=500)


@router.post("/api/v1/nodes/{node}/sync")
def sync(node: str, body: Sync, caller: Caller) -> dict[str, Any]:
    """Take the report; answer at once if the node is behind, else after a while."""
    caller.may("node.sync", node)
    _report(caller.store, node, body)
    until = monotonic() + WAIT_MS / 1000
    while True:
        with caller.store.read() as db:
            answer = _answer(db)
        if not body.wait or _behind(answer, body) or monotonic() >= until:
            return answer
        time.sleep(LOOK_S)


@router.post("/api/v1/nodes/{node}/segments/{segment}")
async def deliver(node: str, segment: Segment, offset: Count, request: Request, caller: Caller) -> JSONResponse:
    """Accept a stretch of whole records, once."""
    from fastapi.concurrency import run_in_threadpool

    caller.may("node.sync", node)
    data = await request.body()
    root: Path = request.app.state.predictions
    wanted, accepted = await run_in_threadpool(_ingest, caller.store, root, node, segment, offset, data)
    return JSONResponse({"next": wanted}, status_code=200 if accepted else 409)


@router.post("/api/v1/nodes/{node}/refusals")
def refused(node: str, body: Refused, caller: Caller) -> dict[str, Any]:
    """A node found a file of its home changed, and does not use it: that goes into the audit log."""
    caller.may("node.sync", node)
    target, rule = f"node {node}: {body.what}", FORBIDDEN[body.action]
    caller.store.note_refusal(caller.actor, body.action, target, rule, workspace=caller.workspace)
    return {}


@router.get("/api/v1/packages/{digest}")
def package(digest: str, caller: Caller) -> JSONResponse:
    """The manifest of a model package."""
    caller.may("blob.read", f"blob:{digest}")
    return JSONResponse(json.loads(caller.store.blobs.get(digest)))


def _report(store: Store, node: str, body: Sync) -> None:
    row = {
        "id": node, "tag": body.tag, "nonce": body.nonce, "address": body.address, "flush": body.flush,
        "generations": json.dumps(body.generations), "failed": json.dumps(body.failed), "last_id": body.last_id,
        "seen_wall_ms": wall_ms(), "variants": json.dumps(body.model_dump()["variants"]),
    }  # fmt: skip
    with store.machinery() as batch:
        batch.execute(upsert(batch.connection, nodes_table, row, ["id"]))
    for wake in store.on_commit:
        wake()


def _answer(db: Connection) -> dict[str, Any]:
    wanted = [_endpoint(db, route) for route in all_routes(db)]
    places = {row.name: row for row in db.execute(select(workspaces))}
    # A wall clock's flush goes on by itself; a driven one asks for it when its clock moves.
    asked = max(db.execute(select(settling.c.flush)).scalars(), default=0)
    driven = [row for row in places.values() if row.clock == "driven"]
    return {
        "flush": asked if driven else wall_ms(),
        "asked": asked,
        "clock": {"mode": "driven" if driven else "wall", "now_ms": driven[0].now_ms if driven else wall_ms()},
        "routes": {
            "format": 1,
            "clock": "driven" if driven else "wall",
            "endpoints": {route["endpoint"]: route["route"] for route in wanted if route},
        },
        "wait_ms": WAIT_MS,
    }


def _behind(answer: dict[str, Any], body: Sync) -> bool:
    if answer["asked"] > body.flush:
        return True
    return any(
        route["generation"] > body.generations.get(name, 0) and name not in body.failed
        for name, route in answer["routes"]["endpoints"].items()
    )


def _endpoint(db: Connection, route: Route) -> dict[str, Any] | None:
    """One endpoint of the route file. The key of the prediction ids goes with it, since nodes make them."""
    place = db.execute(
        select(workspaces.c.secret, specs.c.document)
        .join(specs, (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name))
        .where(workspaces.c.name == route.workspace)
    ).first()
    if place is None or not route.variants:
        return None
    labelled = from_json(json.loads(place.document)).labelled
    variants = []
    for variant in route.variants:
        version = registry.version(db, route.workspace, route.model, variant.version)
        variants.append({**variant.to_json(), "package": version.package})
    return {
        "endpoint": route.endpoint,
        "route": {
            "workspace": route.workspace, "mac_key": place.secret, "generation": route.generation, "model": route.model,
            "key": list(labelled.key) if labelled else [], "time": labelled.time if labelled else None,
            "deadline_ms": DEADLINE_MS, "variants": variants,
        },
    }  # fmt: skip


def _ingest(store: Store, root: Path, node: str, segment: int, offset: int, data: bytes) -> tuple[int, bool]:
    """The offset wanted next, and whether this stretch was accepted (or had been before)."""
    # A node that lost its patience sends again, perhaps to another server, while its first call is still at work.
    with held(root / f".{sha256(node.encode())[7:39]}.lock"):
        return _take_in(store, root, node, segment, offset, data)


def _take_in(store: Store, root: Path, node: str, segment: int, offset: int, data: bytes) -> tuple[int, bool]:
    with store.read() as db:
        same = (segments_table.c.node == node, segments_table.c.segment == segment)
        seen = db.execute(select(segments_table).where(*same)).first()
    have = seen.offset if seen else 0
    if offset > have:
        return have, False
    if offset + len(data) <= have:
        return have, True
    fresh = data[have - offset :]
    head = HEADER_BYTES if have == 0 else 0
    try:
        payloads = segments.read_records(fresh[head:], f"segment {segment} of node {node}", have + head)
    except segments.SegmentBroken as broken:
        raise BadInput(broken.what, broken.where, "send whole records; nothing of this stretch was stored") from broken
    records = [json.loads(payload) for payload in payloads]
    for workspace in sorted({record["w"] for record in records}):
        mine = [record for record in records if record["w"] == workspace]
        lake.ingest(root, workspace, mine, f"{node}-{segment:012d}-{have:012d}", grown=True)
    # A server that dies here has the rows and not the offset: the node sends them again, with those that came since.
    row = {"node": node, "segment": segment, "offset": have + len(fresh), "records": (seen.records if seen else 0) + len(records)}
    with store.machinery() as batch:
        batch.execute(upsert(batch.connection, segments_table, row, ["node", "segment"]))
    return have + len(fresh), True
