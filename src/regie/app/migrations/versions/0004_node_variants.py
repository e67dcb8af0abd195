"""What serving nodes say of the versions that failed on them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("nodes", sa.Column("variants", sa.Text(), nullable=False, server_default="{}"))
