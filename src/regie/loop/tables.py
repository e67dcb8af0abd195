"""What the loop itself remembers: fired reactions and the next time of each schedule."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from regie.store.tables import domain, metadata

reactions = Table(
    "reactions", metadata,
    Column("id", String(32), primary_key=True),
    Column("workspace", String(64), nullable=False),
    Column("reaction", String(200), nullable=False),  # its identity in regie.yaml
    Column("pipeline", String(128), nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("breach", String(32), nullable=False),  # the breach or event that started it, or empty
    Column("because", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("fired_ms", BigInteger, nullable=False),
    Index(None, "workspace", "reaction", "fired_ms"),
    info=domain(),
)  # fmt: skip

schedules = Table(
    "schedules", metadata,
    Column("workspace", String(64), primary_key=True),
    Column("reaction", String(200), primary_key=True),
    Column("next_ms", BigInteger, nullable=False),
    info=domain(),
)  # fmt: skip
