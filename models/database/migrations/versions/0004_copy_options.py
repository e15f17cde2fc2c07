"""copy options of our own: today's prices, and what to do with the stock."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "order_factories",
        sa.Column("refresh_prices", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "order_factories",
        sa.Column("stock", sa.String(length=8), server_default="take", nullable=False),
    )
