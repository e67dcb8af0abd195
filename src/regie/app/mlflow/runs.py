"""`runs/create`, `get`, `update`, `delete`, `restore`, `log-inputs`, `outputs`."""

import re
from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import policy, rights, shapes
from regie.app.mlflow.call import Call, Wire, WireRoute, integer
from regie.base.errors import BadInput
from regie.base.ids import new_id
from regie.tracking import changes, measure, queries
from regie.tracking.types import KEY_LENGTH, RUN_NAME, RunData

router = APIRouter(route_class=WireRoute)
RUN_ID = re.compile(r"[0-9a-f]{32}")
# Stock's limits.
DATASET_LENGTHS = {
    "name": 500, "digest": 36, "source_type": 64, "source": 65_535, "schema": 1_048_575, "profile": 16_777_215,
}  # fmt: skip
INPUT_TAG_KEY, INPUT_TAG_VALUE = 255, 500
STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


@router.post("/runs/create")
def create(call: Wire) -> dict[str, Any]:
    """Stock makes up the id. Who names one (`run_id`) may repeat the call: a run that is there is answered as it is."""
    said, named = call.pairs("tags"), _named(call)
    run_id = named or new_id()
    name = call.optional("run_name") or said.get(RUN_NAME) or f"run-{run_id[-8:]}"
    if said.get(RUN_NAME, name) != name:
        raise BadInput(f"run_name is {name!r}, the tag {RUN_NAME} {said[RUN_NAME]!r}", "run_name", "send one of them")
    experiment_id = rights.experiment_id(call.caller, call.optional("experiment_id") or "0")
    start = call.integer("start_time") if call.said.get("start_time") is not None else None
    user = (call.optional("user_id") or "")[:KEY_LENGTH]
    with call.caller.change("run.create", f"experiment:{experiment_id}") as tx:
        changes.create_run(tx, experiment_id, name, run_id=named or run_id, tags=said, user=user, start_wall_ms=start)
        run = queries.run(tx.connection, run_id, call.workspace)
        # Of a new run only its tags can be there.
        data = queries.run_data(tx.connection, [run])[run.key] if named else RunData(tags=queries.tags_of(tx.connection, run.key))
    return {"run": shapes.run(run, data)}


def _named(call: Call) -> str | None:
    named = call.optional("run_id") or call.optional("run_uuid")
    if named and not RUN_ID.fullmatch(named):
        raise BadInput(f"Invalid value {named!r} for parameter 'run_id'", "run_id", "send 32 hexadecimal digits, or nothing")
    return named or None


@router.get("/runs/get")
def get(call: Wire) -> dict[str, Any]:
    run = rights.run_seen(call.caller, call.run_id())
    with call.caller.store.read() as db:
        return {"run": shapes.run(run, queries.run_data(db, [run])[run.key])}


@router.post("/runs/update")
def update(call: Wire) -> dict[str, Any]:
    """The status of a pipeline's or a task's run is ignored: its worker sets it."""
    run_id, name = call.run_id(), call.optional("run_name") or ""
    ended = call.integer("end_time") if call.said.get("end_time") is not None else None
    with call.caller.change("run.change", f"run:{run_id}") as tx:
        run = changes.update_run(tx, run_id, _status(call), ended, name)
        name = queries.tags_of(tx.connection, run.key).get(RUN_NAME, "")
    return {"run_info": shapes.run_info(run, name)}


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
    if lifecycle == "deleted":
        policy.run(call.caller, run_id)
    with call.caller.change("run.delete", f"run:{run_id}", lifecycle) as tx:
        changes.set_run_lifecycle(tx, run_id, lifecycle)
    return {}


@router.post("/runs/log-inputs")
def log_inputs(call: Wire) -> dict[str, Any]:
    run_id = rights.measuring(call.caller, call.run_id())
    datasets = [_dataset(call, one, f"datasets[{place}]") for place, one in enumerate(call.objects("datasets"))]
    models = [("input", model_id, 0) for model_id, _ in _models(call)]
    measure.log_inputs(call.caller.store, run_id, datasets, models, call.workspace)
    return {}


def _dataset(call: Call, one: dict[str, Any], where: str) -> dict[str, Any]:
    said = one.get("dataset")
    found = {} if not isinstance(said, dict) else {name: said.get(name) or "" for name in DATASET_LENGTHS}
    if not found or not found["name"] or not found["digest"]:
        raise BadInput(f"Missing value for required parameter '{where}.dataset': its name and digest", where, "send both as text")
    for name, value in found.items():
        if not isinstance(value, str) or len(value) > DATASET_LENGTHS[name]:
            what = f"Invalid value for parameter '{where}.dataset.{name}'"
            raise BadInput(what, f"{where}.dataset.{name}", f"send text of at most {DATASET_LENGTHS[name]} characters")
    tags = Call(call.caller, {f"{where}.tags": one.get("tags")}).pairs(f"{where}.tags")
    for key, value in tags.items():
        if len(key) > INPUT_TAG_KEY or len(value) > INPUT_TAG_VALUE:
            what = f"Invalid value for parameter '{where}.tags': {key[:40]!r} is too long"
            raise BadInput(what, f"{where}.tags", f"a key has at most {INPUT_TAG_KEY} characters, a value {INPUT_TAG_VALUE}")
    return {**found, "tags": tags, "context": tags.get("mlflow.data.context", "")[:KEY_LENGTH]}


@router.post("/runs/outputs")
def outputs(call: Wire) -> dict[str, Any]:
    run_id = rights.measuring(call.caller, call.run_id())
    models = [("output", model_id, step) for model_id, step in _models(call)]
    if not models:
        raise BadInput("Missing value for required parameter 'models'", "models", "send them")
    measure.log_inputs(call.caller.store, run_id, [], models, call.workspace)
    return {}


def _models(call: Call) -> list[tuple[str, int]]:
    said = [(place, Call(call.caller, one)) for place, one in enumerate(call.objects("models"))]
    return [(one.text("model_id"), integer(one.said.get("step") or 0, f"models[{place}].step")) for place, one in said]
