"""`logged-models/...`"""

import re
from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import paging, policy, rights, shapes
from regie.app.mlflow.call import Call, Wire, WireRoute, integer, ours
from regie.base.errors import BadInput, NotFound
from regie.tracking import changes, measure, queries
from regie.tracking.filter import Order, ordered, parse
from regie.tracking.grammars import LOGGED_MODELS
from regie.tracking.model_search import ModelOrder, logged_models_found

router = APIRouter(route_class=WireRoute)
_UNNAMABLE = re.compile(r"""[/:.%"']""")
STATUSES = {"LOGGED_MODEL_PENDING": 1, "LOGGED_MODEL_READY": 2, "LOGGED_MODEL_UPLOAD_FAILED": 3}


@router.post("/logged-models")
def create(call: Wire) -> dict[str, Any]:
    name = call.optional("name") or ""
    if _UNNAMABLE.search(name):
        raise BadInput(f"Invalid model name {name!r}", "name", "it may hold none of / : . % and quotes")
    experiment_id = rights.experiment_id(call.caller, call.text("experiment_id"))
    rights.may_see_experiment(call.caller, experiment_id)  # a task: into the experiment of its run only
    source = call.optional("source_run_id") or ""
    action, target = ("run.change", f"run:{source}") if source else ("run.create", f"experiment:{experiment_id}")
    with call.caller.change(action, target, "logged model") as tx:
        if source:
            queries.run(tx.connection, source, call.workspace)
        model_id = changes.create_logged_model(
            tx, experiment_id, name, type=call.optional("model_type") or "", source_run_id=source,
            params=call.pairs("params"), tags=call.pairs("tags"),
        )  # fmt: skip
    return {"model": _model(call, model_id)}


def _model(call: Call, model_id: str) -> dict[str, Any]:
    with call.caller.store.read() as db:
        found = queries.logged_model(db, call.workspace, model_id)
        return shapes.logged_model(found, queries.logged_model_data(db, [model_id])[model_id])


@router.post("/logged-models/search")
def find(call: Wire) -> dict[str, Any]:
    page = paging.asked(call, 50, besides=("experiment_ids", "datasets"))
    said = call.texts("experiment_ids")
    if not said:
        raise BadInput("Missing value for required parameter 'experiment_ids'", "experiment_ids", "send it")
    ids = [rights.experiment_id(call.caller, one) for one in said]
    for one in ids:
        rights.may_see_experiment(call.caller, one)
    clauses, orders = parse(call.optional("filter"), LOGGED_MODELS), [_order(one) for one in call.objects("order_by")]
    datasets = [_dataset(one, "datasets") for one in call.objects("datasets")]
    if not all(name for name, _ in datasets):
        raise BadInput("`dataset_name` in the `datasets` clause must be specified", "datasets", "send dataset_name")
    with call.caller.store.read() as db:
        found = logged_models_found(db, call.workspace, ids, clauses, datasets, orders, page.window)
        data = queries.logged_model_data(db, [one.id for one in found.found])
    return paging.shown("models", [shapes.logged_model(one, data[one.id]) for one in found.found], page, found.next)


def _order(one: dict[str, Any]) -> ModelOrder:
    name, ascending = one.get("field_name"), one.get("ascending", True)
    if not isinstance(name, str) or not isinstance(ascending, bool):
        raise BadInput("an order needs field_name", "order_by", "send field_name and ascending")
    name, digest = name.strip(), _dataset(one, "order_by")
    kind, _, key = name.partition(".") if "." in name else ("attribute", "", LOGGED_MODELS.aliases.get(name, name))
    return ModelOrder(ordered(Order("metric" if kind == "metrics" else kind, key, ascending), LOGGED_MODELS), digest)


def _dataset(one: dict[str, Any], where: str) -> tuple[str, str]:
    """Its name, and its digest, empty where any is meant."""
    name, digest = one.get("dataset_name") or "", one.get("dataset_digest") or ""
    if not isinstance(name, str) or not isinstance(digest, str) or (digest and not name):
        raise BadInput("`dataset_digest` can only be specified if `dataset_name` is also specified", where, "send both as text")
    return name, digest


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
    policy.logged_model(call.caller, found)
    with call.caller.change("run.delete", rights.model_target(found), "logged model deleted") as tx:
        changes.change_logged_model(tx, model_id, lifecycle="deleted")
    return {}


@router.patch("/logged-models/{model_id}/tags")
def set_tags(model_id: str, call: Wire) -> dict[str, Any]:
    rights.logged_model(call.caller, model_id, write=True)
    measure.set_logged_model(call.caller.store, model_id, tags=call.pairs("tags"))
    return {}


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
