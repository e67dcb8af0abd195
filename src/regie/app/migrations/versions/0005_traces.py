"""Traces: what MLflow's client records of single calls."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "traces",
        sa.Column("key", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=50), nullable=False),
        sa.Column("workspace", sa.String(length=64), nullable=False),
        sa.Column("experiment_id", sa.String(length=64), nullable=False),
        sa.Column("creator", sa.String(length=200), nullable=False),
        sa.Column("start_wall_ms", sa.BigInteger(), nullable=False),
        sa.Column("duration_wall_ms", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("client_request_id", sa.Text(), nullable=True),
        sa.Column("request_preview", sa.Text(), nullable=True),
        sa.Column("response_preview", sa.Text(), nullable=True),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("has_spans", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_traces")),
    )
    op.create_index("uq_traces_id", "traces", ["workspace", "id"], unique=True)
    op.create_index(op.f("ix_traces_experiment_id_start_wall_ms_id"), "traces", ["experiment_id", "start_wall_ms", "id"], unique=False)
    for name in ("trace_tags", "trace_metadata"):
        op.create_table(
            name,
            sa.Column("trace", sa.Integer(), autoincrement=False, nullable=False),
            sa.Column("key", sa.String(length=250), nullable=False),
            sa.Column("value", sa.Text(), nullable=False),
            sa.PrimaryKeyConstraint("trace", "key", name=op.f(f"pk_{name}")),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "spans",
        sa.Column("trace", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=16), nullable=False),
        sa.Column("parent_id", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("start_ns", sa.BigInteger(), nullable=False),
        sa.Column("usage", sa.Text(), nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("trace", "id", name=op.f("pk_spans")),
    )
    op.create_table(
        "trace_runs",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("trace", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "trace", name=op.f("pk_trace_runs")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_trace_runs_trace"), "trace_runs", ["trace"], unique=False)
    op.create_table(
        "assessments",
        sa.Column("trace", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=50), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=250), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("number", sa.Float(precision=53), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("source_type", sa.String(length=32), nullable=False),
        sa.Column("source_id", sa.String(length=250), nullable=False),
        sa.Column("span_id", sa.String(length=50), nullable=True),
        sa.Column("rationale", sa.Text(), nullable=True),
        sa.Column("overrides", sa.String(length=50), nullable=True),
        sa.Column("valid", sa.Boolean(), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("created_wall_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_wall_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trace", "id", name=op.f("pk_assessments")),
    )
