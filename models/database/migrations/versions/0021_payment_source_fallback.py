"""What pays where a saved payment source is lost, and what a customer has to do."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

OPTION_TABLES = ("order_factories", "order_subscriptions")


def upgrade() -> None:
    for table in OPTION_TABLES:
        option = sa.Column[str](
            "payment_source_fallback", sa.String(16), server_default="default", nullable=False
        )
        op.add_column(table, option)
    refused = sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("payment_sources", refused)
    default = sa.Column[bool]("is_default", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("customer_payment_sources", default)
    op.add_column("transactions", sa.Column[str]("customer_action", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("transactions", "customer_action")
    op.drop_column("customer_payment_sources", "is_default")
    op.drop_column("payment_sources", "refused_at")
    for table in OPTION_TABLES:
        op.drop_column(table, "payment_source_fallback")
