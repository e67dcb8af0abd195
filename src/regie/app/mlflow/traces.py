"""`/v1/traces` and `traces/...`: logged, found, tagged, linked to runs, deleted."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from regie.app.caller import Caller, CallerOf
from regie.app.mlflow import artifacts, otlp, paging, places, rights, trace_said
from regie.app.mlflow import trace_shapes as shapes
from regie.app.mlflow.answers import sent
from regie.app.mlflow.call import Call, Wire, WireRoute, integer, ours, present
from regie.app.mlflow.paging import Page
from regie.app.mlflow.span_shapes import of_mlflow
from regie.base.errors import BadInput, NotFound
from regie.tracking.filter import parse, parse_orders
from regie.tracking.keyset import Position
from regie.tracking.traces import changes, measure, queries, search
from regie.tracking.traces.types import MAX_IDS, OUR_TAGS, Trace, TraceData, TraceSaid

spans = APIRouter(route_class=WireRoute)  # /v1/traces
both = APIRouter(route_class=WireRoute)  # below 2.0 and 3.0
router = APIRouter(route_class=WireRoute)  # 3.0
linking = APIRouter(route_class=WireRoute)  # 2.0
MAX_PAGE, PAGE = 500, 100
MAX_PLACES, MAX_DELETED = 1_000, 10_000  # a database takes some 30,000 values in one statement
WAITS_S = (0.0, 1.0, 2.0)  # as stock: spans and their trace are sent by several threads of the client
_PROTOBUF = "application/x-protobuf"


@spans.post("/v1/traces")
async def log_spans(request: Request, caller: Caller) -> Response:
    headers = request.headers
    experiment_id = headers.get("x-mlflow-experiment-id") or ""
    if not experiment_id:
        raise BadInput("the header x-mlflow-experiment-id is missing", "x-mlflow-experiment-id", "send the id of an experiment")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > otlp.BODY_BYTES:
            raise BadInput(f"the body has more than {otlp.BODY_BYTES} bytes", "body", "send fewer spans at once")
    kind, encoding, run_id = (headers.get(name, "") for name in ("content-type", "content-encoding", "x-mlflow-run-id"))

    def keep() -> None:
        here = rights.experiment_id(caller, experiment_id)
        rights.may_log_traces(caller, here)
        said = otlp.spans(bytes(body), kind, encoding)
        ids = list(dict.fromkeys(one.trace_id for one in said))
        with caller.store.read() as db:
            known = queries.traces_of(db, caller.workspace, ids)
        rights.may_change_traces(caller, known)
        if run_id:
            rights.run_measured(caller, run_id)
        measure.log_spans(caller.store, caller.workspace, here, caller.actor.name, said)
        if run_id:
            measure.link(caller.store, caller.workspace, [one.trace_id for one in said if not one.span.parent_id], run_id)

    await run_in_threadpool(keep)
    as_json = kind.startswith("application/json")
    return Response(b"{}" if as_json else b"", media_type="application/json" if as_json else _PROTOBUF)


@router.post("/traces")
def log_trace(call: Wire) -> dict[str, Any]:
    info = trace_said.within(call.said, "trace", "trace_info")
    if not isinstance(info, dict):
        raise BadInput("Missing value for required parameter 'trace.trace_info'", "trace.trace_info", "send it")
    experiment_id, said = trace_said.trace(info)
    return {"trace": {"trace_info": shapes.info(*kept(call, experiment_id, said), logged=True)}}


def kept(call: Call, experiment_id: str, said: TraceSaid, final: bool = True) -> tuple[Trace, TraceData]:
    caller = call.caller
    here = rights.experiment_id(caller, experiment_id)
    rights.may_log_traces(caller, here)
    with caller.store.read() as db:
        known = queries.traces_of(db, call.workspace, [said.id])
    rights.may_change_traces(caller, known)
    return with_data(caller, measure.log_trace(caller.store, call.workspace, here, caller.actor.name, said, final))


def with_data(caller: CallerOf, one: Trace) -> tuple[Trace, TraceData]:
    with caller.store.read() as db:
        return one, queries.data(db, [one])[one.key]


@router.get("/traces/get")
async def get(call: Wire) -> Response:
    trace_id, partial = call.text("trace_id"), str(call.said.get("allow_partial", "")).lower() == "true"
    for wait in WAITS_S:
        await asyncio.sleep(wait)
        found = await run_in_threadpool(
            _wholes, call.caller, [await run_in_threadpool(rights.trace_seen, call.caller, trace_id)], partial
        )
        if found:
            return sent(f'{{"trace":{found[0]}}}'.encode())
    raise NotFound(f"Trace with ID {trace_id} is not fully exported yet", trace_id, "try again later")


@router.get("/traces/batchGet")
def get_several(call: Wire) -> Response:
    found = _named(call)
    wholes = ",".join(_wholes(call.caller, found, partial=False))
    return sent(f'{{"traces":[{wholes}]}}'.encode() if wholes else {})


@router.post("/traces/batchGetInfos")
def get_infos(call: Wire) -> dict[str, Any]:
    return present(trace_infos=_infos(call.caller, _named(call)))


def _named(call: Call) -> list[Trace]:
    ids, within = call.texts("trace_ids"), call.texts("experiment_ids")
    if not 0 < len(ids) <= MAX_IDS:
        raise BadInput(f"{len(ids)} ids", "trace_ids", f"send 1 to {MAX_IDS}")
    with call.caller.store.read() as db:
        found = queries.traces_of(db, call.workspace, ids)
    rights.may_see_traces(call.caller, {one.experiment_id for one in found})
    return [one for one in found if not within or one.experiment_id in within]


def _infos(caller: CallerOf, found: list[Trace]) -> list[dict[str, Any]]:
    with caller.store.read() as db:
        data = queries.data(db, found)
    return [shapes.info(one, data[one.key]) for one in found]


def _wholes(caller: CallerOf, found: list[Trace], partial: bool) -> list[str]:
    """Traces with their spans; without `partial`, those only whose spans have all come."""
    with caller.store.read() as db:
        data, contents = queries.data(db, found), queries.span_contents(db, found)
    there = [one for one in found if partial or data[one.key].complete]
    return [shapes.whole(one, data[one.key], contents[one.key]) for one in there]


@router.get("/traces/{trace_id}")
def get_info(trace_id: str, call: Wire) -> dict[str, Any]:
    return {"trace": {"trace_info": shapes.info(*with_data(call.caller, rights.trace_seen(call.caller, trace_id)))}}


@router.post("/traces/search")
def find(call: Wire) -> dict[str, Any]:
    ids = [trace_said.within(one, "mlflow_experiment", "experiment_id") for one in call.objects("locations")]
    if not ids or not all(isinstance(one, str) for one in ids):
        raise BadInput("Missing value for required parameter 'locations'", "locations", "send mlflow_experiment.experiment_id")
    found, page, following = searched(call, ids, "locations")
    return paging.shown("traces", _infos(call.caller, found), page, following)


def searched(call: Call, experiment_ids: Iterable[str], named_in: str) -> tuple[list[Trace], Page, Position | None]:
    page = paging.asked(call, PAGE, MAX_PAGE, besides=(named_in,))
    ids = list(dict.fromkeys(rights.experiment_id(call.caller, one) for one in experiment_ids))
    if len(ids) > MAX_PLACES:
        raise BadInput(f"{len(ids)} experiments", named_in, f"search at most {MAX_PLACES} at once")
    rights.may_see_traces(call.caller, ids)
    clauses = parse(call.optional("filter"), search.GRAMMAR)
    orders = parse_orders(call.texts("order_by"), search.GRAMMAR)
    with call.caller.store.read() as db:
        found = search.found(db, call.workspace, ids, clauses, orders, window=page.window)
    return found.found, page, found.next


@both.patch("/traces/{trace_id}/tags")
def set_tag(trace_id: str, call: Wire) -> dict[str, Any]:
    key, value = _tag(call), call.optional("value") or ""
    rights.trace_logged(call.caller, trace_id)
    measure.set_tag(call.caller.store, call.workspace, trace_id, key, value)
    return {}


@both.delete("/traces/{trace_id}/tags")
def delete_tag(trace_id: str, call: Wire) -> dict[str, Any]:
    key = _tag(call)
    rights.trace_logged(call.caller, trace_id)
    measure.delete_tag(call.caller.store, call.workspace, trace_id, key)
    return {}


def _tag(call: Call) -> str:
    key = ours(call.text("key"))
    if key in OUR_TAGS:
        raise BadInput(f"Tag '{key}' is immutable on a trace", "key", "choose another key")
    return key


@both.post("/traces/delete-traces")
def delete(call: Wire) -> dict[str, Any]:
    said, ids = call.said, call.texts("request_ids")
    if len(ids) > MAX_DELETED:
        raise BadInput(f"{len(ids)} traces in one request", "request_ids", f"delete at most {MAX_DELETED} at once")
    until, most = (
        integer(said[name], name) if said.get(name) is not None else None for name in ("max_timestamp_millis", "max_traces")
    )
    if (until is not None) == bool(ids) or (ids and most is not None) or (most is not None and most <= 0):
        raise BadInput(
            "Either `max_timestamp_millis` or `request_ids` must be given, `max_traces` with the former and above 0",
            "request_ids", "name the traces, or a time",
        )  # fmt: skip
    here = rights.experiment_id(call.caller, call.text("experiment_id"))
    with call.caller.change("experiment.change", f"experiment:{here}", "traces deleted") as tx:
        return {"traces_deleted": changes.delete_traces(tx, here, trace_ids=ids, until_wall_ms=until, most=most)}


@linking.post("/traces/link-to-run")
def link(call: Wire) -> dict[str, Any]:
    ids, run_id = call.texts("trace_ids"), call.run_id()
    rights.run_measured(call.caller, run_id)
    with call.caller.store.read() as db:
        found = queries.traces_of(db, call.workspace, ids)
    rights.may_change_traces(call.caller, found)
    measure.link(call.caller.store, call.workspace, ids, run_id)
    return {}


@both.get("/get-trace-artifact")
def get_file(call: Wire) -> Response:
    """The spans as a file, as the page of stock asks for them; or an attachment of the trace."""
    one = rights.trace_seen(call.caller, call.text("request_id"))
    path = call.optional("path")
    with call.caller.store.read() as db:
        data, contents = queries.data(db, [one])[one.key], queries.span_contents(db, [one])[one.key]
    if path or data.left or not contents:
        return artifacts.sent(call.caller, places.Place(one.root, f"attachments/{places.safe(path)}" if path else queries.FILE))
    body = json.dumps({"spans": [of_mlflow(json.loads(text)) for text in contents]}, ensure_ascii=False).encode()
    headers = {"Content-Disposition": "attachment; filename=traces.json", "X-Content-Type-Options": "nosniff"}
    return Response(body, media_type="application/octet-stream", headers=headers)
