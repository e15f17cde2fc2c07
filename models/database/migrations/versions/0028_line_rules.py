"""Rules for the lines that copies leave out or give today's price."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

OPTION_TABLES = ("order_factories", "order_subscriptions")


def upgrade() -> None:
    for table in OPTION_TABLES:
        rules = sa.Column[str]("repeat_skus", sa.String(), server_default="default", nullable=False)
        op.add_column(table, rules)
    op.add_column("order_factories", sa.Column[str]("applied_repeat_skus", sa.String()))


def downgrade() -> None:
    op.drop_column("order_factories", "applied_repeat_skus")
    for table in OPTION_TABLES:
        op.drop_column(table, "repeat_skus")
