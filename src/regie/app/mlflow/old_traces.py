"""`traces/...` of version 2: what clients before 3.0 call. They keep the spans among the trace's artifacts."""

from typing import Any

from fastapi import APIRouter

from regie.app.mlflow import paging, rights, trace_said
from regie.app.mlflow import trace_shapes as shapes
from regie.app.mlflow.call import Wire, WireRoute
from regie.app.mlflow.traces import kept, searched, with_data
from regie.base.errors import BadInput
from regie.tracking.traces import measure, queries
from regie.tracking.traces.types import TraceSaid, trace_id_of

router = APIRouter(route_class=WireRoute)


@router.post("/traces")
def begin(call: Wire) -> dict[str, Any]:
    start = trace_said.time_ms(call.said.get("timestamp_ms", 0), "timestamp_ms")
    said = TraceSaid(
        trace_said.new_trace_id(), start, state="IN_PROGRESS", tags=call.pairs("tags"), metadata=call.pairs("request_metadata")
    )
    return {"trace_info": shapes.old_info(*kept(call, call.optional("experiment_id") or "0", said, final=False))}


@router.patch("/traces/{trace_id}")
def end(trace_id: str, call: Wire) -> dict[str, Any]:
    rights.trace_logged(call.caller, trace_id_of(trace_id))
    moment, state = (
        trace_said.time_ms(call.said.get("timestamp_ms", 0), "timestamp_ms"),
        trace_said.state_of(call.said.get("status")),
    )
    one = measure.end_trace(
        call.caller.store, call.workspace, trace_id, moment, state, call.pairs("tags"), call.pairs("request_metadata")
    )
    return {"trace_info": shapes.old_info(*with_data(call.caller, one))}


@router.get("/traces/{trace_id}/info")
def get_old_info(trace_id: str, call: Wire) -> dict[str, Any]:
    return {"trace_info": shapes.old_info(*with_data(call.caller, rights.trace_seen(call.caller, trace_id)))}


@router.get("/traces")
def find_old(call: Wire) -> dict[str, Any]:
    ids = call.texts("experiment_ids")
    if not ids:
        raise BadInput("Missing value for required parameter 'experiment_ids'", "experiment_ids", "send at least one")
    found, page, following = searched(call, ids, "experiment_ids")
    with call.caller.store.read() as db:
        data = queries.data(db, found)
    return paging.shown("traces", [shapes.old_info(one, data[one.key]) for one in found], page, following)
