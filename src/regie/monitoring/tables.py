"""What monitors computed, and the windows that broke their promise."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text, UniqueConstraint, text

from regie.store.tables import domain, metadata

signals = Table(
    "signals", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("monitor", String(200), nullable=False),
    Column("kind", String(16), nullable=False),  # quality, drift
    Column("version", Integer, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger, nullable=False),
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("bound", Float),
    Column("rows", BigInteger, nullable=False),
    Column("coverage", Float),
    Column("verdict", String(16), nullable=False),  # kept, broken, none
    Column("because", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Column("computed_ms", BigInteger, nullable=False),
    UniqueConstraint("workspace", "monitor", "version", "to_ms"),
    Index(None, "workspace", "monitor", "to_ms"),
    info=domain(),
)  # fmt: skip

breaches = Table(
    "breaches", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("monitor", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("signal", String(32), nullable=False),
    Column("state", String(16), nullable=False),  # open, closed
    Column("because", String(200), nullable=False),
    Column("cause", Text, nullable=False),
    Column("opened_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Index("uq_breaches_open", "workspace", "monitor", unique=True,
          sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'")),
    info=domain(),
)  # fmt: skip
