"""One span of OpenTelemetry: as the JSON that we keep and the wire shows, as MLflow's own JSON, and its values as Python's.

Messages of protobuf come as `Any`: the library is imported with the first of them.
"""

import base64
import json
import math
import re
from typing import Any

STATUSES = ("UNSET", "OK", "ERROR")  # in the order of their numbers
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def shown(span: Any) -> dict[str, Any]:
    """opentelemetry.proto.trace.v1.Span as the wire's JSON: the names of the proto, ids in base64, numbers as numbers."""
    said = {
        "trace_id": _base64(span.trace_id), "span_id": _base64(span.span_id), "trace_state": text(span.trace_state),
        "parent_span_id": _base64(span.parent_span_id), "flags": span.flags, "name": text(span.name), "kind": span.kind,
        "start_time_unix_nano": span.start_time_unix_nano, "end_time_unix_nano": span.end_time_unix_nano,
        "attributes": _attributes(span), "dropped_attributes_count": span.dropped_attributes_count,
        "events": [_event(one) for one in span.events], "dropped_events_count": span.dropped_events_count,
        "links": [_link(one) for one in span.links], "dropped_links_count": span.dropped_links_count,
    }  # fmt: skip
    code = STATUSES[span.status.code] if 0 < span.status.code < len(STATUSES) else ""
    status = {"message": text(span.status.message), "code": f"STATUS_CODE_{code}" if code else ""}
    return _filled(said) | {"attributes": said["attributes"], "status": _filled(status)}


def _filled(said: dict[str, Any]) -> dict[str, Any]:
    """What is not at its default, as protobuf's JSON has it."""
    return {name: value for name, value in said.items() if value not in ("", 0, [])}


def _base64(said: bytes) -> str:
    return base64.b64encode(said).decode()


def _attributes(of: Any) -> list[dict[str, Any]]:
    return [{"key": text(one.key), "value": _any(one.value)} for one in of.attributes]


def _event(event: Any) -> dict[str, Any]:
    said = {"time_unix_nano": event.time_unix_nano, "name": text(event.name), "attributes": _attributes(event)}
    return _filled(said | {"dropped_attributes_count": event.dropped_attributes_count})


def _link(link: Any) -> dict[str, Any]:
    said = {"trace_id": _base64(link.trace_id), "span_id": _base64(link.span_id), "trace_state": text(link.trace_state)}
    return _filled(said | {"attributes": _attributes(link), "flags": link.flags})


def _any(value: Any) -> dict[str, Any]:
    """AnyValue as JSON; what is none of its kinds is empty."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return {kind: _filled({"values": [_any(one) for one in value.array_value.values]})}
    if kind == "kvlist_value":
        entries = [{"key": text(one.key), "value": _any(one.value)} for one in value.kvlist_value.values]
        return {kind: _filled({"values": entries})}
    if kind == "bytes_value":
        return {kind: _base64(value.bytes_value)}
    return {kind: _number(_scalar(value))} if kind else {}


def _scalar(value: Any) -> Any:
    said = getattr(value, value.WhichOneof("value"))
    return text(said) if isinstance(said, str) else said


def _number(said: Any) -> Any:
    """JSON has no NaN and no infinities; protobuf writes them as text."""
    if isinstance(said, float) and not math.isfinite(said):
        return "NaN" if math.isnan(said) else "Infinity" if said > 0 else "-Infinity"
    return said


def value_of(value: Any) -> Any:
    """AnyValue as what it means."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [value_of(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return {text(one.key): value_of(one.value) for one in value.kvlist_value.values}
    if kind == "bytes_value":
        return _base64(value.bytes_value)
    return _number(_scalar(value)) if kind else None


def as_text(value: Any) -> str:
    said = value_of(value)
    return said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)


def plain_text(value: Any) -> str:
    """A text, which older tracers wrote as JSON once more."""
    said = value_of(value) if value is not None else ""
    if not isinstance(said, str):
        return ""
    return said[1:-1] if len(said) > 1 and said[0] == said[-1] == '"' else said


def text(said: str) -> str:
    """Text that every database holds."""
    return _UNSTORABLE.sub("\ufffd", said)


def of_mlflow(said: dict[str, Any]) -> dict[str, Any]:
    """A kept span as MLflow's own JSON of spans: attributes by name, each one as JSON once more."""
    names = ("trace_id", "span_id", "parent_span_id", "name", "start_time_unix_nano", "end_time_unix_nano")
    status = said.get("status", {})
    return {name: said.get(name) for name in names} | {
        "events": [
            {"name": one.get("name", ""), "time_unix_nano": one.get("time_unix_nano", 0), "attributes": _kept_attributes(one)}
            for one in said.get("events", [])
        ],
        "status": {"code": status.get("code", "STATUS_CODE_UNSET"), "message": status.get("message", "")},
        "attributes": {key: json.dumps(value, ensure_ascii=False) for key, value in _kept_attributes(said).items()},
        "links": [
            {"trace_id": one.get("trace_id"), "span_id": one.get("span_id"), "attributes": _kept_attributes(one)}
            for one in said.get("links", [])
        ],
    }  # fmt: skip


def _kept_attributes(of: dict[str, Any]) -> dict[str, Any]:
    return {one["key"]: _kept_value(one["value"]) for one in of.get("attributes", [])}


def _kept_value(said: dict[str, Any]) -> Any:
    """AnyValue, as it is kept, as what it means."""
    if not said:
        return None
    kind, value = next(iter(said.items()))
    if kind == "array_value":
        return [_kept_value(one) for one in value.get("values", [])]
    if kind == "kvlist_value":
        return {one["key"]: _kept_value(one["value"]) for one in value.get("values", [])}
    return value
