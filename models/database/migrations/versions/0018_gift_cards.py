"""Gift cards with their balances and uses, and the copy option that uses them again."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from order_factory.models.values.keys import comparison_key

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonObject = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OPTION_TABLES = ("order_factories", "order_subscriptions")
_ROWS_AT_ONCE = 10_000


def upgrade() -> None:
    op.create_table(
        "gift_cards",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_key", sa.Text(), nullable=True),
        sa.Column("status", sa.String(16), server_default="active", nullable=False),
        sa.Column("currency_code", sa.String(3), nullable=False),
        sa.Column("initial_balance_cents", sa.BigInteger(), nullable=False),
        sa.Column("balance_cents", sa.BigInteger(), nullable=False),
        sa.Column(
            "other_changes_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("single_use", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("expires_at", Time, nullable=True),
        *_described(),
        sa.Column("mode", sa.String(4), server_default="live", nullable=False),
        sa.CheckConstraint("balance_cents >= 0", name=op.f("ck_gift_cards_balance_not_negative")),
        sa.CheckConstraint(
            "initial_balance_cents >= 0", name=op.f("ck_gift_cards_initial_balance_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift_cards")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_gift_cards_mode_code_key", "gift_cards", ["mode", "code_key"], unique=True)
    op.create_table(
        "gift_card_uses",
        sa.Column("id", BigId, nullable=False),
        sa.Column("gift_card_id", BigId, nullable=False),
        sa.Column("order_id", BigId, nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        *_described(),
        sa.CheckConstraint("amount_cents > 0", name=op.f("ck_gift_card_uses_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["gift_card_id"], ["gift_cards.id"], name=op.f("fk_gift_card_uses_gift_card_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("fk_gift_card_uses_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gift_card_uses")),
        sqlite_autoincrement=True,
    )
    held = sa.text("status <> 'released'")
    op.create_index(
        "uq_gift_card_uses_order_id",
        "gift_card_uses",
        ["order_id"],
        unique=True,
        sqlite_where=held,
        postgresql_where=held,
    )
    op.create_index("ix_gift_card_uses_gift_card_id", "gift_card_uses", ["gift_card_id"])
    op.add_column("orders", sa.Column("gift_card_code_key", sa.Text(), nullable=True))
    _fill_keys(op.get_bind())
    for table in OPTION_TABLES:
        _change_option(table, 8, "reuse")


def _described() -> list[sa.Column[Any]]:
    return [
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column("created_at", Time, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", Time, server_default=sa.func.now(), nullable=False),
    ]


def _change_option(table: str, length: int, default: str) -> None:
    """Give the option another length and default; the rows keep what they have.

    SQLite cannot change a column, so another one takes its place.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column(table, "gift_cards", type_=sa.String(length), server_default=default)
        return
    new = sa.Column[str]("new", sa.String(length), server_default=default, nullable=False)
    op.add_column(table, new)
    op.execute(sa.text(f"UPDATE {table} SET new = gift_cards"))
    op.drop_column(table, "gift_cards")
    op.alter_column(table, "new", new_column_name="gift_cards")


def _fill_keys(db: sa.Connection) -> None:
    """Compute the keys of the orders' gift card codes."""
    orders = sa.table(
        "orders",
        sa.column("id", sa.BigInteger),
        sa.column("gift_card_code", sa.Text),
        sa.column("gift_card_code_key", sa.Text),
    )
    write = (
        sa.update(orders)
        .where(orders.c.id == sa.bindparam("row"))
        .values(gift_card_code_key=sa.bindparam("key"))
    )
    last = 0
    while True:
        coded = sa.select(orders.c.id, orders.c.gift_card_code)
        coded = coded.where(orders.c.id > last, orders.c.gift_card_code.is_not(None))
        found = db.execute(coded.order_by(orders.c.id).limit(_ROWS_AT_ONCE)).all()
        if not found:
            return
        last = found[-1].id
        db.execute(write, [{"row": row, "key": comparison_key(code)} for row, code in found])


def downgrade() -> None:
    for table in OPTION_TABLES:
        op.execute(
            sa.text(f"UPDATE {table} SET gift_cards = 'drop' WHERE gift_cards NOT IN ('fail')")
        )
        _change_option(table, 4, "drop")
    op.drop_column("orders", "gift_card_code_key")
    op.drop_table("gift_card_uses")
    op.drop_table("gift_cards")
