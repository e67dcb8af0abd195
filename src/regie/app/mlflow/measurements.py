"""`runs/log-metric`, `log-parameter`, `log-batch`, `set-tag`, `delete-tag`, `metrics/...`"""

from collections import defaultdict
from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import rights, shapes
from regie.app.mlflow.call import Call, Wire, WireRoute, integer, number, ours, paged, present
from regie.base.errors import BadInput, NotFound
from regie.tracking import measure, queries
from regie.tracking.measure import Point
from regie.tracking.types import Run

router = APIRouter(route_class=WireRoute)
HISTORY = 25_000


@router.post("/runs/log-metric")
def log_metric(call: Wire) -> dict[str, Any]:
    return _log(call, [call.said], {}, {})


@router.post("/runs/log-parameter")
def log_parameter(call: Wire) -> dict[str, Any]:
    return _log(call, [], _params([call.said]), {})


@router.post("/runs/log-batch")
def log_batch(call: Wire) -> dict[str, Any]:
    return _log(call, call.objects("metrics"), _params(call.objects("params")), call.pairs("tags"))


@router.post("/runs/set-tag")
def set_tag(call: Wire) -> dict[str, Any]:
    return _log(call, [], {}, {ours(call.text("key")): call.optional("value") or ""})


@router.post("/runs/delete-tag")
def delete_tag(call: Wire) -> dict[str, Any]:
    run, key = rights.run_measured(call.caller, call.run_id()), ours(call.text("key"))
    if not measure.delete_tag(call.caller.store, run.id, key):
        raise NotFound(f"No tag with name: {key} in run with id {run.id}", run.id, "look at the run's tags")
    return {}


def _log(call: Call, points: list[dict[str, Any]], params: dict[str, str], tags: dict[str, str]) -> dict[str, Any]:
    run = rights.run_measured(call.caller, call.run_id())
    parsed = [(one, _point(one)) for one in points]
    measure.log_batch(call.caller.store, run.id, [point for _, point in parsed], params, tags)
    _of_models(call, run, parsed)
    return {}


def _of_models(call: Call, run: Run, parsed: list[tuple[dict[str, Any], Point]]) -> None:
    """Points that name a logged model speak of it too."""
    grouped: dict[tuple[str, str, str], list[Point]] = defaultdict(list)
    for one, point in parsed:
        if one.get("model_id"):
            grouped[one["model_id"], one.get("dataset_name") or "", one.get("dataset_digest") or ""].append(point)
    for (model_id, name, digest), points in grouped.items():
        rights.logged_model(call.caller, model_id)
        measure.log_model_metrics(call.caller.store, model_id, run.id, points, (name, digest))


def _point(one: dict[str, Any]) -> Point:
    if one.get("timestamp") is None:
        raise BadInput("Missing value for required parameter 'timestamp'", "timestamp", "send milliseconds")
    value = number(one.get("value"), "value")
    return one.get("key") or "", value, integer(one["timestamp"], "timestamp"), integer(one.get("step") or 0, "step")


def _params(said: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in said:
        key, value = one.get("key"), one.get("value", "")
        if not isinstance(key, str) or not key or not isinstance(value, str):
            raise BadInput("a parameter needs its key and its value", "params", "send both as text")
        if found.setdefault(key, value) != value:
            raise BadInput(f"the parameter {key} comes twice, with two values", "params", "send it once")
    return found


@router.get("/metrics/get-history")
def history(call: Wire) -> dict[str, Any]:
    run = rights.run_seen(call.caller, call.run_id())
    limit, offset = call.page(HISTORY)
    with call.caller.store.read() as db:
        found = queries.history(db, run.key, call.text("metric_key"), limit + 1, offset)
    return paged("metrics", found, limit, offset, lambda page: [shapes.metric(point) for point in page])


@router.get("/metrics/get-history-bulk")
def history_bulk(call: Wire) -> dict[str, Any]:
    return {"metrics": _histories(call, call.texts("run_id"), call.integer("max_results", HISTORY))}


@router.get("/metrics/get-history-bulk-interval")
def history_interval(call: Wire) -> dict[str, Any]:
    """At most `max_results` points a run, evenly chosen, the last one always."""
    most = max(1, call.integer("max_results", 2_500))
    start, end = call.integer("start_step", -(1 << 62)), call.integer("end_step", 1 << 62)
    chosen: list[dict[str, Any]] = []
    for run_id in call.texts("run_ids"):
        points = [one for one in _histories(call, [run_id], 1_000_000) if start <= one["step"] <= end]
        points.sort(key=lambda one: (one["step"], one["timestamp"]))
        every = -(-len(points) // most)
        chosen += [one for place, one in enumerate(points) if place % every == 0 or place == len(points) - 1]
    return present(metrics=chosen)


def _histories(call: Call, run_ids: list[str], most: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for run_id in run_ids:
        run = rights.run_seen(call.caller, run_id)
        with call.caller.store.read() as db:
            points = queries.history(db, run.key, call.text("metric_key"), most)
        found += [shapes.metric(point) | {"run_id": run_id} for point in points]
    return found
