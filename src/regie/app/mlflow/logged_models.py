"""`logged-models/...`"""

from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import rights, shapes
from regie.app.mlflow.call import Call, Wire, WireRoute, integer, ours, paged
from regie.base.errors import BadInput, NotFound
from regie.tracking import changes, measure, queries, search
from regie.tracking.filter import Order, parse, parse_order

router = APIRouter(route_class=WireRoute)
STATUSES = {"LOGGED_MODEL_PENDING": 1, "LOGGED_MODEL_READY": 2, "LOGGED_MODEL_UPLOAD_FAILED": 3}
MAX_PAGE = 100


@router.post("/logged-models")
def create(call: Wire) -> dict[str, Any]:
    experiment_id = rights.experiment_id(call.caller, call.optional("experiment_id") or "0")
    source = call.optional("source_run_id") or ""
    action, target = ("run.change", f"run:{source}") if source else ("run.create", f"experiment:{experiment_id}")
    with call.caller.change(action, target, "logged model") as tx:
        if source:
            queries.run(tx.connection, source, call.workspace)
        model_id = changes.create_logged_model(
            tx, experiment_id, call.optional("name") or "", type=call.optional("model_type") or "", source_run_id=source,
            params=call.pairs("params"), tags=call.pairs("tags"),
        )  # fmt: skip
    return {"model": _model(call, model_id)}


def _model(call: Call, model_id: str) -> dict[str, Any]:
    with call.caller.store.read() as db:
        found = queries.logged_model(db, call.workspace, model_id)
        return shapes.logged_model(found, queries.logged_model_data(db, [model_id])[model_id])


@router.post("/logged-models/search")
def find(call: Wire) -> dict[str, Any]:
    limit, offset = call.page(50, MAX_PAGE)
    ids = [rights.experiment_id(call.caller, one) for one in call.texts("experiment_ids")]
    for one in ids:
        rights.may_see_experiment(call.caller, one)
    clauses, orders = parse(call.optional("filter")), [_order(one) for one in call.objects("order_by")]
    with call.caller.store.read() as db:
        found = search.logged_models_found(db, call.workspace, ids, clauses, orders, limit + 1, offset)
        data = queries.logged_model_data(db, [one.id for one in found[:limit]])
    return paged("models", found, limit, offset, lambda page: [shapes.logged_model(one, data[one.id]) for one in page])


def _order(one: dict[str, Any]) -> Order:
    name, ascending = one.get("field_name"), one.get("ascending", True)
    if not isinstance(name, str) or not isinstance(ascending, bool):
        raise BadInput("an order needs field_name", "order_by", "send field_name and ascending")
    return Order(parse_order(name).kind, parse_order(name).key, ascending)


@router.get("/logged-models/{model_id}")
def get(model_id: str, call: Wire) -> dict[str, Any]:
    rights.logged_model(call.caller, model_id)
    return {"model": _model(call, model_id)}


@router.patch("/logged-models/{model_id}")
def finalize(model_id: str, call: Wire) -> dict[str, Any]:
    said = call.said.get("status")
    status = STATUSES.get(said) if isinstance(said, str) and said in STATUSES else integer(said, "status")
    if status not in STATUSES.values():
        raise BadInput(f"{said!r} is no status", "status", "write one of " + ", ".join(STATUSES))
    found = rights.logged_model(call.caller, model_id)
    with call.caller.change("run.change", rights.model_target(found), "logged model") as tx:
        changes.change_logged_model(tx, model_id, status=status)
    return {"model": _model(call, model_id)}


@router.delete("/logged-models/{model_id}")
def delete(model_id: str, call: Wire) -> dict[str, Any]:
    found = rights.logged_model(call.caller, model_id)
    with call.caller.change("run.delete", rights.model_target(found), "logged model deleted") as tx:
        changes.change_logged_model(tx, model_id, lifecycle="deleted")
    return {}


@router.patch("/logged-models/{model_id}/tags")
def set_tags(model_id: str, call: Wire) -> dict[str, Any]:
    rights.logged_model(call.caller, model_id, write=True)
    measure.set_logged_model(call.caller.store, model_id, tags=call.pairs("tags"))
    return {"model": _model(call, model_id)}


@router.delete("/logged-models/{model_id}/tags/{key:path}")
def delete_tag(model_id: str, key: str, call: Wire) -> dict[str, Any]:
    rights.logged_model(call.caller, model_id, write=True)
    if not measure.delete_logged_model_tag(call.caller.store, model_id, ours(key)):
        raise NotFound(f"No tag with key {key!r}", model_id, "look at the model's tags")
    return {}


@router.post("/logged-models/{model_id}/params")
def log_params(model_id: str, call: Wire) -> dict[str, Any]:
    rights.logged_model(call.caller, model_id, write=True)
    measure.set_logged_model(call.caller.store, model_id, params=call.pairs("params"))
    return {}
