"""What a trace is, and the limits of what a client may say about one."""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from regie.base.errors import BadInput
from regie.tracking.types import KEY_LENGTH, TAG_LENGTH

STATES = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")  # in the order of their numbers on the wire
OPEN_STATES = ("STATE_UNSPECIFIED", "IN_PROGRESS")
NAME, RUN, SESSION, USER = "mlflow.traceName", "mlflow.sourceRun", "mlflow.trace.session", "mlflow.trace.user"
USAGE, SIZES = "mlflow.trace.tokenUsage", "mlflow.trace.sizeStats"
PLACE, SPANS_IN = "mlflow.artifactLocation", "mlflow.trace.spansLocation"
# What we derive when a trace is shown, and what stock keeps for itself: nobody writes it as a tag.
OUR_TAGS = frozenset({PLACE, SPANS_IN, "mlflow.trace.archiveLocation", "mlflow.trace.archivalFailure"})
FINALIZED = "mlflow.trace.infoFinalized"  # stock's mark in the metadata; ours is a column
MAX_LINKS, MAX_IDS = 100, 500
LAST_MS = 253_402_300_799_999  # the end of the year 9999, as far as the wire's times go
_ID = re.compile(r"[0-9A-Za-z_-]{1,50}")
KINDS = ("feedback", "expectation", "issue")
SOURCES = ("SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE")


@dataclass(frozen=True)
class Trace:
    """One recorded call. `key` is what everything else points to."""

    key: int
    id: str
    workspace: str
    experiment_id: str
    creator: str
    start_wall_ms: int
    duration_wall_ms: int | None
    state: str
    client_request_id: str | None
    request_preview: str | None
    response_preview: str | None
    final: bool
    has_spans: bool

    @property
    def root(self) -> str:
        """Where its artifacts lie."""
        return f"traces/{self.id}"


@dataclass(frozen=True)
class Span:
    """One step of a trace. Ids are hexadecimal; an empty `parent_id` marks the root; `content` is JSON as the wire shows it."""

    id: str
    parent_id: str
    name: str
    type: str
    status: str
    start_ns: int
    end_ns: int
    content: str


@dataclass(frozen=True)
class SpanSaid:
    """A span as it came, and what it says of its trace: the root alone speaks of previews and tags."""

    trace_id: str
    span: Span
    tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    request_preview: str | None = None
    response_preview: str | None = None
    usage: dict[str, int] | None = None


@dataclass(frozen=True)
class Assessment:
    """What somebody, or a program, thinks of a trace. `value` and `error` are what JSON can say."""

    id: str
    kind: str
    name: str
    value: Any
    error: dict[str, str] | None
    source_type: str
    source_id: str
    span_id: str | None
    rationale: str | None
    overrides: str | None
    valid: bool
    metadata: dict[str, str]
    created_wall_ms: int
    updated_wall_ms: int

    @property
    def number(self) -> float | None:
        """The value, where it is a number: what < and > compare."""
        return float(self.value) if isinstance(self.value, int | float) and not isinstance(self.value, bool) else None

    def changed(self, **values: Any) -> "Assessment":
        return replace(self, **values)


@dataclass(frozen=True)
class TraceSaid:
    """What a client says of a whole trace."""

    id: str
    start_wall_ms: int
    duration_wall_ms: int | None = None
    state: str = "STATE_UNSPECIFIED"
    client_request_id: str | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    assessments: list[Assessment] = field(default_factory=list)


@dataclass
class TraceData:
    """What is said of a trace beside its row; how many of its spans are here, and whether the client left them among its files."""

    tags: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    assessments: list[Assessment] = field(default_factory=list)
    spans: int = 0
    left: bool = False

    @property
    def complete(self) -> bool:
        """Whether as many spans are here as the client counted."""
        try:
            expected = int(json.loads(self.metadata.get(SIZES, "{}")).get("num_spans", 0))
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
            expected = 0
        return self.spans >= max(expected, 1)


def trace_id_of(said: str) -> str:
    """A usable id. Raises BadInput."""
    if not _ID.fullmatch(said):
        raise BadInput(f"{said[:60]!r} is no id of a trace", "trace_id", "up to 50 letters, digits, _ and -")
    return said


def entries(said: dict[str, str], what: str) -> dict[str, str]:
    """Tags or metadata as they are kept: long values are cut, as stock's client does. Raises BadInput for a key that is none."""
    for key in said:
        if not key or len(key) > KEY_LENGTH:
            raise BadInput(f"{key[:40]!r} is no key", what, f"write 1 to {KEY_LENGTH} characters")
    return {key: value[:TAG_LENGTH] for key, value in sorted(said.items())}
