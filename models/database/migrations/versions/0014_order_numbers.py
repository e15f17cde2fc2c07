"""Every order has a number from the start: the orders without one get theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """As copies are numbered: the key, and the factory where the shop has given that away."""
    op.execute(
        sa.text(
            "UPDATE orders SET number = CASE WHEN EXISTS (SELECT 1 FROM orders AS numbered "
            "WHERE numbered.mode = orders.mode "
            "AND numbered.number = 'OF' || CAST(orders.id AS VARCHAR)) "
            "THEN 'OF' || CAST(orders.id AS VARCHAR) || '-' "
            "|| COALESCE(CAST(orders.order_factory_id AS VARCHAR), '0') "
            "ELSE 'OF' || CAST(orders.id AS VARCHAR) END WHERE number IS NULL"
        )
    )


def downgrade() -> None:
    """The numbers stay: they may have been told to somebody."""
