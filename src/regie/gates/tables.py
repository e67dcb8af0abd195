"""What became of challengers at the gates, with the evidence."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, String, Table, Text

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
