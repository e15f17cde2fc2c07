"""How many uses of coupons and promotions were not by copies; unknown for those that are there."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = ("coupons", "promotions")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column[int]("other_uses", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "other_uses")
