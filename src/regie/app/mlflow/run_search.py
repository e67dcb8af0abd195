"""`runs/search`"""

from fastapi import APIRouter
from fastapi.responses import Response

from regie.app.mlflow import experiments, paging
from regie.app.mlflow.answers import sent
from regie.app.mlflow.call import Wire, WireRoute
from regie.tracking import changes, run_json, search
from regie.tracking.filter import parse, parse_orders
from regie.tracking.grammars import RUNS

router = APIRouter(route_class=WireRoute)


@router.post("/runs/search")
def find(call: Wire) -> Response:
    page = paging.asked(call, 1000, besides=("experiment_ids", "run_view_type"))
    clauses, orders = parse(call.optional("filter"), RUNS), parse_orders(call.texts("order_by"), RUNS)
    default = changes.default_experiment_id(call.workspace)
    ids = [default if one == "0" else one for one in call.texts("experiment_ids")]
    with call.caller.read("run.read", call.workspace) as db:
        found = search.runs_found(db, call.workspace, ids, clauses, orders, experiments.view(call, "run_view_type"), page.window)
        texts = run_json.texts(db, found.found)
    return sent(paging.written("runs", texts, page, found.next))
