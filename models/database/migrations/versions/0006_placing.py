"""What placing keeps: reserved stock, who got which of it, and what gateways were asked."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonObject = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RESERVED = "ck_stock_items_reserved_within_quantity"
WITHIN = "reserved >= 0 AND reserved <= quantity"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # SQLite adds a check to a table that is there only together with its column.
        op.execute(
            "ALTER TABLE stock_items ADD COLUMN reserved BIGINT DEFAULT 0 NOT NULL "
            f"CONSTRAINT {RESERVED} CHECK ({WITHIN})"
        )
    else:
        zero = sa.Column("reserved", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        op.add_column("stock_items", zero)
        op.create_check_constraint(op.f(RESERVED), "stock_items", WITHIN)
    _create_stock_reservations()
    _create_transactions()


def _create_stock_reservations() -> None:
    op.create_table(
        "stock_reservations",
        sa.Column("id", BigId, nullable=False),
        sa.Column("order_id", BigId, nullable=False),
        sa.Column("stock_item_id", BigId, nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        *_described(),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_stock_reservations_quantity_is_positive")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_stock_reservations_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["stock_item_id"], ["stock_items.id"], name=op.f("fk_stock_reservations_stock_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_reservations")),
        sqlite_autoincrement=True,
    )
    _unique_where(
        "uq_stock_reservations_order_id_stock_item_id",
        "stock_reservations",
        ["order_id", "stock_item_id"],
        "status <> 'released'",
    )


def _create_transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("type", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="unknown", nullable=False),
        sa.Column("order_id", BigId, nullable=False),
        sa.Column("order_factory_id", BigId, nullable=False),
        sa.Column("authorization_id", BigId, nullable=True),
        sa.Column("gateway", sa.String(length=32), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(length=3), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("error_code", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("claimed_by", sa.BigInteger(), nullable=True),
        sa.Column("calls", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        *_described(),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_transactions_amount_is_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_transactions_order_id")),
        sa.ForeignKeyConstraint(
            ["order_factory_id"],
            ["order_factories.id"],
            name=op.f("fk_transactions_order_factory_id"),
        ),
        sa.ForeignKeyConstraint(
            ["authorization_id"], ["transactions.id"], name=op.f("fk_transactions_authorization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_transactions_order_id", "transactions", ["order_id"])
    op.create_index("ix_transactions_order_factory_id", "transactions", ["order_factory_id"])
    op.create_index(
        "uq_transactions_idempotency_key", "transactions", ["idempotency_key"], unique=True
    )
    unknown = sa.text("status = 'unknown'")
    op.create_index(
        "ix_transactions_unknown",
        "transactions",
        ["id"],
        sqlite_where=unknown,
        postgresql_where=unknown,
    )
    _unique_where(
        "uq_transactions_order_id_authorization",
        "transactions",
        ["order_id"],
        "type = 'authorizations' AND status <> 'failed'",
    )
    _unique_where(
        "uq_transactions_authorization_id",
        "transactions",
        ["authorization_id"],
        "type <> 'authorizations' AND status <> 'failed'",
    )


def _described() -> list[sa.Column[Any]]:
    moment = sa.DateTime(timezone=True)
    return [
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", moment, server_default=sa.func.now(), nullable=False),
    ]


def _unique_where(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=True, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
