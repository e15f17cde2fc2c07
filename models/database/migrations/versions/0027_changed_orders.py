"""Notes of orders, and copies with another customer, address, market, currency or notes."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_TEXTS = (
    "target_customer",
    "target_billing_address",
    "target_shipping_address",
    "target_market",
    "target_currency",
    "target_notes",
)


def upgrade() -> None:
    op.add_column("orders", sa.Column[str]("notes", sa.Text()))
    for name in _TEXTS:
        op.add_column("order_factories", sa.Column[str](name, sa.String()))


def downgrade() -> None:
    for name in reversed(_TEXTS):
        op.drop_column("order_factories", name)
    op.drop_column("orders", "notes")
