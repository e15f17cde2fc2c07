"""Order subscriptions, their items, and the copies that belong to them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonObject = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = "fk_order_factories_order_subscription_id"


def upgrade() -> None:
    op.create_table(
        "order_subscriptions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="draft", nullable=False),
        sa.Column("frequency", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column(
            "activate_by_source_order", sa.Boolean(), server_default=sa.true(), nullable=False
        ),
        sa.Column("place_target_order", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("renewal_alert_period", sa.SmallInteger(), nullable=True),
        sa.Column("customer_id", BigId, nullable=True),
        sa.Column("customer_email", sa.Text(), nullable=True),
        sa.Column("customer_payment_source_id", BigId, nullable=True),
        sa.Column("source_order_id", BigId, nullable=False),
        sa.Column("template_order_id", BigId, nullable=True),
        sa.Column("catch_up", sa.String(length=8), server_default="one", nullable=False),
        sa.Column("retry_after", sa.Text(), nullable=True),
        sa.Column("after_failure", sa.String(length=16), server_default="keep", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("occurrencies", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("errors_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("succeeded_on_last_run", sa.Boolean(), nullable=True),
        sa.Column("running_batch_id", BigId, nullable=True),
        *_common(),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        *_keys(
            "order_subscriptions",
            customer_id="customers",
            customer_payment_source_id="customer_payment_sources",
            source_order_id="orders",
            template_order_id="orders",
            running_batch_id="order_factory_batches",
        ),
        _check("order_subscriptions", "occurrencies_not_negative", "occurrencies >= 0"),
        _check("order_subscriptions", "errors_count_not_negative", "errors_count >= 0"),
        _check("order_subscriptions", "expires_after_start", "expires_at > starts_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_subscriptions")),
        sqlite_autoincrement=True,
    )
    for name in ("source_order_id", "running_batch_id", "customer_id"):
        op.create_index(f"ix_order_subscriptions_{name}", "order_subscriptions", [name])
    op.create_index(
        "uq_order_subscriptions_mode_number", "order_subscriptions", ["mode", "number"], unique=True
    )
    _partial_index("due", "order_subscriptions", ["next_run_at"], "status = 'active'")
    _partial_index(
        "waiting",
        "order_subscriptions",
        ["source_order_id"],
        "status = 'draft' AND activate_by_source_order",
    )
    op.create_table(
        "order_subscription_items",
        sa.Column("id", BigId, nullable=False),
        sa.Column("order_subscription_id", BigId, nullable=False),
        sa.Column("source_line_item_id", BigId, nullable=True),
        sa.Column("item_type", sa.String(length=32), server_default="skus", nullable=False),
        sa.Column("sku_code", sa.Text(), nullable=True),
        sa.Column("bundle_code", sa.Text(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(length=3), nullable=False),
        sa.Column("unit_amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("total_amount_cents", sa.BigInteger(), nullable=False),
        *_common(),
        *_keys(
            "order_subscription_items",
            order_subscription_id="order_subscriptions",
            source_line_item_id="line_items",
        ),
        _check("order_subscription_items", "quantity_at_least_one", "quantity >= 1"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_subscription_items")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_order_subscription_items_order_subscription_id",
        "order_subscription_items",
        ["order_subscription_id"],
    )
    _extend_factories()


def _extend_factories() -> None:
    table = "order_factories"
    if op.get_bind().dialect.name == "sqlite":
        # SQLite adds a key to a table that is there only together with its column.
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN order_subscription_id INTEGER "
            f"CONSTRAINT {KEY} REFERENCES order_subscriptions (id)"
        )
    else:
        op.add_column(table, sa.Column("order_subscription_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(KEY, table, "order_subscriptions", ["order_subscription_id"], ["id"])
    op.add_column(table, sa.Column("period_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(table, sa.Column("attempt", sa.SmallInteger(), nullable=True))
    op.add_column(table, sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "uq_order_factories_order_subscription_id_period_at_attempt",
        table,
        ["order_subscription_id", "period_at", "attempt"],
        unique=True,
        sqlite_where=sa.text("order_subscription_id IS NOT NULL"),
        postgresql_where=sa.text("order_subscription_id IS NOT NULL"),
    )
    _partial_index("retry_at", table, ["retry_at"], "retry_at IS NOT NULL")


def _common() -> list[sa.Column[Any]]:
    """What the caller owns, and the times of every resource."""
    times = [
        sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
        for name in ("created_at", "updated_at")
    ]
    return [
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        *times,
    ]


def _keys(table: str, **targets: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint([column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}"))
        for column, target in targets.items()
    ]


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(
        f"ix_{table}_{name}", table, columns, sqlite_where=where, postgresql_where=where
    )


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
