"""Subscriptions say how their orders are copied: all copy options, not only whether to place."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

FLAGS = {
    "reuse_wallet": sa.true(),
    "skip_errors": sa.false(),
    "cancel_source_order": sa.false(),
    "apply_promotions": sa.false(),
    "ignore_invalid_coupon": sa.false(),
    "refresh_prices": sa.false(),
}


def upgrade() -> None:
    for name, default in FLAGS.items():
        column = sa.Column[bool](name, sa.Boolean(), server_default=default, nullable=False)
        op.add_column("order_subscriptions", column)
    stock = sa.Column("stock", sa.String(length=8), server_default="take", nullable=False)
    op.add_column("order_subscriptions", stock)


def downgrade() -> None:
    for name in (*FLAGS, "stock"):
        op.drop_column("order_subscriptions", name)
