"""Snapshots and labels."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

from regie.store.tables import MEASUREMENT, domain, metadata

snapshots = Table(
    "snapshots", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("dataset", String(128), nullable=False),
    Column("digest", String(71), nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("as_of_ms", BigInteger, nullable=False),
    Column("from_ms", BigInteger),
    Column("to_ms", BigInteger),
    Column("state", String(16), nullable=False),  # ok, broken
    Column("contract", Text, nullable=False),
    Column("columns", Text, nullable=False, server_default="[]"),  # types and simple figures of each column
    Column("cause", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index(None, "workspace", "dataset", "id"),
    Index("uq_snapshots_content", "workspace", "dataset", "digest", unique=True),
    info=domain(),
)  # fmt: skip

labels = Table(
    "labels", metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("workspace", String(64), nullable=False),
    Column("prediction_id", String(48)),
    Column("key", String(500)),
    Column("target_ms", BigInteger),
    Column("value", Float),  # null takes a label back
    Column("text", String(500)),  # a label that is no number, as it was stated
    Column("source", String(128), nullable=False),
    Column("stated_ms", BigInteger, nullable=False),
    Column("wall_ms", BigInteger, nullable=False),
    Index(None, "workspace", "prediction_id"),
    Index(None, "workspace", "key", "target_ms"),
    info=MEASUREMENT,
)  # fmt: skip
