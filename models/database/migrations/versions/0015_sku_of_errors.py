"""Add the SKU that an error is about, also to the errors that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("copy_errors", sa.Column[str]("sku_code", sa.Text(), nullable=True))
    op.execute(
        sa.text(
            "UPDATE copy_errors SET sku_code = "
            "(SELECT line_items.sku_code FROM line_items "
            "WHERE line_items.id = copy_errors.line_item_id) "
            "WHERE line_item_id IS NOT NULL"
        )
    )
    # A shortage is about all lines of a SKU; until now only its message named the SKU.
    op.execute(
        sa.text(
            "UPDATE copy_errors SET sku_code = (SELECT MIN(line_items.sku_code) FROM line_items "
            "JOIN order_factories ON order_factories.source_order_id = line_items.order_id "
            "WHERE order_factories.id = copy_errors.order_factory_id "
            "AND SUBSTR(copy_errors.message, 1, LENGTH(line_items.sku_code) + 6) "
            "= 'SKU ' || line_items.sku_code || ': ') "
            "WHERE code = 'not_enough_stock'"
        )
    )


def downgrade() -> None:
    op.drop_column("copy_errors", "sku_code")
