"""Indexes for lists of orders and of copies with the newest first."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("order_factories", "orders"):
        op.create_index(f"ix_{table}_created_at", table, ["created_at", "id"])


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
