"""Copies with other lines than their source orders."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_OBJECTS = ("quantities", "swap_skus", "add_lines")


def upgrade() -> None:
    kind = sa.JSON(none_as_null=True).with_variant(
        postgresql.JSONB(none_as_null=True), "postgresql"
    )
    for name in _OBJECTS:
        op.add_column("order_factories", sa.Column[object](name, kind))


def downgrade() -> None:
    for name in reversed(_OBJECTS):
        op.drop_column("order_factories", name)
