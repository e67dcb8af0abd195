"""What a run's graph is, which run it repeats, what a living task prints; the columns of a snapshot."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pipeline_runs", sa.Column("graph", sa.String(length=71), nullable=False, server_default=sa.text("''")))
    op.add_column("pipeline_runs", sa.Column("again_of", sa.String(length=32), nullable=False, server_default=sa.text("''")))
    op.add_column("pipeline_runs", sa.Column("fresh", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("pipeline_runs", sa.Column("as_of_ms", sa.BigInteger(), nullable=True))
    op.add_column("snapshots", sa.Column("columns", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "task_logs",
        sa.Column("task_id", sa.String(length=32), nullable=False),
        sa.Column("at_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "at_bytes", name=op.f("pk_task_logs")),
    )
