"""Copies that are merged into an open order."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_TABLE, _NAME = "order_factories", "merged_order_id"
_KEY = f"fk_{_TABLE}_{_NAME}"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column[str]("merge_into", sa.String()))
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"ALTER TABLE {_TABLE} ADD COLUMN {_NAME} INTEGER "
            f"CONSTRAINT {_KEY} REFERENCES orders (id)"
        )
    else:
        op.add_column(_TABLE, sa.Column(_NAME, sa.BigInteger(), nullable=True))
        op.create_foreign_key(_KEY, _TABLE, "orders", [_NAME], ["id"])
    where = sa.text(f"{_NAME} IS NOT NULL")
    op.create_index(
        f"ix_{_TABLE}_{_NAME}", _TABLE, [_NAME], sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
