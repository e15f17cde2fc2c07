"""Copy options for drafts and cancelled source orders, and for gift cards."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

TABLES = ("order_factories", "order_subscriptions")


def upgrade() -> None:
    for table in TABLES:
        flag = sa.Column[bool](
            "any_source_status", sa.Boolean(), server_default=sa.false(), nullable=False
        )
        op.add_column(table, flag)
        policy = sa.Column[str](
            "gift_cards", sa.String(length=4), server_default="drop", nullable=False
        )
        op.add_column(table, policy)


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "gift_cards")
        op.drop_column(table, "any_source_status")
