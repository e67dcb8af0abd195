"""Traces: what the unmodified client records of calls comes back as it was, and is found, judged and deleted."""

import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import AssessmentSource, Expectation, Feedback, LiveSpan, SpanType, Trace, TraceState
from mlflow.entities.trace_location import TraceLocation
from mlflow.exceptions import MlflowException
from mlflow.tracing.client import TracingClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import func, select

from regie.app.mlflow import otlp, traces
from regie.store import tokens
from regie.store.tables import audit_records
from regie.tracking.tables import artifacts
from regie.tracking.traces import tables
from regie.tracking.traces.types import MAX_LINKS


@pytest.fixture
def experiment(server, monkeypatch) -> Iterator[str]:
    """A new experiment, which the functions of `mlflow` write to."""
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
    client = server.client()
    mlflow.tracing.reset()
    identity = client.create_experiment(f"traces-{uuid4().hex[:8]}")
    mlflow.set_experiment(experiment_id=identity)
    yield identity
    mlflow.tracing.reset()


def traced(
    name: str = "call", tags: dict[str, str] | None = None, inside: Callable[[LiveSpan], None] | None = None, **said: Any
) -> str:
    """One trace of one span; its id."""
    with mlflow.start_span(name, span_type=SpanType.CHAIN) as span:
        span.set_inputs({"q": name})
        if inside is not None:
            inside(span)
        mlflow.update_current_trace(tags=tags or {}, **said)
    return span.trace_id


def send(url: str, body: bytes, token: str = "", **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, body, method="POST")
    for name, value in {"content-type": "application/json", **headers}.items():
        request.add_header(name.replace("_", "-"), value)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def found(experiment: str, **how: Any) -> list[Trace]:
    return mlflow.search_traces(locations=[experiment], return_type="list", **how)


def spans(count: int = 1, **more: Any) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number in range(count):
        span = scope.spans.add(trace_id=uuid4().bytes, span_id=number.to_bytes(8, "big") or b"", name=f"s{number}")
        span.span_id = (number + 1).to_bytes(8, "big")
        span.start_time_unix_nano, span.end_time_unix_nano = 1_700_000_000_000_000_000, 1_700_000_000_500_000_000
    return request


def test_a_tree_of_spans_comes_back_as_it_was_recorded(server, experiment):
    @mlflow.trace(span_type=SpanType.AGENT, attributes={"team": "crm"})
    def outer(x: int) -> dict[str, Any]:
        with mlflow.start_span("inner", span_type=SpanType.LLM) as span:
            span.set_inputs({"messages": [{"role": "user", "content": "déjà vu ☃"}], "n": None, "deep": [[1, 2.5], {"a": True}]})
            span.set_outputs(["x", {"y": 1 << 53}])
            span.set_attributes(
                {"model": "gpt-4", "mlflow.chat.tokenUsage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}}
            )
            span.add_event(mlflow.entities.SpanEvent("hit", attributes={"where": "here", "times": 2}))
        return {"y": x * 2}

    @mlflow.trace
    def broken() -> None:
        raise ValueError("no\x00thing")

    outer(4)
    seen = mlflow.get_trace(mlflow.get_last_active_trace_id())
    root, inner = seen.data.spans
    assert (root.name, root.span_type, root.inputs, root.outputs) == ("outer", "AGENT", {"x": 4}, {"y": 8})
    assert (inner.parent_id, inner.get_attribute("model"), root.get_attribute("team")) == (root.span_id, "gpt-4", "crm")
    assert inner.inputs == {"messages": [{"role": "user", "content": "déjà vu ☃"}], "n": None, "deep": [[1, 2.5], {"a": True}]}
    assert inner.outputs == ["x", {"y": 1 << 53}]
    assert [(one.name, one.attributes) for one in inner.events] == [("hit", {"where": "here", "times": 2})]
    assert (seen.info.state, seen.info.request_preview, seen.info.response_preview) == ("OK", '{"x": 4}', '{"y": 8}')
    assert seen.info.token_usage == {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    assert abs(seen.info.execution_duration - (root.end_time_ns - root.start_time_ns) / 1e6) < 2
    with pytest.raises(ValueError):
        broken()
    failed = mlflow.get_trace(mlflow.get_last_active_trace_id())
    assert failed.info.state == "ERROR"
    assert failed.data.spans[0].events[0].attributes["exception.message"] == "no�thing"


def test_a_trace_belongs_to_the_run_in_which_it_was_made_and_to_those_it_is_linked_to(server, experiment):
    client = server.client()
    with mlflow.start_run() as run:
        inside = traced(metadata={"mlflow.trace.session": "s1", "mlflow.trace.user": "ann"}, client_request_id="c-1")
    alone = traced()
    info = mlflow.get_trace(inside).info
    assert (info.client_request_id, info.trace_metadata["mlflow.sourceRun"]) == ("c-1", run.info.run_id)
    assert (info.trace_metadata["mlflow.trace.session"], info.trace_metadata["mlflow.trace.user"]) == ("s1", "ann")
    assert [one.info.trace_id for one in mlflow.search_traces(run_id=run.info.run_id, return_type="list")] == [inside]
    client.link_traces_to_run([alone, inside, "tr-not-there"], run.info.run_id)
    client.link_traces_to_run([alone], run.info.run_id)
    assert {one.info.trace_id for one in mlflow.search_traces(run_id=run.info.run_id, return_type="list")} == {inside, alone}
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        client.link_traces_to_run([alone], "0" * 32)
    with pytest.raises(MlflowException, match=str(MAX_LINKS)):
        client.link_traces_to_run([f"tr-{number}" for number in range(MAX_LINKS + 1)], run.info.run_id)


@pytest.fixture(scope="module")
def searched(server) -> str:
    """Five traces, one second apart: a to e, oldest first; session s holds a and b."""
    client = server.client()
    identity = client.create_experiment(f"searched-{uuid4().hex[:8]}")
    tracing = TracingClient(server.url)
    for number, name in enumerate("abcde"):
        tags = {"mlflow.traceName": name, **({"team": "CRM" if number % 2 else "crm"} if name != "e" else {})}
        session = {"mlflow.trace.session": "s"} if name in "ab" else {}
        info = mlflow.entities.TraceInfo(
            trace_id=f"tr-{identity}-{name}", trace_location=TraceLocation.from_experiment_id(identity),
            request_time=1_700_000_000_000 + 1000 * number, execution_duration=100 * (5 - number),
            state=TraceState.ERROR if name == "d" else TraceState.OK,
            client_request_id=f"c-{name}", trace_metadata={"size": name * 3, **session}, tags=tags,
        )  # fmt: skip
        tracing.start_trace(info)
    request = spans(2)
    for span, name in zip(request.resource_spans[0].scope_spans[0].spans, ("look", "answer"), strict=True):
        span.trace_id, span.name = bytes.fromhex("ab" * 16), name
        for key, value in {"model": f"gpt-{name}", "mlflow.spanType": "LLM" if name == "answer" else "TOOL"}.items():
            span.attributes.add(key=key).value.string_value = value
        span.attributes.add(key="tries").value.int_value = 3
    sent = {"content_type": "application/x-protobuf", "x_mlflow_experiment_id": identity}
    assert send(f"{server.url}/v1/traces", request.SerializeToString(), **sent) == (200, {})
    assess = {"a": 0.2, "b": 0.8, "c": "yes", "d": True}
    for name, value in assess.items():
        mlflow.log_feedback(trace_id=f"tr-{identity}-{name}", name="quality", value=value)
    mlflow.log_expectation(trace_id=f"tr-{identity}-c", name="answer", value="Paris")
    whole = {"mlflow.trace.session": "s"}
    mlflow.log_feedback(trace_id=f"tr-{identity}-a", name="whole", value="good", metadata=whole)
    client.set_trace_tag("tr-" + "ab" * 16, "mlflow.traceName", "f")
    return identity


@pytest.mark.parametrize(("text", "names"), [
    ("", "edcbaf"),
    ("tag.team = 'crm'", "ca"),
    ("tags.team ILIKE 'CR%' AND trace.status != 'ERROR'", "cba"),
    ("tag.team IS NULL", "ef"),
    ("tag.team IS NOT NULL and attributes.status IN ('ERROR')", "d"),
    ("timestamp_ms > 1700000002000", "ed"),
    ("timestamp <= 1700000001000 AND timestamp >= 1700000000000", "baf"),
    ("execution_time_ms < 250", "ed"),
    ("trace.end_time = 1700000000500", "af"),
    ("name = 'a'", "a"),
    ("trace.name LIKE '%'", "edcbaf"),
    ("request_id IN ('{x}-a', '{x}-b')", "ba"),
    ("client_request_id = 'c-c'", "c"),
    ("client_request_id LIKE 'C-%'", ""),
    ("metadata.size = 'aaa'", "a"),
    ("request_metadata.size RLIKE '^(a|b)+$'", "ba"),
    ("metadata.`mlflow.trace.session` = 's'", "ba"),
    ("span.name = 'look'", "f"),
    ("span.name = 'look' AND span.type = 'TOOL'", "f"),
    ("span.name = 'look' AND span.type = 'LLM'", ""),
    ("span.type IN ('LLM', 'AGENT') AND span.status = 'UNSET'", "f"),
    ("span.attributes.model LIKE 'gpt-%'", "f"),
    ("span.attributes.model = 'gpt-answer' AND span.name = 'answer'", "f"),
    ("span.attributes.tries = '3'", "f"),
    ("span.attributes.model RLIKE 'gpt-(x|y)'", ""),
    ("trace.text LIKE '%gpt-look%'", "f"),
    ("span.content ILIKE '%GPT-LOOK%'", "f"),
    ("feedback.quality > 0.5", "b"),
    ("feedback.quality <= 0.2", "a"),
    ("feedback.quality = 'yes'", "c"),
    ("feedback.quality = 'true'", "d"),
    ("feedback.quality IS NULL", "ef"),
    ("expectation.answer = 'Paris'", "c"),
    ("expectation.answer IS NOT NULL", "c"),
    ("feedback.whole = 'good'", "ba"),
    ("run_id = 'none'", ""),
    (" AND ".join(["tag.team = 'crm'", "metadata.size = 'aaa'", "tag.team IS NOT NULL"] * 8), "a"),
])  # fmt: skip
def test_the_filters_of_the_documentation_find_what_they_say(server, searched, text, names):
    server.client()
    seen = found(searched, filter_string=text.replace("{x}", f"tr-{searched}"), include_spans=False)
    assert "".join(one.info.tags["mlflow.traceName"] for one in seen) == names


@pytest.mark.parametrize(("order", "names"), [
    (["timestamp ASC"], "afbcde"),
    (["execution_time_ms"], "edcbaf"),
    (["status DESC", "name DESC"], "fecbad"),
    (["tag.team", "timestamp ASC"], "bdacfe"),
    (["metadata.size DESC"], "edcbaf"),
])  # fmt: skip
def test_orders_put_what_is_missing_last_and_pages_go_on_where_the_last_one_ended(server, searched, order, names):
    client = server.client()
    if order[0] == "tag.team":
        names = names if server.store.database.is_sqlite else "bdacfe"
    whole = client.search_traces(locations=[searched], order_by=order, include_spans=False)
    assert "".join(one.info.tags["mlflow.traceName"] for one in whole) == names
    first = TracingClient(server.url)._search_traces(locations=[searched], order_by=order, max_results=4)
    rest = TracingClient(server.url)._search_traces(locations=[searched], order_by=order, max_results=4, page_token=first[1])
    assert "".join(one.tags["mlflow.traceName"] for one in first[0] + rest[0]) == names
    assert rest[1] is None


@pytest.mark.parametrize(("text", "order"), [
    ("tag.team IN ('a')", []), ("name IN ('a')", []), ("status > 'OK'", []), ("timestamp = 'x'", []), ("timestamp LIKE 'x'", []),
    ("colour = 'red'", []), ("trace_id = 'x'", []), ("metrics.a = 1", []), ("tag.a = 'x' OR tag.b = 'y'", []), ("tag.a = 1", []),
    ("span.colour = 'red'", []), ("span.attributes. = 'x'", []), ("span.content = 'x'", []), ("feedback.q > 'x'", []),
    ("feedback.q = 0.5", []), ("issue.name = 'x'", []), ("tag.a RLIKE '('", []), ("tag.a RLIKE 'x{1000}'", []),
    ("", ["colour"]), ("", ["feedback.q"]), ("", ["timestamp", "timestamp_ms DESC"]), ("client_request_id IS NULL", []),
])  # fmt: skip
def test_what_stock_refuses_is_refused_with_its_code(server, searched, text, order):
    server.client()
    with pytest.raises(MlflowException) as refused:
        found(searched, filter_string=text, order_by=order)
    assert refused.value.error_code == "INVALID_PARAMETER_VALUE"


def test_tags_are_set_read_and_deleted_and_those_that_say_where_spans_are_are_ours(server, experiment):
    one = traced(tags={"team": "crm"})
    mlflow.set_trace_tag(one, "k", "v" * 9_000)
    mlflow.set_trace_tag(one, "team", "ops")
    tags = mlflow.get_trace(one).info.tags
    assert (len(tags["k"]), tags["team"], tags["mlflow.traceName"]) == (8_000, "ops", "call")
    mlflow.delete_trace_tag(one, "k")
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        mlflow.delete_trace_tag(one, "k")
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        mlflow.set_trace_tag("tr-nowhere", "k", "v")
    for key in ("mlflow.trace.spansLocation", "mlflow.artifactLocation", "regie.kind", ""):
        said = json.dumps({"key": key, "value": "x"}).encode()
        request = urllib.request.Request(f"{server.url}/api/3.0/mlflow/traces/{one}/tags", said, method="PATCH")
        request.add_header("Content-Type", "application/json")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        with refused.value as error:
            assert (error.code, json.load(error)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_assessments_are_logged_changed_overridden_and_deleted(server, experiment):
    one = traced()
    human = AssessmentSource("HUMAN", "bob")
    said = mlflow.log_feedback(trace_id=one, name="q", value=0.75, rationale="why", source=human, metadata={"m": "1"})
    hoped = mlflow.log_expectation(trace_id=one, name="answer", value={"a": [1, None]})
    wrong = mlflow.log_feedback(trace_id=one, name="judge", error=ValueError("broke"))
    back = mlflow.get_assessment(one, said.assessment_id)
    assert (back.value, back.rationale, back.source.source_id, back.metadata) == (0.75, "why", "bob", {"m": "1"})
    assert mlflow.get_assessment(one, hoped.assessment_id).value == {"a": [1, None]}
    assert mlflow.get_assessment(one, wrong.assessment_id).error.error_message == "broke"
    mlflow.update_assessment(one, said.assessment_id, Feedback(name="q", value=0.5, metadata={"n": "2"}))
    mlflow.update_assessment(one, hoped.assessment_id, Expectation(name="answer", value="x"))
    back = mlflow.get_assessment(one, said.assessment_id)
    assert (back.value, back.rationale, back.metadata, back.source.source_id) == (0.5, "why", {"m": "1", "n": "2"}, "bob")
    over = mlflow.override_feedback(trace_id=one, assessment_id=said.assessment_id, value=True)
    told = {said.assessment_id: False, wrong.assessment_id: True, over.assessment_id: True}
    assert {a.assessment_id: a.valid for a in mlflow.get_trace(one).info.assessments if a.feedback} == told
    mlflow.delete_assessment(one, over.assessment_id)
    mlflow.delete_assessment(one, over.assessment_id)
    assert mlflow.get_assessment(one, said.assessment_id).valid
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        mlflow.get_assessment(one, over.assessment_id)
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        mlflow.log_feedback(trace_id="tr-nowhere", name="q", value=1)


def test_an_assessment_that_is_made_while_the_trace_runs_comes_with_it(server, experiment):
    def judge(span: LiveSpan) -> None:
        mlflow.log_feedback(trace_id=span.trace_id, name="q", value=[1, "two"])

    assert [one.value for one in mlflow.get_trace(traced(inside=judge)).info.assessments] == [[1, "two"]]


def test_traces_are_deleted_by_id_and_by_time_with_all_that_is_theirs_and_a_record(server, experiment):
    client = server.client()
    ids = [traced(f"t{number}", tags={"n": "x"}) for number in range(4)]
    mlflow.log_feedback(trace_id=ids[0], name="q", value=1)
    client._tracing_client._upload_attachments(mlflow.get_trace(ids[0]).info, {"a.txt": _attachment(b"text")})
    assert client.delete_traces(experiment_id=experiment, trace_ids=[ids[0], "tr-none"]) == 1
    assert client.delete_traces(experiment_id=experiment, trace_ids=[ids[0]]) == 0
    started = mlflow.get_trace(ids[2]).info.timestamp_ms
    assert client.delete_traces(experiment_id=experiment, max_timestamp_millis=started, max_traces=1) == 1
    assert {one.info.trace_id for one in found(experiment)} == set(ids[2:])
    assert client.delete_traces(experiment_id=experiment, max_timestamp_millis=10**14) == 2
    with server.store.read() as db:
        records = db.execute(select(audit_records.c.record).where(audit_records.c.target == f"experiment:{experiment}")).scalars()
        deleted = [json.loads(record) for record in records if "traces deleted" in record]
        assert [one["rows"] for one in deleted] == [1, 1, 2]
        keys = list(db.execute(select(tables.traces.c.key)).scalars())
        for table in (tables.spans, tables.trace_tags, tables.trace_metadata, tables.assessments):
            assert not db.execute(select(func.count()).where(table.c.trace.not_in(keys))).scalar()
        assert not db.execute(select(artifacts.c.path).where(artifacts.c.root == f"traces/{ids[0]}")).all()
    for wrong in (
        {},
        {"max_timestamp_millis": 1, "request_ids": ["x"]},
        {"request_ids": ["x"], "max_traces": 1},
        {"max_traces": 0},
    ):
        said = json.dumps({"experiment_id": experiment} | wrong).encode()
        assert send(f"{server.url}/api/3.0/mlflow/traces/delete-traces", said)[1]["error_code"] == "INVALID_PARAMETER_VALUE"


def _attachment(content: bytes) -> Any:
    from mlflow.tracing.attachments import Attachment

    return Attachment(content_type="text/plain", content_bytes=content)


def test_spans_that_never_came_are_read_from_where_the_client_left_them(server, experiment):
    client, tracing = server.client(), TracingClient(server.url)
    whole = mlflow.get_trace(traced("kept"))
    client.delete_traces(experiment_id=experiment, trace_ids=[whole.info.trace_id])
    info = tracing.start_trace(whole.info)
    assert "mlflow.trace.spansLocation" not in info.tags
    tracing._upload_trace_data(info, whole.data)
    assert [span.name for span in client.get_trace(info.trace_id).data.spans] == ["kept"]
    assert [len(one.data.spans) for one in found(experiment)] == [1]
    with urllib.request.urlopen(f"{server.url}/ajax-api/2.0/mlflow/get-trace-artifact?request_id={info.trace_id}") as answer:
        assert [span["name"] for span in json.load(answer)["spans"]] == ["kept"]


def test_a_trace_of_which_a_span_was_refused_is_read_whole_from_where_the_client_left_it(server, experiment, monkeypatch):
    monkeypatch.setattr(otlp, "BODY_BYTES", 20_000)
    with mlflow.start_span("outer") as outer, mlflow.start_span("inner") as inner:
        inner.set_inputs("x" * 30_000)
    trace = mlflow.get_trace(outer.trace_id)
    assert [(span.name, len(span.inputs or "")) for span in trace.data.spans] == [("outer", 0), ("inner", 30_000)]
    assert [len(one.data.spans) for one in found(experiment)] == [2]
    with urllib.request.urlopen(f"{server.url}/ajax-api/2.0/mlflow/get-trace-artifact?request_id={outer.trace_id}") as answer:
        assert len(json.load(answer)["spans"]) == 2


def test_the_page_of_stock_gets_the_spans_as_a_file(server, experiment):
    one = traced("shown")
    with urllib.request.urlopen(f"{server.url}/ajax-api/3.0/mlflow/get-trace-artifact?request_id={one}") as answer:
        (span,) = json.load(answer)["spans"]
    assert (span["name"], json.loads(span["attributes"]["mlflow.spanInputs"])) == ("shown", {"q": "shown"})
    back = mlflow.entities.Span.from_dict(span)
    assert (back.inputs, back.span_type, back.trace_id) == ({"q": "shown"}, "CHAIN", one)


def test_eight_threads_log_traces_at_once_and_none_is_lost(server, experiment, monkeypatch):
    monkeypatch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "true")
    mlflow.tracing.reset()

    def work(number: int) -> str:
        with mlflow.start_span(f"outer-{number}") as span, mlflow.start_span("inner"):
            mlflow.update_current_trace(tags={"n": str(number)})
        return span.trace_id

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(work, range(40)))
    mlflow.flush_trace_async_logging(terminate=True)
    seen = {one.info.trace_id: one for one in found(experiment)}
    assert seen.keys() == set(ids)
    for number, one in enumerate(ids):
        root, inner = seen[one].data.spans
        assert (root.name, inner.parent_id, seen[one].info.tags["n"]) == (f"outer-{number}", root.span_id, str(number))


def test_any_tracer_may_send_spans_plain_packed_or_as_json(server, experiment):
    request = spans()
    span = request.resource_spans[0].scope_spans[0].spans[0]
    resource = request.resource_spans[0].resource
    said = {"service.name": "shop", "telemetry.sdk.name": "x", "mlflow.user": "eve", "regie.kind": "task"}
    for key, value in said.items():
        resource.attributes.add(key=key).value.string_value = value
    said = {"session.id": "s9", "user.id": "ann", "mlflow.traceTag.team": "crm", "mlflow.spanInputs": "hello"}
    for key, value in said.items():
        span.attributes.add(key=key).value.string_value = value
    body = request.SerializeToString()
    protobuf = {"content_type": "application/x-protobuf", "x_mlflow_experiment_id": experiment}
    with mlflow.start_run() as run:
        assert (
            send(
                f"{server.url}/v1/traces",
                gzip.compress(body),
                content_encoding="gzip",
                x_mlflow_run_id=run.info.run_id,
                **protobuf,
            )[0]
            == 200
        )
    (one,) = mlflow.search_traces(run_id=run.info.run_id, return_type="list")
    assert (one.info.state, one.info.execution_duration, one.info.timestamp_ms) == ("OK", 500, 1_700_000_000_000)
    assert one.info.tags.items() >= {"service.name": "shop", "team": "crm"}.items()
    assert not one.info.tags.keys() & {"telemetry.sdk.name", "mlflow.user", "regie.kind"}
    assert one.info.trace_metadata.items() >= {"mlflow.trace.session": "s9", "mlflow.trace.user": "ann"}.items()
    assert one.info.request_preview == '"hello"'
    as_json = {"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "json",
        "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000", "status": {"code": 2, "message": "no"},
        "attributes": [{"key": "x", "value": {"doubleValue": "NaN"}}],
    }]}]}]}  # fmt: skip
    assert send(f"{server.url}/v1/traces", json.dumps(as_json).encode(), x_mlflow_experiment_id=experiment) == (200, {})
    back = mlflow.get_trace("tr-0af7651916cd43dd8448eb211c80319c")
    assert (back.info.state, back.data.spans[0].name, back.data.spans[0].status.description) == ("ERROR", "json", "no")


def bad_requests(experiment: str) -> Iterator[tuple[bytes, dict[str, str]]]:
    good, kind = spans().SerializeToString(), {"content_type": "application/x-protobuf"}
    here = {"x_mlflow_experiment_id": experiment}
    for length in (0, 3, 8):
        wrong = spans()
        wrong.resource_spans[0].scope_spans[0].spans[0].span_id = b"\0" * length
        yield wrong.SerializeToString(), kind | here
    late = spans()
    late.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano = (1 << 64) - 1
    yield late.SerializeToString(), kind | here
    yield spans(10_001).SerializeToString(), kind | here
    yield good, kind  # no experiment
    yield good, here | {"content_type": "text/plain"}
    yield good[:-3], kind | here
    yield b"", kind | here
    yield b"\xff" * 100, kind | here
    yield good, kind | here | {"content_encoding": "gzip"}
    yield good, kind | here | {"content_encoding": "br"}
    yield gzip.compress(good)[:-9], kind | here | {"content_encoding": "gzip"}
    for text in (
        "[]",
        "{",
        "[" * 100_000,
        '{"resourceSpans": [{"scopeSpans": 1}]}',
        '{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}',
    ):
        yield text.encode(), here


def test_hostile_bytes_are_answered_4xx_and_leave_nothing(server, experiment):
    for body, headers in bad_requests(experiment):
        status, said = send(f"{server.url}/v1/traces", body, **headers)
        assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), (body[:40], headers, said)
    status, _ = send(
        f"{server.url}/v1/traces",
        spans().SerializeToString(),
        content_type="application/x-protobuf",
        x_mlflow_experiment_id="nowhere",
    )
    assert status == 404
    assert found(experiment) == []


def expected(value: str, form: str = "JSON_FORMAT") -> dict[str, Any]:
    return {"assessment_name": "q", "expectation": {"serialized_value": {"serialization_format": form, "value": value}}}


@pytest.mark.parametrize("info", [
    {}, {"trace_id": "../x"}, {"trace_id": "x" * 51}, {"request_time": "yesterday"}, {"request_time": "9999999-01-01T00:00:00Z"},
    {"execution_duration": "1.5"}, {"execution_duration": "9999999999999s"}, {"state": "FINE"}, {"state": 9}, {"tags": {"k": 1}},
    {"tags": {"": "x"}}, {"tags": {"regie.kind": "x"}}, {"trace_metadata": []}, {"assessments": [{}]}, {"assessments": {}},
    {"assessments": [{"assessment_name": "q", "feedback": {"value": 1}, "expectation": {"value": 1}}]},
    {"assessments": [expected("1", "X")]}, {"assessments": [expected("NaN")]}, {"assessments": [expected('"\\ud800"')]},
    {"assessments": [{"assessment_name": "q" * 251, "feedback": {"value": 1}}]},
    {"request_preview": 1}, {"trace_location": {}}, {"trace_location": {"mlflow_experiment": {"experiment_id": 5}}},
])  # fmt: skip
def test_malformed_traces_are_400_with_the_field_at_fault(server, searched, info):
    good = {
        "trace_id": f"tr-{uuid4().hex}", "request_time": "2026-11-21T16:29:47.970Z", "state": "OK",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": searched}},
    }  # fmt: skip
    said = {"trace": {"trace_info": good | info} if info else {}}
    status, answer = send(f"{server.url}/api/3.0/mlflow/traces", json.dumps(said).encode())
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_clients_of_version_2_begin_end_and_find_traces(server, experiment):
    url = f"{server.url}/api/2.0/mlflow/traces"
    said = {"experiment_id": experiment, "timestamp_ms": 1_000, "tags": [{"key": "mlflow.traceName", "value": "old"}]}
    status, answer = send(url, json.dumps(said).encode())
    begun = answer["trace_info"]
    assert (status, begun["status"], begun["timestamp_ms"]) == (200, "IN_PROGRESS", 1_000)
    ended = json.dumps({"timestamp_ms": 1_250, "status": "OK", "request_metadata": [{"key": "k", "value": "v"}]}).encode()
    request = urllib.request.Request(f"{url}/{begun['request_id']}", ended, {"Content-Type": "application/json"}, method="PATCH")
    with urllib.request.urlopen(request) as answered:
        shown = json.load(answered)["trace_info"]
    assert (shown["execution_time_ms"], shown["status"], shown["request_metadata"]) == (250, "OK", [{"key": "k", "value": "v"}])
    with urllib.request.urlopen(f"{url}/{begun['request_id']}/info") as answered:
        assert json.load(answered) == {"trace_info": shown}
    with urllib.request.urlopen(f"{url}?experiment_ids={experiment}&filter=name%3D%27old%27") as answered:
        assert json.load(answered) == {"traces": [shown]}


def test_another_workspace_sees_and_touches_no_trace_of_this_one(server, experiment):
    one = traced()
    there = MlflowClient(server.at("other"), server.at("other"))
    elsewhere = there.create_experiment("theirs")
    for act in (
        lambda: there.get_trace(one), lambda: there.set_trace_tag(one, "k", "v"),
        lambda: TracingClient(server.at("other")).get_assessment(one, "a-1"),
    ):  # fmt: skip
        with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
            act()
    assert there.search_traces(locations=[experiment]) == []
    assert there.delete_traces(experiment_id=elsewhere, trace_ids=[one]) == 0
    body = spans()
    body.resource_spans[0].scope_spans[0].spans[0].trace_id = bytes.fromhex(one.removeprefix("tr-"))
    sent = {"content_type": "application/x-protobuf", "x_mlflow_experiment_id": elsewhere}
    assert send(f"{server.at('other')}/v1/traces", body.SerializeToString(), **sent)[0] == 200
    assert [len(trace.data.spans) for trace in (mlflow.get_trace(one), there.get_trace(one))] == [1, 1]
    assert mlflow.get_trace(one).data.spans[0].name == "call"


def test_a_tasks_token_logs_into_the_experiment_of_its_run_and_changes_no_trace_of_others(server, experiment):
    client = server.client()
    run, other = client.create_run(experiment), client.create_experiment(f"other-{uuid4().hex[:8]}")
    with server.store.machinery() as batch:
        token = tokens.issue(batch, "task:9", "task", f"run:{run.info.run_id} put:*")
    theirs, mine = traced(), spans()
    name = "tr-" + mine.resource_spans[0].scope_spans[0].spans[0].trace_id.hex()
    body, url = mine.SerializeToString(), server.url
    sent = {"content_type": "application/x-protobuf", "x_mlflow_experiment_id": experiment}
    assert send(f"{url}/v1/traces", body, token, **sent)[0] == 200
    assert send(f"{url}/v1/traces", body, token, **sent | {"x_mlflow_experiment_id": other})[0] == 403
    said = {"experiment_id": experiment, "request_ids": [name]}
    assert send(f"{url}/api/3.0/mlflow/traces/delete-traces", json.dumps(said).encode(), token)[0] == 403
    for trace, status in ((name, 200), (theirs, 403)):
        feedback = {"assessment": {"assessment_name": "q", "feedback": {"value": 1}}}
        assert send(f"{url}/api/3.0/mlflow/traces/{trace}/assessments", json.dumps(feedback).encode(), token)[0] == status
        again = spans()
        again.resource_spans[0].scope_spans[0].spans[0].trace_id = bytes.fromhex(trace.removeprefix("tr-"))
        assert send(f"{url}/v1/traces", again.SerializeToString(), token, **sent)[0] == status
    for where, status in ((experiment, 200), (other, 403)):
        search = {"locations": [{"mlflow_experiment": {"experiment_id": where}}]}
        assert send(f"{url}/api/3.0/mlflow/traces/search", json.dumps(search).encode(), token)[0] == status


def test_a_trace_is_shown_whole_only_when_all_its_spans_have_come(server, experiment, monkeypatch):
    monkeypatch.setattr(traces, "WAITS_S", (0.0, 0.0))
    request = spans(2)
    first, second = request.resource_spans[0].scope_spans[0].spans
    second.trace_id, second.parent_span_id, name = first.trace_id, first.span_id, f"tr-{first.trace_id.hex()}"
    sent = {"content_type": "application/x-protobuf", "x_mlflow_experiment_id": experiment}
    late = ExportTraceServiceRequest()
    late.resource_spans.add().scope_spans.add().spans.append(second)
    del request.resource_spans[0].scope_spans[0].spans[1]
    assert send(f"{server.url}/v1/traces", request.SerializeToString(), **sent)[0] == 200
    info = server.client()._tracing_client.get_trace_info(name)
    info.trace_metadata["mlflow.trace.sizeStats"] = json.dumps({"num_spans": 2})
    TracingClient(server.url).start_trace(info)
    with pytest.raises(MlflowException, match="not fully exported"):
        server.client().get_trace(name)
    assert found(experiment) == []
    assert [one.info.trace_id for one in found(experiment, include_spans=False)] == [name]
    assert send(f"{server.url}/v1/traces", late.SerializeToString(), **sent)[0] == 200
    assert [span.name for span in server.client().get_trace(name).data.spans] == ["s0", "s1"]
    assert len(found(experiment)) == 1


def test_without_an_experiment_a_trace_goes_to_the_default_one_of_its_workspace(server, experiment):
    there, where = server.client("fresh"), server.at("fresh")
    sent = {"content_type": "application/x-protobuf", "x_mlflow_experiment_id": "0"}
    assert send(f"{where}/v1/traces", spans().SerializeToString(), **sent)[0] == 200
    (one,) = there.search_traces(locations=["0"])
    assert one.info.experiment_id == there.get_experiment_by_name("Default").experiment_id


def test_a_deleted_experiment_takes_no_trace(server, experiment):
    mine = server.client()
    gone = mine.create_experiment(f"gone-{uuid4().hex[:8]}")
    mine.delete_experiment(gone)
    status, said = send(
        f"{server.url}/v1/traces", spans().SerializeToString(), content_type="application/x-protobuf", x_mlflow_experiment_id=gone
    )
    assert (status, said["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
