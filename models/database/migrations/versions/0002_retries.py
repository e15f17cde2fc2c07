"""retries: a factory remembers the failed one that it tries again."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NAME = "fk_order_factories_retry_of_id"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # SQLite adds a key to a table that is there only together with its column.
        op.execute(
            "ALTER TABLE order_factories ADD COLUMN retry_of_id INTEGER "
            f"CONSTRAINT {NAME} REFERENCES order_factories (id)"
        )
    else:
        op.add_column("order_factories", sa.Column("retry_of_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(NAME, "order_factories", "order_factories", ["retry_of_id"], ["id"])
    op.create_index(
        "uq_order_factories_retry_of_id",
        "order_factories",
        ["retry_of_id"],
        unique=True,
        sqlite_where=sa.text("retry_of_id IS NOT NULL"),
        postgresql_where=sa.text("retry_of_id IS NOT NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
