"""Failed renewals that wait for another payment source."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAME = "waits_for_payment_source"


def upgrade() -> None:
    column = sa.Column[bool](NAME, sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("order_factories", column)
    op.create_index(
        f"ix_order_factories_{NAME}",
        "order_factories",
        ["order_subscription_id"],
        sqlite_where=sa.text(NAME),
        postgresql_where=sa.text(NAME),
    )


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
