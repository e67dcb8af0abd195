"""Labels: statements about the truth of predictions, by id or by key and time, in batches; a label may be revised."""

import json
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from sqlalchemy import Connection, select

from regie.app.caller import Caller
from regie.base.errors import BadInput, NotFound
from regie.data import labels
from regie.predictions import ids
from regie.spec.document import Spec
from regie.spec.read import from_json
from regie.store import nodes
from regie.store.tables import specs, workspaces

router = APIRouter()
MOST = 50_000


class Statement(BaseModel):
    """One statement: `prediction_id`, or `key` and `time_ms` (the prediction's target time). The last one known wins."""

    prediction_id: str | None = None
    key: str | None = Field(default=None, max_length=labels.TEXT_CHARS)
    time_ms: int | None = Field(default=None, ge=0, lt=1 << 53)
    value: float | int | bool | str
    source: str = Field(default="api", max_length=128)
    stated_ms: int | None = Field(default=None, ge=0, lt=1 << 53)


class Batch(BaseModel):
    """At most 50,000 statements."""

    labels: list[Statement] = Field(max_length=MOST)


@router.post("/api/v1/labels")
def state(body: Batch, caller: Caller) -> JSONResponse:
    """200; 202 where some predictions have not been delivered yet, whose labels wait. One bad statement refuses the batch.

    404 for an id that was never given out; 422 for a label that cannot belong to the task of the applied `regie.yaml`.
    """
    caller.may("label.state", caller.workspace)
    with caller.store.read() as db:
        secret = db.execute(select(workspaces.c.secret).where(workspaces.c.name == caller.workspace)).scalar()
        if secret is None:
            raise NotFound(f"workspace {caller.workspace} does not exist", "path /w/NAME", "regie apply")
        known = {node.tag: node.last_id for node in nodes.known(db)}
        spec = _applied(db, caller.workspace)
    _check(body.labels, spec)
    waiting = sum(_waits(bytes.fromhex(secret), known, one) for one in body.labels)
    now = caller.store.now_ms(caller.workspace)
    statements: list[dict[str, Any]] = [
        {**one.model_dump(), "stated_ms": now if one.stated_ms is None else one.stated_ms} for one in body.labels
    ]
    accepted = labels.state(caller.store, caller.workspace, statements)
    return JSONResponse({"accepted": accepted, "waiting": waiting}, status_code=202 if waiting else 200)


def _applied(db: Connection, workspace: str) -> Spec | None:
    document = db.execute(
        select(specs.c.document)
        .join(workspaces, (specs.c.digest == workspaces.c.spec_digest) & (specs.c.workspace == workspaces.c.name))
        .where(workspaces.c.name == workspace)
    ).scalar()
    return None if document is None else from_json(json.loads(document))


def _check(statements: list[Statement], spec: Spec | None) -> None:
    """Raises BadInput, which names the first statement that is wrong."""
    task = spec.model.task if spec and spec.model else None
    classes = labels.classes_of(spec) if spec else ()
    for number, one in enumerate(statements):
        if one.prediction_id is None and (one.key is None or one.time_ms is None):
            do = "name the prediction that it is about"
            raise BadInput("a label needs prediction_id, or key and time_ms", f"labels[{number}]", do)
        for name, text in (("key", one.key), ("source", one.source), ("value", one.value)):
            if isinstance(text, str) and (wrong := _unstorable(text)):
                raise BadInput(wrong, f"labels[{number}].{name}", f"at most {labels.TEXT_CHARS} characters of text")
        if wrong := labels.misfit(one.value, task, classes):
            shown = str(one.value)[:60]
            raise BadInput(f"{shown} cannot be a label: {wrong}", f"labels[{number}].value", "state a label of the task")


def _unstorable(text: str) -> str:
    if len(text) > labels.TEXT_CHARS:
        return f"the text has {len(text)} characters"
    if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
        return "the text holds characters that no database keeps"
    return ""


def _waits(secret: bytes, known: dict[int, str], one: Statement) -> bool:
    """Whether the prediction is still on its way. Raises ForgedId (404)."""
    if one.prediction_id is None:
        return False
    made = ids.check(secret, one.prediction_id)
    return made > known.get(ids.node_tag(one.prediction_id), "")
