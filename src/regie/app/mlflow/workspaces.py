"""`workspaces[/{name}]`, as MLflow's client lists, reads and makes them. Which one a call works in, its path or header says.

A workspace is there once a regie.yaml was applied to it, or an experiment or a model is in it. MLflow calls `default` what an
address without a name means: the personal workspace.
"""

import re
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy import Connection

from regie.app.caller import DEFAULT, PERSONAL, CallerOf
from regie.app.mlflow.call import Wire, WireRoute
from regie.app.places import began
from regie.base.errors import BadInput, NotFound, NotThereYet
from regie.tracking import changes
from regie.tracking.types import DEFAULT as EXPERIMENT
from regie.tracking.types import AlreadyExists

router = APIRouter(route_class=WireRoute)
# As the client checks it; a regie.yaml takes the same, and one letter.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
RESERVED = frozenset({DEFAULT, PERSONAL, "workspaces", "api", "ajax-api", "static-files"})


@router.get("/workspaces")
def find(call: Wire) -> dict[str, Any]:
    with call.caller.read("workspace.read", "workspaces") as db:
        return {"workspaces": [{"name": name} for name in _there(db, call.caller)]}


@router.get("/workspaces/{name}")
def get(name: str, call: Wire) -> dict[str, Any]:
    wanted = DEFAULT if name == PERSONAL else name
    with call.caller.read("workspace.read", wanted) as db:
        if wanted not in _there(db, call.caller):
            raise NotFound(f"there is no workspace {name}", "workspaces", "mlflow.list_workspaces() shows those that you see")
    return {"workspace": {"name": wanted}}


def _there(db: Connection, caller: CallerOf) -> list[str]:
    """The workspaces that somebody began and the caller sees, by name; the personal one is always there."""
    sees = caller.known.sees
    return sorted(DEFAULT if name == PERSONAL else name for name in began(db) if sees is None or name in sees)


@router.post("/workspaces")
def create(call: Wire) -> JSONResponse:
    """Begin a workspace: with an empty default experiment, as MLflow does."""
    name = call.text("name")
    if not NAME.fullmatch(name) or name in RESERVED:
        raise BadInput(f"{name!r} cannot name a new workspace", "name", "lower-case letters, digits and -; default is reserved")
    for field in ("description", "default_artifact_root", "trace_archival_config"):
        if call.said.get(field):
            raise NotThereYet(f"a workspace has no {field} yet", field, "leave it out")
    caller = call.caller
    # Whoever stands in another workspace needs the right in all of them.
    acting = caller.actor if name == caller.workspace else caller.known.everywhere
    with caller.store.change(acting, "workspace.create", name, workspace=name) as tx:
        if name in _there(tx.connection, caller):
            raise AlreadyExists(f"the workspace {name} exists", name, "use it")
        changes.ensure_experiment(tx, EXPERIMENT)
    return JSONResponse({"workspace": {"name": name}}, status_code=201)


@router.patch("/workspaces/{name}")
@router.delete("/workspaces/{name}")
def stays(name: str) -> None:
    raise NotThereYet(f"changing or deleting the workspace {name} is not there yet", "workspaces", "see docs/mlflow.md")
