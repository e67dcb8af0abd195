"""A trace and its assessments as MLflow's JSON."""

import json
from collections.abc import Iterable
from typing import Any

from regie.app.mlflow.call import present
from regie.app.mlflow.shapes import tags as entries
from regie.base.clock import iso
from regie.tracking.search import ARTIFACTS
from regie.tracking.traces.types import (
    PLACE,
    SPANS_IN,
    STATES,
    Assessment,
    Trace,
    TraceData,
)

FORMAT = "JSON_FORMAT"


def info(one: Trace, data: TraceData, logged: bool = False) -> dict[str, Any]:
    """TraceInfoV3. `logged`: as the answer to logging it."""
    return present(
        trace_id=one.id, client_request_id=one.client_request_id, trace_location=location(one.experiment_id),
        request_preview=one.request_preview, response_preview=one.response_preview, request_time=iso(one.start_wall_ms),
        execution_duration=None if one.duration_wall_ms is None else _seconds(one.duration_wall_ms), state=one.state,
        trace_metadata=data.metadata, assessments=[assessment(one.id, said) for said in data.assessments], tags=tags(one, data, logged),
    )  # fmt: skip


def location(experiment_id: str) -> dict[str, Any]:
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}


def tags(one: Trace, data: TraceData, logged: bool = False) -> dict[str, str]:
    """With the two that say where the spans are: the client asks there for them, else among the trace's files.

    Where it has just logged the trace and some of its spans are not here, it uploads all of them: one may have been refused.
    """
    here = data.complete or (data.spans > 0 and not data.left and not logged)
    return data.tags | {PLACE: ARTIFACTS + one.root} | ({SPANS_IN: "TRACKING_STORE"} if here else {})


def old_info(one: Trace, data: TraceData) -> dict[str, Any]:
    """TraceInfo of version 2."""
    status = "TRACE_STATUS_UNSPECIFIED" if one.state == STATES[0] else one.state
    return present(
        request_id=one.id, experiment_id=one.experiment_id, timestamp_ms=one.start_wall_ms, status=status,
        execution_time_ms=one.duration_wall_ms or 0, request_metadata=entries(data.metadata), tags=entries(tags(one, data)),
    )  # fmt: skip


def whole(one: Trace, data: TraceData, contents: Iterable[str]) -> str:
    """A trace with its spans, as text: the spans are kept as such."""
    head = json.dumps({"trace_info": info(one, data)}, ensure_ascii=False, separators=(",", ":"))
    found = ",".join(contents)
    return f'{head[:-1]},"spans":[{found}]}}' if found else head


def assessment(trace_id: str, one: Assessment) -> dict[str, Any]:
    said = present(
        assessment_id=one.id, assessment_name=one.name, trace_id=trace_id, span_id=one.span_id,
        source={"source_type": one.source_type, "source_id": one.source_id}, create_time=iso(one.created_wall_ms),
        last_update_time=iso(one.updated_wall_ms), rationale=one.rationale, metadata=one.metadata or None, overrides=one.overrides,
        valid=one.valid,
    )  # fmt: skip
    if one.kind == "issue":
        return said | {"issue": {"issue_name": one.value}}
    if one.kind == "expectation" and not isinstance(one.value, str | int | float):
        value: dict[str, Any] = {"serialized_value": {"serialization_format": FORMAT, "value": json.dumps(one.value)}}
    else:
        value = {"value": one.value} | ({"error": one.error} if one.error else {})
    return said | {one.kind: value}


def _seconds(ms: int) -> str:
    sign, (whole, rest) = "-" if ms < 0 else "", divmod(abs(ms), 1000)
    return f"{sign}{whole}.{rest:03d}s" if rest else f"{sign}{whole}s"
