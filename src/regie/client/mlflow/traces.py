"""The traces of an experiment, with their spans, assessments and files. A trace keeps its id, so both sides know it by that.

Its run and its logged model are those of the target. To say a trace or a span once more changes nothing; the mark of completion
comes last.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from regie.base.canonical import sha256
from regie.client.http import RemoteError
from regie.client.mlflow import marks
from regie.client.mlflow.files import Root
from regie.client.mlflow.fill import Filler
from regie.client.mlflow.marks import Mark
from regie.client.mlflow.read import NOTHING
from regie.client.mlflow.things import Said
from regie.client.mlflow.wire import Wire

API_3, SPANS = "/api/3.0/mlflow/", "/v1/traces"
PAGE = 100
# What each server says itself: where its spans and files are, and that the trace is whole.
PLACE, SPANS_IN, FINALIZED = "mlflow.artifactLocation", "mlflow.trace.spansLocation", "mlflow.trace.infoFinalized"
IN_DATABASE = "TRACKING_STORE"
RUN_OF, MODEL_OF = "mlflow.sourceRun", "mlflow.modelId"
ATTACHMENT = "mlflow-attachment:"  # how a span names a file of its trace
SPAN_IDS = {"trace_id": "traceId", "span_id": "spanId", "parent_span_id": "parentSpanId"}
SPANS_AT_ONCE = 500
Bring = Callable[[str], str | None]


def traces(wire: Wire, experiment_id: str, since_ms: int | None = None) -> Iterator[Said]:
    """What is said of the traces of an experiment, oldest first; none on a server older than they are."""
    said = {
        "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}],
        "filter": f"timestamp_ms >= {since_ms}" if since_ms is not None else None, "max_results": PAGE,
        "order_by": ["timestamp_ms ASC"],
    }  # fmt: skip
    try:
        yield from wire.pages(API_3 + "traces/search", "traces", said)
    except RemoteError as error:
        if error.status not in NOTHING:
            raise


def there(wire: Wire, experiment_id: str) -> dict[str, dict[str, str]]:
    """The marks on the traces of an experiment, by trace; a trace without any was not copied."""
    found = traces(wire, experiment_id)
    return {one["trace_id"]: {key: value for key, value in _tags(one).items() if key.startswith(marks.PREFIX)} for one in found}


class Traces:
    """Moves traces; threads may share it."""

    def __init__(self, filler: Filler) -> None:
        self.filler, self.source, self.writer, self.report = filler, filler.source, filler.writer, filler.report

    def is_there(self, said: Said, known: Mapping[str, dict[str, str]]) -> bool:
        """Whether nothing is to be done: it first was there, or came whole and has not changed since."""
        if said["trace_id"] not in known:
            return False
        tags = known[said["trace_id"]]
        return not tags or (said.get("state") != "IN_PROGRESS" and Mark.of(tags).says(digest(said), self.filler.wish.files))

    def move(self, said: Said, experiment_id: str) -> None:
        """Copy one trace, or what of it is new."""
        trace_id = said["trace_id"]
        tags = {**self.filler.tags(_own(said)), marks.SOURCE: self.source.url}
        info = {
            **{name: value for name, value in said.items() if name not in ("tags", "trace_metadata")},
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}},
            "tags": tags, "trace_metadata": self._metadata(said),
        }  # fmt: skip
        made = self.writer.send(API_3 + "traces", {"trace": {"trace_info": info}})["trace"]["trace_info"]
        spans = self.source.get(API_3 + "traces/get", trace_id=trace_id, allow_partial="true")["trace"].get("spans") or []
        for place in range(0, len(spans), SPANS_AT_ONCE):
            self._spans(spans[place : place + SPANS_AT_ONCE], experiment_id)
        elsewhere = _tags(said).get(SPANS_IN) != IN_DATABASE or ATTACHMENT in json.dumps(spans)
        if self.filler.wish.files and elsewhere:
            self.filler.files(Root(_tags(said).get(PLACE, "")), Root(_tags(made).get(PLACE, "")), f"trace {trace_id}")
        # Once more, with the mark: stock has counted the trace's duration anew from its spans.
        tags[marks.COMPLETE] = str(Mark(trace_id, digest(said), self.filler.wish.files))
        self.writer.send(API_3 + "traces", {"trace": {"trace_info": info}})
        self.report.add("traces")
        self.report.add("spans", len(spans))

    def _metadata(self, said: Said) -> dict[str, str]:
        ids = self.filler.ledger.ids
        found = {key: value for key, value in (said.get("trace_metadata") or {}).items() if key != FINALIZED}
        return found | {name: ids.get(found[name], found[name]) for name in (RUN_OF, MODEL_OF) if name in found}

    def _spans(self, spans: list[Said], experiment_id: str) -> None:
        said = {"resourceSpans": [{"scopeSpans": [{"spans": [otlp(one) for one in spans]}]}]}
        self.writer.lease.hold()
        self.writer.wire.send(SPANS, said, headers={"x-mlflow-experiment-id": experiment_id})


def otlp(span: Said) -> dict[str, Any]:
    """A span as OTLP's JSON, which writes ids in hexadecimal where MLflow's wire has base64."""
    found: dict[str, Any] = {
        SPAN_IDS.get(name, name): _hex(value) if name in SPAN_IDS else value for name, value in span.items()
    }  # fmt: skip
    if found.get("links"):
        found["links"] = [otlp(one) for one in found["links"]]
    return found


def digest(said: Said) -> str:
    """What the source says of a trace, in 16 digits."""
    left = ("trace_location", "tags", "trace_metadata")
    kept: dict[str, Any] = {name: value for name, value in said.items() if name not in left}
    metadata = said.get("trace_metadata") or {}
    kept |= {
        "tags": _own(said),
        "metadata": {key: value for key, value in metadata.items() if key not in (FINALIZED, RUN_OF, MODEL_OF)},
    }
    kept["assessments"] = sorted(json.dumps(one, sort_keys=True) for one in said.get("assessments") or [])
    return sha256(json.dumps(kept, sort_keys=True).encode()).removeprefix("sha256:")[: marks.DIGEST]


def _own(said: Said) -> dict[str, str]:
    return {key: value for key, value in marks.own(_tags(said)).items() if key not in (PLACE, SPANS_IN)}


def _tags(said: Said) -> dict[str, str]:
    return dict(said.get("tags") or {})


def _hex(value: str) -> str:
    return base64.b64decode(value).hex()
