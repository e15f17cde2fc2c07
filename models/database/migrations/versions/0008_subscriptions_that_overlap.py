"""Several open copies of a subscription, and what ends it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE = "order_subscriptions"
OVERTAKEN = "order_subscription_overtaken_batches"


def upgrade() -> None:
    op.add_column(
        TABLE, sa.Column("while_open", sa.String(length=8), server_default="copy", nullable=False)
    )
    op.add_column(
        TABLE,
        sa.Column("end_with_source_order", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.add_column(TABLE, sa.Column("status_reason", sa.Text(), nullable=True))
    op.drop_index("ix_order_subscriptions_due", TABLE)
    where = sa.text("next_run_at IS NOT NULL")
    op.create_index(
        "ix_order_subscriptions_due",
        TABLE,
        ["next_run_at"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_table(
        OVERTAKEN,
        sa.Column("order_subscription_id", BigId, nullable=False),
        sa.Column("batch_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["order_subscription_id"],
            ["order_subscriptions.id"],
            name=op.f(f"fk_{OVERTAKEN}_order_subscription_id"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["order_factory_batches.id"], name=op.f(f"fk_{OVERTAKEN}_batch_id")
        ),
        sa.PrimaryKeyConstraint("order_subscription_id", "batch_id", name=op.f(f"pk_{OVERTAKEN}")),
    )
    op.create_index(f"ix_{OVERTAKEN}_batch_id", OVERTAKEN, ["batch_id"])


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
