"""Removing what was deleted: since when it is, and what each removal did. Artifacts ordered by the bytes of their paths."""

import sqlalchemy as sa
from alembic import op

from regie.base.clock import wall_ms

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "collections",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("removed", sa.Text(), nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("started_wall_ms", sa.BigInteger(), nullable=False),
        sa.Column("ended_wall_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
    )
    op.add_column("runs", sa.Column("deleted_with_experiment", sa.Boolean(), nullable=True))
    runs = sa.table("runs", sa.column("lifecycle"), sa.column("deleted_wall_ms"), sa.column("deleted_with_experiment"))
    deleted = runs.c.lifecycle == "deleted"
    # Until now only those that were deleted with their experiment said when; the window of the others begins today.
    op.execute(runs.update().where(deleted, runs.c.deleted_wall_ms.is_not(None)).values(deleted_with_experiment=True))
    op.execute(runs.update().where(deleted, runs.c.deleted_wall_ms.is_(None)).values(deleted_wall_ms=wall_ms()))
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE artifacts ALTER COLUMN path TYPE VARCHAR(1000) COLLATE "C"')
