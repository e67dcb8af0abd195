"""Rollouts and wanted routes."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, text

from regie.store.tables import crown, domain, metadata

LIVE = ("waiting", "running")

rollouts = Table(
    "rollouts", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("endpoint", String(128), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("model", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("incumbent", Integer),
    Column("state", String(16), nullable=False),  # waiting, running, finished, aborted, superseded
    Column("stage", Integer, nullable=False),
    Column("entered_ms", BigInteger),
    Column("generation", BigInteger, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("spec", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("because", String(64), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger),
    Column("ended_ms", BigInteger),
    Index(None, "workspace", "endpoint", "state"),
    # One running rollout an endpoint: kept by the database, so no race can break it.
    Index("uq_rollouts_running", "workspace", "endpoint", "environment", unique=True,
          sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'")),
    info=domain(),
)  # fmt: skip

routes = Table(
    "routes", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("endpoint", String(128), primary_key=True),
    Column("environment", String(64), nullable=False),
    Column("model", String(255), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("variants", Text, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    info=crown("rollout.step", "rollout.abort", "model.rollback"),
)  # fmt: skip
