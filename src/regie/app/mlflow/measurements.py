"""`runs/log-metric`, `log-parameter`, `log-batch`, `set-tag`, `delete-tag`, `log-model`"""

import json
from collections import defaultdict
from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import rights
from regie.app.mlflow.call import Call, Wire, WireRoute, integer, number, ours
from regie.base.errors import BadInput, NotFound
from regie.tracking import measure
from regie.tracking.measure import ModelPoints, Point
from regie.tracking.types import JUDGED

router = APIRouter(route_class=WireRoute)
HISTORY_OF_MODELS = "mlflow.log-model.history"
MODEL_FACTS = ("run_id", "utc_time_created", "artifact_path", "model_uuid")


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
    run_id, key = rights.measuring(call.caller, call.run_id()), ours(call.text("key"))
    if not measure.delete_tag(call.caller.store, run_id, key, call.workspace):
        raise NotFound(f"No tag with name: {key} in run with id {run_id}", run_id, "look at the run's tags")
    return {}


@router.post("/runs/log-model")
def log_model(call: Wire) -> dict[str, Any]:
    """What clients before MLflow 3 say of a model that they have put among the run's artifacts: kept in a tag of the run."""
    run_id = rights.measuring(call.caller, call.run_id())
    try:
        said = json.loads(call.text("model_json"))
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("flavors"), dict):
        raise BadInput("Malformed model info: it is no JSON object with flavors", "model_json", "send the content of MLmodel")
    if missing := {"artifact_path", "flavors", "utc_time_created", "run_id"} - said.keys():
        raise BadInput(f"Model json is missing mandatory fields: {sorted(missing)}", "model_json", "send them")
    facts = {name: said[name] for name in MODEL_FACTS if name in said}
    flavors = {
        name: {key: value for key, value in one.items() if key != "config"} if isinstance(one, dict) else one
        for name, one in said["flavors"].items()
    }
    measure.extend_tag(call.caller.store, run_id, HISTORY_OF_MODELS, {**facts, "flavors": flavors}, call.workspace)
    return {}


def _log(call: Call, points: list[dict[str, Any]], params: dict[str, str], tags: dict[str, str]) -> dict[str, Any]:
    run_id = rights.measuring(call.caller, call.run_id())
    parsed = [(one, _point(one, place if len(points) > 1 else None)) for place, one in enumerate(points)]
    measure.log_batch(
        call.caller.store, run_id, [point for _, point in parsed], params, tags, _of_models(call, parsed), call.workspace
    )
    return {}


def _of_models(call: Call, parsed: list[tuple[dict[str, Any], Point]]) -> list[ModelPoints]:
    """Points that name a logged model speak of it too."""
    grouped: dict[tuple[str, str, str], list[Point]] = defaultdict(list)
    for one, point in parsed:
        if one.get("model_id"):
            said = Call(call.caller, one)
            named = said.text("model_id"), said.optional("dataset_name") or "", said.optional("dataset_digest") or ""
            grouped[named].append(point)
    for model_id in {model_id for model_id, _, _ in grouped}:
        rights.logged_model(call.caller, model_id)
    return [ModelPoints(model_id, points, name, digest) for (model_id, name, digest), points in grouped.items()]


def _point(one: dict[str, Any], place: int | None = None) -> Point:
    """Raises BadInput, which names the field: `metrics[3].value` where there are several."""
    where = "" if place is None else f"metrics[{place}]."
    if one.get("timestamp") is None:
        raise BadInput(f"Missing value for required parameter '{where}timestamp'", f"{where}timestamp", "send milliseconds")
    value, timestamp = number(one.get("value"), f"{where}value"), integer(one["timestamp"], f"{where}timestamp")
    if timestamp < 0:
        what = f"Invalid value {timestamp} for parameter '{where}timestamp'"
        raise BadInput(what, f"{where}timestamp", "send milliseconds since 1970")
    if bool(one.get("dataset_name")) != bool(one.get("dataset_digest")):
        what = f"'{where}dataset_name' and '{where}dataset_digest' must both be provided if one is"
        raise BadInput(what, f"{where}dataset_name", "send both, or none")
    return _metric(one, where), value, timestamp, 0 if one.get("step") is None else integer(one["step"], f"{where}step")


def _metric(one: dict[str, Any], where: str) -> str:
    key = _key(one, where)
    if key.startswith(JUDGED):
        raise BadInput(
            f"the metric {key} is written by the gates alone", f"{where}key", f"choose another prefix than {JUDGED[:-1]}"
        )
    return key


def _params(said: list[dict[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, one in enumerate(said):
        where = "" if len(said) == 1 else f"params[{place}]."
        key, value = _key(one, where), "" if one.get("value") is None else one["value"]
        if not isinstance(value, str):
            raise BadInput(f"Invalid value {value!r} for parameter '{where}value'", f"{where}value", "send text")
        if key in found:
            raise BadInput(f"Duplicate parameter keys have been submitted: {key!r}", "params", "send each once")
        found[key] = value
    return found


def _key(one: dict[str, Any], where: str) -> str:
    key = one.get("key")
    if not isinstance(key, str) or not key:
        word = "Missing" if not key else f"Invalid {key!r} as"
        raise BadInput(f"{word} value for required parameter '{where}key'", f"{where}key", "send text")
    return key
