"""promotions, coupons, SKU lists and prices."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonObject = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _described() -> list[sa.Column[Any]]:
    return [
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column("created_at", Time, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", Time, server_default=sa.func.now(), nullable=False),
    ]


def _mode() -> sa.Column[Any]:
    return sa.Column("mode", sa.String(length=4), server_default="live", nullable=False)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "sku_lists",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        *_described(),
        _mode(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sku_lists")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_sku_lists_mode_name", "sku_lists", ["mode", "name"], unique=True)
    op.create_table(
        "sku_list_items",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sku_list_id", BigId, nullable=False),
        sa.Column("sku_code", sa.Text(), nullable=False),
        *_described(),
        sa.ForeignKeyConstraint(
            ["sku_list_id"], ["sku_lists.id"], name=op.f("fk_sku_list_items_sku_list_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sku_list_items")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_sku_list_items_sku_list_id_sku_code",
        "sku_list_items",
        ["sku_list_id", "sku_code"],
        unique=True,
    )
    op.create_table(
        "promotions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency_code", sa.String(length=3), nullable=True),
        _flag("exclusive"),
        sa.Column("priority", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", Time, nullable=False),
        sa.Column("expires_at", Time, nullable=False),
        sa.Column("disabled_at", Time, nullable=True),
        sa.Column("total_usage_limit", sa.BigInteger(), nullable=True),
        _count("total_usage_count"),
        sa.Column("percentage", sa.BigInteger(), nullable=True),
        sa.Column("fixed_amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("order_amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("sku_list_id", BigId, nullable=True),
        _flag("coupon_required"),
        *_described(),
        _mode(),
        sa.CheckConstraint(
            "(type = 'percentage_discount_promotions') = (percentage IS NOT NULL)",
            name=op.f("ck_promotions_percentage_where_it_is_one"),
        ),
        sa.CheckConstraint(
            "percentage BETWEEN 1 AND 100", name=op.f("ck_promotions_percentage_of_the_whole")
        ),
        sa.CheckConstraint(
            "(type = 'fixed_amount_promotions') = (fixed_amount_cents IS NOT NULL)",
            name=op.f("ck_promotions_fixed_amount_where_it_is_one"),
        ),
        sa.CheckConstraint(
            "fixed_amount_cents > 0", name=op.f("ck_promotions_fixed_amount_above_zero")
        ),
        sa.CheckConstraint(
            "currency_code IS NOT NULL "
            "OR (fixed_amount_cents IS NULL AND order_amount_cents IS NULL)",
            name=op.f("ck_promotions_amounts_have_a_currency"),
        ),
        sa.CheckConstraint(
            "total_usage_count >= 0", name=op.f("ck_promotions_total_usage_count_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["sku_list_id"], ["sku_lists.id"], name=op.f("fk_promotions_sku_list_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promotions")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_promotions_mode_expires_at", "promotions", ["mode", "expires_at"])
    op.create_index("ix_promotions_reference", "promotions", ["reference"])
    op.create_table(
        "coupons",
        sa.Column("id", BigId, nullable=False),
        sa.Column("promotion_id", BigId, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        _flag("customer_single_use"),
        sa.Column("usage_limit", sa.BigInteger(), nullable=True),
        _count("usage_count"),
        sa.Column("recipient_email", sa.Text(), nullable=True),
        sa.Column("expires_at", Time, nullable=True),
        *_described(),
        _mode(),
        sa.CheckConstraint("usage_count >= 0", name=op.f("ck_coupons_usage_count_not_negative")),
        sa.ForeignKeyConstraint(
            ["promotion_id"], ["promotions.id"], name=op.f("fk_coupons_promotion_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupons")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_coupons_mode_code", "coupons", ["mode", "code"], unique=True)
    op.create_index(op.f("ix_coupons_promotion_id"), "coupons", ["promotion_id"])
    op.create_table(
        "prices",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sku_id", BigId, nullable=False),
        sa.Column("currency_code", sa.String(length=3), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("compare_at_amount_cents", sa.BigInteger(), nullable=True),
        *_described(),
        _mode(),
        sa.CheckConstraint("amount_cents >= 0", name=op.f("ck_prices_amount_not_negative")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_prices_sku_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prices")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_prices_sku_id_currency_code", "prices", ["sku_id", "currency_code"], unique=True
    )
    op.create_index(
        "ix_orders_coupon_code",
        "orders",
        ["coupon_code", "customer_id"],
        sqlite_where=sa.text("coupon_code IS NOT NULL"),
        postgresql_where=sa.text("coupon_code IS NOT NULL"),
    )
