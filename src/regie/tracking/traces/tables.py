"""The tables of traces: measurements, written in batches and not audited one by one.

A trace is known by its id within its workspace; everything else points to it by its short integer `key`. Spans are kept as the JSON
that MLflow's wire shows, so that reading a trace joins texts; what filters ask for stands beside it in columns.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from regie.store.tables import MEASUREMENT, metadata

traces = Table(
    "traces", metadata,
    Column("key", Integer, primary_key=True, autoincrement=True),
    Column("id", String(50), nullable=False),
    Column("workspace", String(64), nullable=False),
    Column("experiment_id", String(64), nullable=False),
    Column("creator", String(200), nullable=False),  # a task writes to traces of its own only
    Column("start_wall_ms", BigInteger, nullable=False),
    Column("duration_wall_ms", BigInteger),
    Column("state", String(20), nullable=False),  # STATE_UNSPECIFIED, OK, ERROR, IN_PROGRESS
    Column("client_request_id", Text),
    Column("request_preview", Text),
    Column("response_preview", Text),
    Column("final", Boolean, nullable=False),  # the client has said how it ended; what spans say no longer counts
    Column("has_spans", Boolean, nullable=False),  # else its spans lie among its artifacts, if anywhere
    Index("uq_traces_id", "workspace", "id", unique=True),
    Index(None, "experiment_id", "start_wall_ms", "id"),
    info=MEASUREMENT,
)  # fmt: skip

trace_tags = Table(
    "trace_tags", metadata,
    Column("trace", Integer, primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=MEASUREMENT, sqlite_with_rowid=False,
)  # fmt: skip

trace_metadata = Table(
    "trace_metadata", metadata,
    Column("trace", Integer, primary_key=True, autoincrement=False),
    Column("key", String(250), primary_key=True),
    Column("value", Text, nullable=False),
    info=MEASUREMENT, sqlite_with_rowid=False,
)  # fmt: skip

spans = Table(
    "spans", metadata,
    Column("trace", Integer, primary_key=True, autoincrement=False),
    Column("id", String(16), primary_key=True),  # hexadecimal
    Column("parent_id", String(16), nullable=False),  # empty: the root
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", String(8), nullable=False),  # OK, ERROR, UNSET
    Column("start_ns", BigInteger, nullable=False),
    Column("usage", Text),  # JSON: the tokens that it cost
    Column("content", Text, nullable=False),  # the JSON of opentelemetry.proto.trace.v1.Span
    info=MEASUREMENT,
)  # fmt: skip

# The run in which a trace was made, and those to which it is linked.
trace_runs = Table(
    "trace_runs", metadata,
    Column("run_id", String(32), primary_key=True),
    Column("trace", Integer, primary_key=True, autoincrement=False),
    Index(None, "trace"),
    info=MEASUREMENT, sqlite_with_rowid=False,
)  # fmt: skip

assessments = Table(
    "assessments", metadata,
    Column("trace", Integer, primary_key=True, autoincrement=False),
    Column("id", String(50), primary_key=True),
    Column("kind", String(16), nullable=False),  # feedback, expectation, issue
    Column("name", String(250), nullable=False),
    Column("value", Text, nullable=False),  # JSON
    Column("number", Float(53)),  # the value, where it is a number
    Column("error", Text),  # JSON
    Column("source_type", String(32), nullable=False),
    Column("source_id", String(250), nullable=False),
    Column("span_id", String(50)),
    Column("rationale", Text),
    Column("overrides", String(50)),
    Column("valid", Boolean, nullable=False),  # false: another one overrides it
    Column("metadata", Text),  # JSON
    Column("created_wall_ms", BigInteger, nullable=False),
    Column("updated_wall_ms", BigInteger, nullable=False),
    info=MEASUREMENT,
)  # fmt: skip
