"""`experiments/...`"""

from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import paging, policy, rights, shapes
from regie.app.mlflow.call import Wire, WireRoute, integer, ours, present
from regie.base.errors import BadInput, NotFound, NotThereYet
from regie.tracking import changes, queries, search
from regie.tracking.filter import parse, parse_orders
from regie.tracking.grammars import EXPERIMENTS
from regie.tracking.types import DEFAULT

router = APIRouter(route_class=WireRoute)
DATASET_EXPERIMENTS = 20


@router.post("/experiments/create")
def create(call: Wire) -> dict[str, Any]:
    name = call.text("name")
    location = call.optional("artifact_location") or ""
    if location and not location.startswith(search.ARTIFACTS):
        raise NotThereYet("artifacts outside this server are not there yet", "artifact_location", "leave it out")
    with call.caller.change("experiment.create", name) as tx:
        return {"experiment_id": changes.create_experiment(tx, name, call.pairs("tags"))}


@router.get("/experiments/get")
def get(call: Wire) -> dict[str, Any]:
    return {"experiment": shapes.experiment(rights.experiment_seen(call.caller, call.text("experiment_id")))}


@router.get("/experiments/get-by-name")
def get_by_name(call: Wire) -> dict[str, Any]:
    name = call.text("experiment_name")
    if name == DEFAULT and call.caller.actor.kind == "person":
        rights.experiment_id(call.caller, "0")
    with call.caller.store.read() as db:
        found = queries.experiment_by_name(db, call.workspace, name)
    rights.may_see_experiment(call.caller, found.id if found else name)
    if found is None:
        raise NotFound(f"Could not find experiment with name '{name}'", call.workspace, "create it")
    return {"experiment": shapes.experiment(found)}


@router.post("/experiments/update")
def update(call: Wire) -> dict[str, Any]:
    identity = rights.experiment_id(call.caller, call.text("experiment_id"))
    with call.caller.change("experiment.change", identity, "renamed") as tx:
        changes.rename_experiment(tx, identity, call.text("new_name"))
    return {}


@router.post("/experiments/delete")
def delete(call: Wire) -> dict[str, Any]:
    return _lifecycle(call, "deleted")


@router.post("/experiments/restore")
def restore(call: Wire) -> dict[str, Any]:
    return _lifecycle(call, "active")


def _lifecycle(call: Wire, lifecycle: str) -> dict[str, Any]:
    identity = rights.experiment_id(call.caller, call.text("experiment_id"))
    if lifecycle == "deleted":
        policy.experiment(call.caller, identity)
    with call.caller.change("experiment.change", identity, lifecycle) as tx:
        changes.set_experiment_lifecycle(tx, identity, lifecycle)
    return {}


@router.post("/experiments/set-experiment-tag")
def set_tag(call: Wire) -> dict[str, Any]:
    return _tag(call, call.optional("value") or "")


@router.post("/experiments/delete-experiment-tag")
def delete_tag(call: Wire) -> dict[str, Any]:
    return _tag(call, None)


def _tag(call: Wire, value: str | None) -> dict[str, Any]:
    identity = rights.experiment_id(call.caller, call.text("experiment_id"))
    key = ours(call.text("key"))
    with call.caller.change("experiment.change", identity, f"tag {key}") as tx:
        changes.set_experiment_tag(tx, identity, key, value)
    return {}


@router.api_route("/experiments/search", methods=["GET", "POST"])
def find(call: Wire) -> dict[str, Any]:
    page = paging.asked(call, 1000, besides=("view_type",))
    clauses, orders = parse(call.optional("filter"), EXPERIMENTS), parse_orders(call.texts("order_by"), EXPERIMENTS)
    with call.caller.read("experiment.read", call.workspace) as db:
        found = search.experiments_found(db, call.workspace, clauses, orders, view(call), page.window)
    return paging.shown("experiments", [shapes.experiment(one) for one in found.found], page, found.next)


def view(call: Wire, name: str = "view_type") -> str:
    """Which lifecycles are meant, by name or by stock's number."""
    said = call.said.get(name)
    if said in (None, ""):
        return "ACTIVE_ONLY"
    if isinstance(said, str) and said in search.VIEWS:
        return said
    number = integer(said, name)
    if not 1 <= number <= len(search.VIEWS):
        raise BadInput(f"Invalid value {said!r} for parameter '{name}'", name, "write one of " + ", ".join(search.VIEWS))
    return list(search.VIEWS)[number - 1]


@router.api_route("/experiments/search-datasets", methods=["GET", "POST"])
def datasets(call: Wire) -> dict[str, Any]:
    said = call.texts("experiment_ids")
    if not 0 < len(said) <= DATASET_EXPERIMENTS:
        raise BadInput(
            f"a search for datasets names {len(said)} experiments", "experiment_ids", f"name 1 to {DATASET_EXPERIMENTS} of them"
        )
    ids = [rights.experiment_id(call.caller, one) for one in said]
    with call.caller.read("experiment.read", call.workspace) as db:
        found = search.datasets_found(db, call.workspace, ids)
    summaries = [
        present(experiment_id=row.experiment_id, name=row.name, digest=row.digest, context=row.context or None) for row in found
    ]
    return present(dataset_summaries=summaries)
