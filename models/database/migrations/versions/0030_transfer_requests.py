"""What else an official client gives with exports and imports, and the key of an export's file."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

JsonType = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("exports", sa.Column("fields", JsonType))
    op.add_column("exports", sa.Column("dry_data", sa.Boolean()))
    op.add_column("exports", sa.Column("total_count", sa.BigInteger()))
    op.add_column("exports", sa.Column("attachment_key", sa.String(64)))
    op.add_column("imports", sa.Column("skip_errors", sa.Boolean()))


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
