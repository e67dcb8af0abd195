"""Labels: statements about the truth of predictions, by id or by key and time, in batches; a label may be revised."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import select

from regie.app.caller import Caller
from regie.base.errors import BadInput, NotFound
from regie.data import labels
from regie.predictions import ids
from regie.store import nodes
from regie.store.tables import workspaces

router = APIRouter()
MOST = 50_000


class Statement(BaseModel):
    """One statement: `prediction_id`, or `key` and `time_ms` (the prediction's target time). The last one known wins."""

    prediction_id: str | None = None
    key: str | None = None
    time_ms: int | None = Field(default=None, ge=0, lt=1 << 53)
    value: float | int | bool | str
    source: str = "api"
    stated_ms: int | None = Field(default=None, ge=0, lt=1 << 53)


class Batch(BaseModel):
    """At most 50,000 statements."""

    labels: list[Statement] = Field(max_length=MOST)


@router.post("/api/v1/labels")
def state(body: Batch, caller: Caller) -> JSONResponse:
    """200; 202 where some predictions have not been delivered yet, whose labels wait; 404 for an id that was never given out."""
    caller.may("label.state", caller.workspace)
    with caller.store.read() as db:
        secret = db.execute(select(workspaces.c.secret).where(workspaces.c.name == caller.workspace)).scalar()
        if secret is None:
            raise NotFound(f"workspace {caller.workspace} does not exist", "path /w/NAME", "regie apply")
        known = {node.tag: node.last_id for node in nodes.known(db)}
    waiting = sum(_waits(bytes.fromhex(secret), known, number, one) for number, one in enumerate(body.labels))
    now = caller.store.now_ms(caller.workspace)
    statements: list[dict[str, Any]] = [
        {**one.model_dump(), "stated_ms": now if one.stated_ms is None else one.stated_ms} for one in body.labels
    ]
    accepted = labels.state(caller.store, caller.workspace, statements)
    return JSONResponse({"accepted": accepted, "waiting": waiting}, status_code=202 if waiting else 200)


def _waits(secret: bytes, known: dict[int, str], number: int, one: Statement) -> bool:
    """Whether the prediction is still on its way. Raises ForgedId (404), BadInput."""
    if one.prediction_id is None:
        if one.key is None or one.time_ms is None:
            raise BadInput(
                "a label needs prediction_id, or key and time_ms", f"labels[{number}]", "name the prediction that it is about"
            )
        return False
    made = ids.check(secret, one.prediction_id)
    return made > known.get(ids.node_tag(one.prediction_id), "")
