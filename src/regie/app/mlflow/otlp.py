"""OTLP: the bytes that tracers send (protobuf or JSON, plain or compressed), as spans of ours. Hostile bytes raise BadInput.

The library that reads protobuf is imported with the first spans: a server that never sees any stays small.
"""

import base64
import json
import zlib
from typing import Any

from regie.app.mlflow.span_shapes import STATUSES, as_text, plain_text, shown, text, value_of
from regie.base.errors import BadInput
from regie.tracking.traces.types import SESSION, USER, Span, SpanSaid, entries

# A prompt with its context is some 100 KB; stock has no limit at all.
BODY_BYTES, PLAIN_BYTES, MAX_SPANS = 16 << 20, 32 << 20, 10_000
PREVIEW_CHARS = 1_000  # as stock
KINDS = ("application/x-protobuf", "application/json")
WINDOWS = {"gzip": (zlib.MAX_WBITS | 16,), "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS)}  # deflate: some leave its header out
_LAST_NS = (1 << 63) - 1
_WHERE = "body"


def spans(body: bytes, kind: str, encoding: str) -> list[SpanSaid]:
    """The spans of a request. Raises BadInput."""
    media = kind.split(";")[0].strip().lower()
    if media not in KINDS:
        raise BadInput(f"Invalid Content-Type: {kind}", "Content-Type", "send " + " or ".join(KINDS))
    plain = _plain(body, encoding.strip().lower())
    request = _json(plain) if media == KINDS[1] else _protobuf(plain)
    found = [
        (span, resource.resource)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]  # fmt: skip
    if not found:
        raise BadInput("Invalid OpenTelemetry format: no spans found", _WHERE, "send at least one span")
    if len(found) > MAX_SPANS:
        raise BadInput(f"{len(found)} spans in one request", _WHERE, f"send at most {MAX_SPANS}")
    return [_said(span, resource) for span, resource in found]


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    for window in WINDOWS.get(encoding, ()):
        unpacking = zlib.decompressobj(window)
        try:
            plain = unpacking.decompress(body, PLAIN_BYTES)
        except zlib.error:
            continue
        if unpacking.unconsumed_tail:
            raise BadInput(f"the body has more than {PLAIN_BYTES} bytes", _WHERE, "send fewer spans at once")
        if unpacking.eof:
            return plain
    raise BadInput(f"the body cannot be unpacked as {encoding[:40]!r}", "Content-Encoding", "send it whole, as gzip or deflate")


def _protobuf(body: bytes) -> Any:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    try:
        return ExportTraceServiceRequest.FromString(body)
    except (DecodeError, ValueError, RecursionError):
        raise BadInput("Invalid OpenTelemetry format", _WHERE, "send an ExportTraceServiceRequest") from None


def _json(body: bytes) -> Any:
    from google.protobuf.json_format import ParseDict, ParseError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    try:
        said = json.loads(body)
        for resource in said.get("resourceSpans", []):
            for scope in resource.get("scopeSpans", []):
                for span in scope.get("spans", []):
                    for one in (span, *span.get("links", [])):
                        _ids_as_protobuf(one)
        return ParseDict(said, ExportTraceServiceRequest(), ignore_unknown_fields=True)
    except (ParseError, ValueError, RecursionError, AttributeError, TypeError):
        raise BadInput("Invalid OpenTelemetry format", _WHERE, "send an ExportTraceServiceRequest as OTLP's JSON") from None


def _ids_as_protobuf(said: dict[str, Any]) -> None:
    """OTLP's JSON writes ids as hexadecimal, protobuf's as base64."""
    for name in ("traceId", "spanId", "parentSpanId"):
        if name in said:
            said[name] = base64.b64encode(bytes.fromhex(said[name])).decode()


def _said(span: Any, resource: Any) -> SpanSaid:
    attributes = {text(one.key): one.value for one in span.attributes}
    root = not span.parent_span_id
    name = plain_text(attributes.get("mlflow.spanType")) or "UNKNOWN"
    status = STATUSES[span.status.code] if 0 < span.status.code < len(STATUSES) else STATUSES[0]
    kept = Span(
        _id(span.span_id, 8, "span_id"), _id(span.parent_span_id, 8, "parent_span_id") if not root else "", text(span.name), name,
        status, _time(span.start_time_unix_nano), _time(span.end_time_unix_nano),
        json.dumps(shown(span), ensure_ascii=False, separators=(",", ":")),
    )  # fmt: skip
    return SpanSaid(
        "tr-" + _id(span.trace_id, 16, "trace_id"), kept, tags=_resource_tags(resource) | (_tags(attributes) if root else {}),
        metadata=_metadata(attributes), usage=_usage(attributes),
        request_preview=_preview(attributes.get("mlflow.spanInputs")) if root else None,
        response_preview=_preview(attributes.get("mlflow.spanOutputs")) if root else None,
    )  # fmt: skip


def _id(said: bytes, most: int, what: str) -> str:
    if not 0 < len(said) <= most or not any(said):
        raise BadInput(f"{what} has {len(said)} bytes", what, f"send {most}, not all zero")
    return said.hex().rjust(2 * most, "0")


def _time(nanoseconds: int) -> int:
    if nanoseconds > _LAST_NS:
        raise BadInput(f"{nanoseconds} ns is after the year 2262", "time_unix_nano", "send nanoseconds since 1970")
    return nanoseconds


def _resource_tags(resource: Any) -> dict[str, str]:
    """Who sent it, as tags: but the tracer's own name and version, and `mlflow.`, which nobody outside sets."""
    said = {text(one.key): as_text(one.value) for one in resource.attributes}
    return _usable({key: value for key, value in said.items() if not key.startswith(("telemetry.sdk.", "mlflow.", "regie."))})


def _tags(attributes: dict[str, Any]) -> dict[str, str]:
    start = "mlflow.traceTag."
    said = {key.removeprefix(start): as_text(value) for key, value in attributes.items() if key.startswith(start)}
    return _usable({key: value for key, value in said.items() if not key.startswith("regie.")})


def _usable(said: dict[str, str]) -> dict[str, str]:
    """Those that can be tags: what a tracer says of itself in a strange form does not stop its spans."""
    found: dict[str, str] = {}
    for key, value in said.items():
        try:
            found |= entries({key: value}, "tags")
        except BadInput:
            continue
    return found


def _metadata(attributes: dict[str, Any]) -> dict[str, str]:
    said = {SESSION: attributes.get("session.id"), USER: attributes.get("user.id")}
    return {key: as_text(value)[:250] for key, value in said.items() if value is not None and as_text(value)}


def _usage(attributes: dict[str, Any]) -> dict[str, int] | None:
    value = attributes.get("mlflow.chat.tokenUsage")
    said = value_of(value) if value is not None else None
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            return None
    if not isinstance(said, dict):
        return None
    counted = {key: count for key, count in said.items() if isinstance(count, int) and not isinstance(count, bool)}
    return {key: count for key, count in counted.items() if 0 <= count < 1 << 53} or None


def _preview(value: Any) -> str | None:
    if value is None:
        return None
    said = value_of(value)
    text = _last_message(said) or json.dumps(said, ensure_ascii=False)
    return text if len(text) <= PREVIEW_CHARS else text[: PREVIEW_CHARS - 3] + "..."


def _last_message(said: Any) -> str | None:
    """Of a chat, what was said last."""
    messages = said.get("messages") if isinstance(said, dict) else None
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    return content if isinstance(content, str) else None
