"""Whatever is sent to whatever route of the wire: no answer is a mistake of the server's (5xx), and each refusal is MLflow's JSON.

A few hundred requests a database; `REGIE_FUZZ=20000` sends that many, other ones each time.
"""

import http.client
import importlib
import json
import os
import pkgutil
import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urlsplit

import mlflow.protos
import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from mlflow.protos import databricks_pb2

from regie.app.mlflow.routes import UNKNOWN
from regie.app.policy import PUBLIC, WIRE

MANY = int(os.environ.get("REGIE_FUZZ", "0"))
ROUTES = sorted(
    (method, path.replace("{number}", "3.0"))
    for (method, path), action in WIRE.items()
    if action != PUBLIC and not path.startswith("/ajax-api") and (path not in UNKNOWN or method == "POST")
)
JSON = {"Content-Type": "application/json"}
HOSTILE = [
    "", " ", "x", "0", "-1", "1.5", "1e400", "9" * 400, "NaN", "a" * 70_000, "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\ufeff", "\u202e",
    "é中🙂", "..", "../../etc/passwd", "%2e%2e/", "%252e%252e%252f", "/etc/passwd", "C:\\x", "a/b", "a:b", "a@b", "'; DROP TABLE runs; --",
    "' OR '1'='1", "name = 'a", "metrics.m > ", "metrics.`a` > 1e999", "params.p IN (", "tags.t LIKE '%' ESCAPE", "(" * 3_000, "a AND " * 500,
    "metrics.m > 1 AND " * 400 + "metrics.m > 1", "start_time > 99999999999999999999", "metrics.m DESC", "attributes.start_time SIDEWAYS",
    "eyJvZmZzZXQiOiAxMH0=", "eyJvZmZzZXQiOiAtMX0=", "eyJvZmZzZXQiOiA5OTk5OTk5OTk5OTk5OTk5OTk5OTl9", "e30=", "W10=", "!!!", "bnVsbA==",
    "runs:/x/y", "models:/m/latest", "models:/m@champion", "s3://b/k", "file:///etc/passwd", "mlflow-artifacts:/runs/../x",
    "http://169.254.169.254/", "latest", "v1", "champion", "regie.kind", "mlflow.runName", "ACTIVE_ONLY", "FINISHED", "Default",
]  # fmt: skip
NUMBERS = [0, -1, 1, 2, 1.5, True, False, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**400, 1e308, -0.0]
WHOLE_BODIES = [
    b"", b"null", b"[]", b'"x"', b"5", b"{", b"{]}", b"\xff\xfe{}", b'{"a": "\xed\xa0\x80"}', b"\x00", b"NaN", b'{"a": NaN}',
    b"[" * 100_000, b'{"a":' * 20_000, b'{"run_id": ' + b"[" * 50_000, b'{"max_results": ' + b"9" * 5_000 + b"}", b'{"": 1}',
    b'{"run_id": "\\u0000", "name": "\\ud800", "key": "\\u0000"}', b'{"filter": "\\ud800"}', "{}".encode("utf-16"),
]  # fmt: skip


def fields() -> dict[tuple[str, str], Descriptor]:
    """The request that the client's package declares, by method and path."""
    found = {}
    for module in pkgutil.iter_modules(mlflow.protos.__path__):
        if module.name.endswith("_pb2"):
            for service in importlib.import_module(f"mlflow.protos.{module.name}").DESCRIPTOR.services_by_name.values():
                for call in service.methods:
                    for one in call.GetOptions().Extensions[databricks_pb2.rpc].endpoints:
                        path = re.sub(r"<path:\w+>|\{[^}]*\}", "{}", one.path.lstrip("/"))
                        found[one.method, f"/api/{one.since.major}.0/{path}"] = call.input_type
    return found


DECLARED = fields()


@dataclass(frozen=True)
class Known:
    """What is there, and the fields that would name it, so that a request comes past the first look-up."""

    experiment: str
    run: str
    model: str
    logged: str

    @property
    def values(self) -> list[str]:
        return [self.experiment, self.run, self.model, self.logged, "1", f"runs/{self.run}/model", f"runs:/{self.run}/model"]

    def named(self, field: str) -> str | None:
        found = {
            "experiment_id": self.experiment, "experiment_ids": self.experiment, "run_id": self.run, "run_ids": self.run,
            "source_run_id": self.run, "name": self.model, "model_id": self.logged, "version": "1", "metric_key": "m", "key": "m",
            "value": "1", "timestamp": "1", "path": f"runs/{self.run}/model/MLmodel", "artifact_path": f"runs/{self.run}/x",
            "source": f"runs:/{self.run}/model", "alias": "best", "trace_id": f"tr-{self.run}", "request_id": f"tr-{self.run}",
        }  # fmt: skip
        return found.get(field)


@dataclass(frozen=True)
class Seeds:
    """Where to, and what is there."""

    address: str
    known: Known


@pytest.fixture(scope="module")
def seeds(server) -> Seeds:
    client = server.client()
    experiment = client.create_experiment("fuzzed")
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "m", 1)
    client.log_text(run, "x", "model/MLmodel")
    logged = client.create_logged_model(experiment, "lm", run)
    client.create_registered_model("fuzzed")
    client.create_model_version("fuzzed", f"runs:/{run}/model", run)
    return Seeds(urlsplit(server.url).netloc, Known(experiment, run, "fuzzed", logged.model_id))


@cache
def texts(known: Known) -> st.SearchStrategy[str]:
    return st.sampled_from(known.values) | st.sampled_from(HOSTILE) | st.text(st.characters(codec=None), max_size=20)


@cache
def anything(known: Known) -> st.SearchStrategy[Any]:
    small = texts(known) | st.sampled_from(NUMBERS) | st.none() | st.floats()
    return st.recursive(
        small,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "value", "x", "\x00"]), inner, max_size=3)
        ),
        max_leaves=5,
    )


@cache
def said(message: Descriptor | None, known: Known, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    """An object with the fields that a request knows: some left out, most of the right kind, all hostile."""
    if message is None or depth > 3:
        return st.dictionaries(st.sampled_from(["run_id", "name", "path", "key", "value"]), anything(known), max_size=4)
    made = {}
    for field in message.fields:
        right: st.SearchStrategy[Any] = texts(known)
        if field.message_type is not None:
            right = said(field.message_type, known, depth + 1)
        elif field.cpp_type not in (field.CPPTYPE_STRING, field.CPPTYPE_ENUM):
            right = st.sampled_from(NUMBERS) | texts(known)
        right = st.lists(right, max_size=3) if field.is_repeated else right
        made[field.name] = right | right | right | anything(known)
    if not made:
        return st.just({})
    one = st.sampled_from(sorted(made)).flatmap(lambda name: made[name].map(lambda value: plain(message, known) | {name: value}))
    return one | one | one | st.fixed_dictionaries({}, optional=made)


def plain(message: Descriptor, known: Known, depth: int = 0) -> dict[str, Any]:
    """A request that could be meant: only the fields that name what is there."""
    found: dict[str, Any] = {}
    for field in message.fields:
        value: Any = known.named(field.name)
        if field.message_type is not None:
            value = plain(field.message_type, known, depth + 1) if depth < 2 else None
        if value:
            found[field.name] = [value] if field.is_repeated else value
    return found


@st.composite
def requests(draw: st.DrawFn, known: Known) -> tuple[str, str, bytes, dict[str, str]]:
    """Method, target, body and headers."""
    method, path = draw(st.sampled_from(ROUTES))
    message = DECLARED.get((method, re.sub(r"\{[^}]*\}", "{}", path)))
    target = re.sub(r"\{(\w+)[^}]*\}", lambda found: draw(_part(found[1], known)), path)
    if method == "GET":
        query = draw(said(message, known))
        pairs = [(name, one) for name, value in query.items() for one in (value if isinstance(value, list) else [value])]
        target += (
            "?"
            + "&".join(f"{quoted(name)}={quoted(one)}" for name, one in pairs)
            + draw(st.sampled_from(["", "&%zz=%", "&=", "&a"]))
        )
        return method, target, b"", {}
    body = (
        draw(st.sampled_from(WHOLE_BODIES)) if draw(st.integers(0, 9)) == 0 else json.dumps(draw(said(message, known))).encode()
    )
    headers = draw(st.sampled_from([JSON] * 8 + [{}, {"Content-Type": "text/plain"}, JSON | {"X-MLFLOW-WORKSPACE": "../é"}]))
    return method, target, body, headers


def _part(name: str, known: Known) -> st.SearchStrategy[str]:
    """A part of a path, percent-encoded, well or badly."""
    there = st.just(quote(known.named(name) or "x"))
    return there | there | st.just("%zz%ff%00") | texts(known).map(quoted)


def quoted(value: Any) -> str:
    return quote(str(value)[:4_000].encode("utf-8", "surrogatepass"), safe="")


def send(
    connection: http.client.HTTPConnection, method: str, target: str, body: bytes, headers: dict[str, str]
) -> tuple[int, bytes]:
    connection.request(method, target, body, {name: value.encode().decode("latin-1") for name, value in headers.items()})
    answer = connection.getresponse()
    return answer.status, answer.read()


def good(method: str, target: str, body: bytes, status: int, answer: bytes) -> None:
    """Fails where the answer is a mistake of the server's, or a refusal that no client reads."""
    what = f"{method} {target[:300]} {body[:500]!r} -> {status} {answer[:300]!r}"
    assert status < 500 or status == 501, what
    if status >= 400 and not (status == 404 and "%0A" in target):  # a path with a line's end is nobody's
        error = json.loads(answer)
        assert error["error_code"], what
        assert error["message"], what


def test_no_request_of_any_shape_is_a_mistake_of_the_servers(seeds):
    connection = http.client.HTTPConnection(seeds.address, timeout=60)

    @settings(
        max_examples=MANY or 500, derandomize=not MANY, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(requests(seeds.known))
    @example(("POST", "/api/2.0/mlflow/runs/set-tag", b'{"run_id": "x", "key": "a", "value": "\\u0000"}', JSON))
    def each(request: tuple[str, str, bytes, dict[str, str]]) -> None:
        method, target, body, headers = request
        good(method, target, body, *send(connection, method, target, body, headers))

    each()
    connection.close()


def test_a_body_that_is_no_object_or_no_text_is_refused_by_every_route(seeds):
    connection = http.client.HTTPConnection(seeds.address, timeout=60)
    for method, path in ROUTES:
        if method == "GET" or "artifacts/{path" in path:
            continue
        target = re.sub(r"\{[^}]*\}", seeds.known.logged, path)
        for body in WHOLE_BODIES if MANY else (b"[]", b"[" * 100_000, WHOLE_BODIES[-3], b'{"a": "\xed\xa0\x80"}'):
            status, answer = send(connection, method, target, body, JSON)
            good(method, target, body[:50], status, answer)
            assert status in (400, 404, 405, 501) or body == b"", (method, target, body[:50], status)
    connection.close()


@pytest.mark.parametrize("value", ["a\x00b", "a\ud800b", [["x"]], {"x": "y"}], ids=["null", "half a pair", "list", "object"])
def test_a_refusal_names_the_field_at_fault(seeds, value):
    connection = http.client.HTTPConnection(seeds.address, timeout=60)
    experiment, run, model_id = seeds.known.experiment, seeds.known.run, seeds.known.logged
    version = {"name": "fuzzed", "version": "1"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "experiments/create", {"name": "new"}),
        ("POST", "experiments/update", {"experiment_id": experiment, "new_name": "fuzzed"}),
        ("POST", "experiments/set-experiment-tag", {"experiment_id": experiment, "key": "k", "value": "v"}),
        ("POST", "experiments/search", {"filter": "name = 'x'"}),
        ("POST", "runs/create", {"experiment_id": experiment, "run_name": "r", "start_time": 1}),
        ("POST", "runs/update", {"run_id": run, "run_name": "r"}),
        ("POST", "runs/search", {"filter": "metrics.m > 1", "run_view_type": "ALL", "page_token": ""}),
        ("POST", "runs/log-metric", {"run_id": run, "key": "k", "value": 1, "timestamp": 1, "step": 1}),
        ("POST", "runs/log-parameter", {"run_id": run, "key": "k", "value": "v"}),
        ("POST", "runs/set-tag", {"run_id": run, "key": "k", "value": "v"}),
        ("POST", "runs/log-batch", {"run_id": run}),
        ("POST", "logged-models", {"experiment_id": experiment, "name": "n", "model_type": "t"}),
        ("PATCH", f"logged-models/{model_id}", {"status": "LOGGED_MODEL_READY"}),
        ("POST", "registered-models/create", {"name": "n", "description": "d"}),
        ("POST", "registered-models/set-tag", {"name": "fuzzed", "key": "k", "value": "v"}),
        ("POST", "registered-models/alias", {"name": "fuzzed", "alias": "a", "version": "1"}),
        ("POST", "model-versions/create", {"name": "fuzzed", "source": "s3://b/k"}),
        ("PATCH", "model-versions/update", version | {"description": "d"}),
        ("POST", "model-versions/set-tag", version | {"key": "k", "value": "v"}),
        ("POST", "model-versions/transition-stage", version | {"stage": "Staging"}),
    ]  # fmt: skip
    for method, path, body in asked:
        for field in body:
            wrong = json.dumps(body | {field: value}).encode()
            status, answer = send(connection, method, f"/api/2.0/mlflow/{path}", wrong, JSON)
            assert status == 400, (path, field, status, answer)
            assert field in json.loads(answer)["message"], (path, field, answer)
    connection.close()


def test_an_oversized_body_is_refused_before_it_is_read_to_its_end(seeds):
    connection = http.client.HTTPConnection(seeds.address, timeout=60)
    body = b'{"run_id": "' + b"x" * (17 << 20) + b'"}'
    try:
        status, answer = send(connection, "POST", "/api/2.0/mlflow/runs/log-batch", body, JSON)
        assert (status, json.loads(answer)["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server hung up while it was sent
    connection.close()
