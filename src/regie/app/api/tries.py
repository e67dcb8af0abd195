"""Try the endpoint: one row of a person, through the control plane, for a browser reaches no other port than its page's.

A real request: answered by the route, logged as a prediction, and counted like any other; its request id begins with `try-`.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from regie.app import node_calls
from regie.app.api.status import scene_of
from regie.app.caller import Caller
from regie.base.errors import Conflict
from regie.base.ids import new_id
from regie.store import nodes
from regie.store.nodes import Node

router = APIRouter()
MOST_FIELDS, MOST_CHARS = 2_000, 10_000
MARK = "try-"
Plain = Annotated[str, Field(max_length=MOST_CHARS)] | int | float | bool | None


class Try(BaseModel):
    """The inputs by name; what is missing is null where the model takes that."""

    row: dict[str, Plain] = Field(max_length=MOST_FIELDS)


class TryRefused(BaseModel):
    """Why the endpoint gave no answer, in its own words. `column`: the one whose value it does not take, None where it names none."""

    code: str
    what: str
    where: str
    do: str
    column: str | None


class Tried(BaseModel):
    """What came back. `ms`: as felt here, the way to the node and back included. `prediction`: a number, or one for each class."""

    status: int
    ms: float
    node: str
    request_id: str
    prediction_id: str | None = None
    prediction: float | list[float] | None = None
    version: int | None = None
    refused: TryRefused | None = None


@router.post("/api/v1/endpoint/try")
def tried(body: Try, caller: Caller, request: Request) -> Tried:
    """Ask the workspace's endpoint one row."""
    here = scene_of(caller, request)
    if here.serves is None:
        raise Conflict("the workspace serves no endpoint", caller.workspace, "add serve: to regie.yaml")
    name = here.serves.endpoint
    with caller.read("endpoint.try", name) as db:
        node = _serving(db, caller.workspace, name)
    request_id = MARK + new_id()
    answered = node_calls.invoke(node, name, body.row, request_id)
    return _tried(node, request_id, answered)


def _serving(db: Connection, workspace: str, name: str) -> Node:
    found = next((node for node in nodes.live(db) if node.generations.get(name)), None)
    if found is None:
        raise Conflict(f"no live node serves {name}", workspace, "regie status; regie up starts one")
    return found


def _tried(node: Node, request_id: str, answered: node_calls.Answered) -> Tried:
    said, ms = answered.body, float(f"{answered.ms:.4g}")
    if answered.status != 200:
        return Tried(status=answered.status, ms=ms, node=node.id, request_id=request_id, refused=_refused(said))
    return Tried(
        status=200, ms=ms, node=node.id, request_id=str(said["request_id"]), prediction_id=said["prediction_ids"][0],
        prediction=said["predictions"][0], version=int(said["version"]),
    )  # fmt: skip


def _refused(said: Mapping[str, Any]) -> TryRefused:
    words = {name: str(said.get(name) or "") for name in ("code", "what", "where", "do")}
    column = said.get("column")
    return TryRefused(**words, column=column if isinstance(column, str) else None)
