"""`traces/ID/assessments/...`: feedback and expectations."""

import re
from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import rights, trace_said
from regie.app.mlflow import trace_shapes as shapes
from regie.app.mlflow.call import Call, Wire, WireRoute
from regie.base.errors import BadInput
from regie.tracking.traces import assess, queries

router = APIRouter(route_class=WireRoute)
FIELDS = ("assessment_name", "feedback", "expectation", "rationale", "metadata", "valid")


@router.post("/traces/{trace_id}/assessments")
def log(trace_id: str, call: Wire) -> dict[str, Any]:
    said = trace_said.assessment(_sent(call))
    rights.trace_logged(call.caller, trace_id)
    return _shown(trace_id, assess.log(call.caller.store, call.workspace, trace_id, said))


@router.get("/traces/{trace_id}/assessments/{assessment_id}")
def get(trace_id: str, assessment_id: str, call: Wire) -> dict[str, Any]:
    one = rights.trace_seen(call.caller, trace_id)
    with call.caller.store.read() as db:
        return _shown(trace_id, queries.assessment(db, one, assessment_id))


@router.patch("/traces/{trace_id}/assessments/{assessment_id}")
def update(trace_id: str, assessment_id: str, call: Wire) -> dict[str, Any]:
    values = _values(_sent(call), _mask(call))
    rights.trace_logged(call.caller, trace_id)
    return _shown(trace_id, assess.change(call.caller.store, call.workspace, trace_id, assessment_id, values))


@router.delete("/traces/{trace_id}/assessments/{assessment_id}")
def delete(trace_id: str, assessment_id: str, call: Wire) -> dict[str, Any]:
    rights.trace_logged(call.caller, trace_id)
    assess.forget(call.caller.store, call.workspace, trace_id, assessment_id)
    return {}


def _sent(call: Call) -> dict[str, Any]:
    said = call.said.get("assessment")
    if not isinstance(said, dict):
        raise BadInput("Missing value for required parameter 'assessment'", "assessment", "send an object")
    return said


def _shown(trace_id: str, one: Any) -> dict[str, Any]:
    return {"assessment": shapes.assessment(trace_id, one)}


def _mask(call: Call) -> list[str]:
    """The fields that are to change: protobuf writes `assessmentName,feedback`."""
    said = call.text("update_mask").split(",")
    names = [re.sub(r"[A-Z]", lambda found: "_" + found.group().lower(), one.strip()) for one in said]
    for name in names:
        if name not in FIELDS:
            raise BadInput(
                f"Invalid value {name!r} for parameter 'update_mask'", "update_mask", "name some of " + ", ".join(FIELDS)
            )
    return names


def _values(said: dict[str, Any], names: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if "feedback" in names and "expectation" in names:
        raise BadInput("Cannot specify both `expectation` and `feedback` parameters", "update_mask", "name one")
    for kind in ("feedback", "expectation"):
        if kind in names:
            values["kind"], values["value"], values["error"] = trace_said.judged({kind: said.get(kind)})
    if "assessment_name" in names:
        values["name"] = trace_said.text(said, "assessment_name", trace_said.NAME_LENGTH)
    if "rationale" in names:
        values["rationale"] = trace_said.optional(said, "rationale")
    if "metadata" in names:
        values["metadata"] = trace_said.pairs(said, "metadata")
    if "valid" in names:
        values["valid"] = said.get("valid", True) is not False
    return values
