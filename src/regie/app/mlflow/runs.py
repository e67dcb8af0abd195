"""`runs/create`, `get`, `update`, `delete`, `restore`, `search`, `log-inputs`, `outputs`."""

from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import experiments, rights, shapes
from regie.app.mlflow.call import Call, Wire, WireRoute, integer, paged
from regie.base.errors import BadInput
from regie.base.ids import new_id
from regie.tracking import changes, measure, queries, search
from regie.tracking.filter import parse, parse_order
from regie.tracking.types import RUN_NAME

router = APIRouter(route_class=WireRoute)
STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


@router.post("/runs/create")
def create(call: Wire) -> dict[str, Any]:
    said, run_id = call.pairs("tags"), new_id()
    name = call.optional("run_name") or said.get(RUN_NAME) or f"run-{run_id[-8:]}"
    if said.get(RUN_NAME, name) != name:
        raise BadInput(f"run_name is {name!r}, the tag {RUN_NAME} {said[RUN_NAME]!r}", "run_name", "send one of them")
    experiment_id = rights.experiment_id(call.caller, call.optional("experiment_id") or "0")
    start = call.integer("start_time") if call.said.get("start_time") is not None else None
    with call.caller.change("run.create", f"experiment:{experiment_id}") as tx:
        changes.create_run(
            tx, experiment_id, name, run_id=run_id, tags=said, user=call.optional("user_id") or "", start_wall_ms=start
        )
    return {"run": _run(call, run_id)}


@router.get("/runs/get")
def get(call: Wire) -> dict[str, Any]:
    run = rights.run_seen(call.caller, call.run_id())
    return {"run": _run(call, run.id)}


def _run(call: Call, run_id: str) -> dict[str, Any]:
    with call.caller.store.read() as db:
        run = queries.run(db, run_id)
        return shapes.run(run, queries.run_data(db, [run])[run.key])


@router.post("/runs/update")
def update(call: Wire) -> dict[str, Any]:
    """The status of a pipeline's or a task's run is ignored: its worker sets it."""
    run_id = call.run_id()
    ended = call.integer("end_time") if call.said.get("end_time") is not None else None
    with call.caller.change("run.change", f"run:{run_id}") as tx:
        changes.update_run(tx, run_id, _status(call), ended)
    name = call.optional("run_name")
    if name:
        run = rights.run_measured(call.caller, run_id)
        measure.log_batch(call.caller.store, run.id, tags={RUN_NAME: name})
    return {"run_info": _run(call, run_id)["info"]}


def _status(call: Call) -> str | None:
    said = call.said.get("status")
    if isinstance(said, int) and not isinstance(said, bool):
        return STATUS.get(said, str(said))
    return call.optional("status") or None


@router.post("/runs/delete")
def delete(call: Wire) -> dict[str, Any]:
    return _lifecycle(call, "deleted")


@router.post("/runs/restore")
def restore(call: Wire) -> dict[str, Any]:
    return _lifecycle(call, "active")


def _lifecycle(call: Call, lifecycle: str) -> dict[str, Any]:
    run_id = call.run_id()
    with call.caller.change("run.delete", f"run:{run_id}", lifecycle) as tx:
        changes.set_run_lifecycle(tx, run_id, lifecycle)
    return {}


@router.post("/runs/search")
def find(call: Wire) -> dict[str, Any]:
    limit, offset = call.page()
    clauses, orders = parse(call.optional("filter")), [parse_order(text) for text in call.texts("order_by")]
    default = changes.default_experiment_id(call.workspace)
    ids = [default if one == "0" else one for one in call.texts("experiment_ids")]
    with call.caller.read("run.read", call.workspace) as db:
        found = search.runs_found(
            db, call.workspace, ids, clauses, orders, experiments.view(call, "run_view_type"), limit + 1, offset
        )
        data = queries.run_data(db, found[:limit])
    return paged("runs", found, limit, offset, lambda page: [shapes.run(one, data[one.key]) for one in page])


@router.post("/runs/log-inputs")
def log_inputs(call: Wire) -> dict[str, Any]:
    run = rights.run_measured(call.caller, call.run_id())
    models = [("input", _model_id(one), 0) for one in call.objects("models")]
    measure.log_inputs(call.caller.store, run.id, [_input(one) for one in call.objects("datasets")], models)
    return {}


def _input(one: dict[str, Any]) -> dict[str, Any]:
    dataset = one.get("dataset") or {}
    said = {tag.get("key", ""): tag.get("value", "") for tag in one.get("tags") or []}
    found = {name: dataset.get(name) or "" for name in ("name", "digest", "source_type", "source", "schema", "profile")}
    if not found["name"] or not found["digest"] or not all(isinstance(value, str) for value in found.values()):
        raise BadInput("a dataset needs a name and a digest", "datasets", "send both as text")
    return {**found, "tags": said, "context": said.get("mlflow.data.context", "")}


@router.post("/runs/outputs")
def outputs(call: Wire) -> dict[str, Any]:
    run = rights.run_measured(call.caller, call.run_id())
    models = [("output", _model_id(one), integer(one.get("step", 0), "step")) for one in call.objects("models")]
    measure.log_inputs(call.caller.store, run.id, [], models)
    return {}


def _model_id(one: dict[str, Any]) -> str:
    found = one.get("model_id")
    if not isinstance(found, str) or not found:
        raise BadInput("a model needs its id", "models", "send model_id")
    return found
