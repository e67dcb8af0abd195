"""What serving nodes ask and deliver: docs/reference/node-http.md."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi import Path as PathPart
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import select, update

from regie.app.caller import Caller, CallerOf, Count
from regie.app.wanted import Lookout
from regie.base.canonical import sha256
from regie.base.clock import wall_ms
from regie.base.errors import BadInput
from regie.base.files import held
from regie.predictions import segments
from regie.store.access import FORBIDDEN
from regie.store.change import Store, upsert
from regie.store.tables import nodes as nodes_table
from regie.store.tables import segments as segments_table

router = APIRouter()
Segment = Annotated[int, PathPart(ge=0, lt=1 << 53)]
WAIT_MS = 500
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
async def sync(node: str, body: Sync, request: Request, caller: Caller) -> JSONResponse:
    """Take the report; answer at once if the node is behind, else after a while."""
    lookout: Lookout = request.app.state.lookout
    driven = request.app.state.home.clock == "driven"
    await run_in_threadpool(_take_report, caller, driven, node, body)
    wait_s = WAIT_MS / 1000 if body.wait else 0
    wanted = await lookout.ahead(body.flush, body.generations, body.failed, wait_s)
    return JSONResponse(wanted.answer() | {"wait_ms": WAIT_MS})


@router.post("/api/v1/nodes/{node}/segments/{segment}")
async def deliver(node: str, segment: Segment, offset: Count, request: Request, caller: Caller) -> JSONResponse:
    """Accept a stretch of whole records, once."""
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
def package(digest: str, caller: Caller) -> FileResponse:
    """The manifest of a model package, as it lies here. Who asks for another blob gets that, and never a server that reads it all."""
    caller.may("blob.read", f"blob:{digest}")
    caller.store.blobs.open(digest).close()
    path = caller.store.blobs.path(digest)
    return FileResponse(path, media_type="application/json", headers={"X-Content-Type-Options": "nosniff"})


def _take_report(caller: CallerOf, driven: bool, node: str, body: Sync) -> None:
    """Note that the node lives, and what it says; the turns are woken only by what is new to them."""
    caller.may("node.sync", node)
    said = {
        "tag": body.tag, "nonce": body.nonce, "address": body.address, "generations": json.dumps(body.generations),
        "failed": json.dumps(body.failed), "variants": json.dumps(body.model_dump()["variants"]),
    }  # fmt: skip
    passes = {"flush": body.flush, "last_id": body.last_id, "seen_wall_ms": wall_ms()}
    # Between reports of a wall clock the flush moves with the clock; one of a driven clock was asked for.
    same = said | ({"flush": body.flush} if driven else {})
    with caller.store.machinery() as batch:
        row = (nodes_table.c.id == node, *(nodes_table.c[name] == value for name, value in same.items()))
        news = not batch.execute(update(nodes_table).where(*row).values(passes)).rowcount
        if news:
            batch.execute(upsert(batch.connection, nodes_table, {"id": node, **said, **passes}, ["id"]))
    if news:
        caller.store.wake(frozenset({nodes_table.name}))


def _ingest(store: Store, root: Path, node: str, segment: int, offset: int, data: bytes) -> tuple[int, bool]:
    """The offset wanted next, and whether this stretch was accepted (or had been before)."""
    # A node that lost its patience sends again, perhaps to another server, while its first call is still at work.
    with held(root / f".{sha256(node.encode())[7:39]}.lock"):
        return _take_in(store, root, node, segment, offset, data)


def _take_in(store: Store, root: Path, node: str, segment: int, offset: int, data: bytes) -> tuple[int, bool]:
    from regie.predictions import lake  # numpy and pyarrow come with it: 50 MB that a home without regie.yaml never needs

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
