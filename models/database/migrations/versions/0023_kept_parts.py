"""What copies keep of metadata and references."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

OPTION_TABLES = ("order_factories", "order_subscriptions")


def upgrade() -> None:
    for table in OPTION_TABLES:
        metadata = sa.Column[str](
            "keep_metadata", sa.String(), server_default="default", nullable=False
        )
        op.add_column(table, metadata)
        references = sa.Column[str](
            "keep_references", sa.String(8), server_default="default", nullable=False
        )
        op.add_column(table, references)


def downgrade() -> None:
    for table in OPTION_TABLES:
        op.drop_column(table, "keep_references")
        op.drop_column(table, "keep_metadata")
