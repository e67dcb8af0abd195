"""Events, audit records and signals found by what they say and when; what each verification of the audit chain found."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verifications",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("wall_ms", sa.BigInteger(), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("anchored", sa.BigInteger(), nullable=True),
        sa.Column("broken", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
    )
    for table, columns in (
        ("events", ("workspace", "seq")),
        ("events", ("workspace", "time_ms", "seq")),
        ("events", ("workspace", "correlationid", "seq")),
        ("audit_records", ("workspace", "actor", "seq")),
        ("audit_records", ("workspace", "action", "seq")),
        ("audit_records", ("workspace", "wall_ms", "seq")),
        ("signals", ("workspace", "monitor", "to_ms")),
    ):
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    op.create_index("ix_events_subject", "events", ["workspace", sa.text("substr(subject, 1, 64)"), "seq"])
    op.create_index("ix_audit_records_target", "audit_records", ["workspace", sa.text("substr(target, 1, 64)"), "seq"])
    not_done = sa.text("result != 'done'")
    op.create_index(
        "ix_audit_records_not_done",
        "audit_records",
        ["workspace", "result", "seq"],
        sqlite_where=not_done,
        postgresql_where=not_done,
    )
