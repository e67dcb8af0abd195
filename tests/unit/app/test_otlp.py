"""OTLP: whatever bytes come, they are spans or a refusal."""

import gzip
import json
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from regie.app.mlflow import otlp
from regie.app.mlflow.span_shapes import of_mlflow
from regie.base.errors import BadInput

KINDS = st.sampled_from(["application/x-protobuf", "application/json", "application/json; charset=utf-8", "", "text/plain"])
ENCODINGS = st.sampled_from(["", "gzip", "deflate", "identity", "br"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6,
)  # fmt: skip


def any_value(target, value) -> None:
    if isinstance(value, bool):
        target.bool_value = value
    elif isinstance(value, int):
        target.int_value = value
    elif isinstance(value, float):
        target.double_value = value
    elif isinstance(value, str):
        target.string_value = value
    elif isinstance(value, list):
        target.array_value.SetInParent()
        for one in value:
            any_value(target.array_value.values.add(), one)
    elif isinstance(value, dict):
        target.kvlist_value.SetInParent()
        for key, one in value.items():
            any_value(target.kvlist_value.values.add(key=key).value, one)


def request(**attributes) -> ExportTraceServiceRequest:
    found = ExportTraceServiceRequest()
    span = found.resource_spans.add().scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="n")
    for key, value in attributes.items():
        any_value(span.attributes.add(key=key).value, value)
    return found


@given(st.binary(max_size=200), KINDS, ENCODINGS)
def test_hostile_bytes_are_refused_or_read_and_nothing_else(body, kind, encoding):
    with suppress(BadInput):
        assert otlp.spans(body, kind, encoding)


@given(st.data())
def test_good_bytes_with_holes_are_refused_or_read(data):
    body = bytearray(request(a="x", b=[1, {"c": 2.5}]).SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        for said in otlp.spans(bytes(body), "application/x-protobuf", ""):
            json.loads(said.span.content)
    except BadInput:
        pass


@given(VALUES)
def test_an_attribute_is_kept_as_it_came(value):
    (said,) = otlp.spans(request(a=value).SerializeToString(), "application/x-protobuf", "")
    kept = json.loads(of_mlflow(json.loads(said.span.content))["attributes"]["a"])
    assert kept == json.loads(json.dumps(value).replace("\\u0000", "\\ufffd"))


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, lambda body: zlib.compress(body, wbits=-15)])
def test_packed_bodies_are_unpacked(pack):
    encoding = "gzip" if pack is gzip.compress else "deflate"
    (said,) = otlp.spans(pack(request().SerializeToString()), "application/x-protobuf", encoding)
    assert (said.trace_id, said.span.id) == ("tr-" + b"t".hex() * 16, b"s".hex() * 8)


def test_a_small_body_that_unpacks_to_a_huge_one_is_refused_before_it_is_huge():
    with pytest.raises(BadInput, match=str(otlp.PLAIN_BYTES)):
        otlp.spans(gzip.compress(bytes(otlp.PLAIN_BYTES + 1)), "application/x-protobuf", "gzip")


@pytest.mark.parametrize("depth", [30, 5_000])
def test_values_inside_values_are_read_or_refused_however_deep(depth):
    body = b""
    for _ in range(depth):  # AnyValue.array_value (5) with ArrayValue.values (1), from the inside out
        inner = b"\x0a" + _length(body) + body
        body = b"\x2a" + _length(inner) + inner
    pair = b"\x0a\x01a\x12" + _length(body) + body
    span = b"\x0a\x10" + b"t" * 16 + b"\x12\x08" + b"s" * 8 + b"\x4a" + _length(pair) + pair
    for field in (b"\x12", b"\x12", b"\x0a"):  # ScopeSpans.spans, ResourceSpans.scope_spans, the request's resource_spans
        span = field + _length(span) + span
    try:
        assert otlp.spans(span, "application/x-protobuf", "")
    except BadInput:
        assert depth > 30


def _length(body: bytes) -> bytes:
    size, found = len(body), bytearray()
    while size > 127:
        found.append(size & 127 | 128)
        size >>= 7
    return bytes([*found, size])


@given(st.text("ab1-+.eE\"'[]{}:,\\u0", max_size=60))
def test_json_that_is_none_is_refused(text):
    with suppress(BadInput):
        otlp.spans(text.encode(), "application/json", "")


def test_tokens_are_read_from_both_ways_in_which_they_are_written():
    for said in ({"input_tokens": 3, "cost": 0.5}, json.dumps({"input_tokens": 3, "x": None})):
        (one,) = otlp.spans(request(**{"mlflow.chat.tokenUsage": said}).SerializeToString(), "application/x-protobuf", "")
        assert one.usage == {"input_tokens": 3}
    for wrong in ("x", [1], {"input_tokens": -1}, True):
        (one,) = otlp.spans(request(**{"mlflow.chat.tokenUsage": wrong}).SerializeToString(), "application/x-protobuf", "")
        assert one.usage is None
