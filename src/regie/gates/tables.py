"""What became of challengers at the gates, with the evidence, and the approvals that were asked of people."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text, text

from regie.store.tables import domain, metadata

qualifications = Table(
    "qualifications", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("model", String(255), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", String(16), nullable=False),  # waiting, judging, passed, failed, dropped
    Column("attempts", Integer, nullable=False),
    Column("next_ms", BigInteger, nullable=False),  # not judged before: the holdout must hold unseen mature rows
    Column("champion", Integer),  # the incumbent that it was last judged against
    Column("because", String(200), nullable=False),
    Column("cause", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("judged_ms", BigInteger),
    Index(None, "workspace", "state"),
    info=domain(),
)  # fmt: skip

evidence = Table(
    "evidence", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("model", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("gate", String(200), nullable=False),
    Column("verdict", String(32), nullable=False),  # passed, failed, not_enough_evidence, not_applicable
    Column("value", Float),
    Column("low", Float),
    Column("high", Float),
    Column("bound", Float),
    Column("champion", Integer),
    Column("champion_value", Float),
    Column("rows", BigInteger, nullable=False),
    Column("blocks", Integer, nullable=False),
    Column("holdout", Text, nullable=False),  # digest and bounds of the rows it was judged on
    Column("detail", Text, nullable=False),
    Column("judged_ms", BigInteger, nullable=False),
    Index(None, "workspace", "model", "version"),
    info=domain(),
)  # fmt: skip

approvals = Table(
    "approvals", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("model", String(255), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # pending, granted, refused, expired, superseded
    Column("role", String(64), nullable=False),  # the one that decides
    # What it speaks of: the files, one judgement of the gates, and what the file promised of the release.
    Column("package", String(71), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("judged_ms", BigInteger, nullable=False),
    Column("champion", Integer),
    Column("promises", String(71), nullable=False),
    Column("spec_digest", String(71), nullable=False),
    Column("requested_ms", BigInteger, nullable=False),
    Column("deadline_ms", BigInteger, nullable=False),
    Column("decided_ms", BigInteger),
    Column("decided_by", String(200), nullable=False),  # empty until then
    Column("reason", Text, nullable=False),
    Column("because", String(64), nullable=False),  # why it was asked; then why it ended
    Column("cause", Text, nullable=False),
    Index(None, "workspace", "model", "version"),
    # One question at a time: kept by the database, so no race can break it.
    Index("uq_approvals_pending", "workspace", "environment", "model", unique=True,
          sqlite_where=text("state = 'pending'"), postgresql_where=text("state = 'pending'")),
    info=domain(),
)  # fmt: skip
