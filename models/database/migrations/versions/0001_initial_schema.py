"""initial schema."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonObject = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # orders and order_factories refer to each other. SQLite takes a key to a table that is made
    # later; PostgreSQL takes it once that table is there.
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    late_key = sa.ForeignKeyConstraint(
        ["order_factory_id"], ["order_factories.id"], name=op.f("fk_orders_order_factory_id")
    )
    late_keys = [late_key] if on_sqlite else []
    op.create_table(
        "addresses",
        sa.Column("id", BigId, nullable=False),
        sa.Column("copied_from_id", BigId, nullable=True),
        sa.Column("business", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("line_1", sa.Text(), nullable=False),
        sa.Column("line_2", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("zip_code", sa.Text(), nullable=True),
        sa.Column("state_code", sa.Text(), nullable=True),
        sa.Column("country_code", sa.String(length=2), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lng", sa.Double(), nullable=True),
        sa.Column("billing_info", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.ForeignKeyConstraint(
            ["copied_from_id"], ["addresses.id"], name=op.f("fk_addresses_copied_from_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_addresses")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_addresses_original_reference",
        "addresses",
        ["reference", "mode"],
        unique=False,
        sqlite_where=sa.text("copied_from_id IS NULL AND reference IS NOT NULL"),
        postgresql_where=sa.text("copied_from_id IS NULL AND reference IS NOT NULL"),
    )
    op.create_table(
        "customers",
        sa.Column("id", BigId, nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), server_default="prospect", nullable=False),
        sa.Column("shopper_reference", sa.Text(), nullable=True),
        sa.Column("profile_id", sa.Text(), nullable=True),
        sa.Column("tax_exemption_code", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customers")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_customers_mode_email", "customers", ["mode", "email"], unique=True)
    op.create_table(
        "order_factory_batches",
        sa.Column("id", BigId, nullable=False),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("options", JsonObject, nullable=False),
        sa.Column("orders_count", sa.BigInteger(), nullable=False),
        sa.Column("flow_run_id", sa.String(length=36), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_factory_batches")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_order_factory_batches_reference", "order_factory_batches", ["reference"], unique=True
    )
    op.create_table(
        "payment_methods",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("payment_source_type", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("currency_code", sa.String(length=3), nullable=True),
        sa.Column(
            "price_amount_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_methods")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "payment_sources",
        sa.Column("id", BigId, nullable=False),
        sa.Column("copied_from_id", BigId, nullable=True),
        sa.Column("payment_source_type", sa.Text(), nullable=False),
        sa.Column("gateway", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("customer_token", sa.Text(), nullable=True),
        sa.Column("payment_source_token", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.ForeignKeyConstraint(
            ["copied_from_id"],
            ["payment_sources.id"],
            name=op.f("fk_payment_sources_copied_from_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_sources")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_payment_sources_original_reference",
        "payment_sources",
        ["reference", "mode"],
        unique=False,
        sqlite_where=sa.text("copied_from_id IS NULL AND reference IS NOT NULL"),
        postgresql_where=sa.text("copied_from_id IS NULL AND reference IS NOT NULL"),
    )
    op.create_table(
        "skus",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("do_not_ship", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("do_not_track", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("purchasable", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skus")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_skus_mode_code", "skus", ["mode", "code"], unique=True)
    op.create_table(
        "customer_payment_sources",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("payment_method_id", BigId, nullable=True),
        sa.Column("payment_source_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("customer_token", sa.Text(), nullable=True),
        sa.Column("payment_source_token", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_customer_payment_sources_customer_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_method_id"],
            ["payment_methods.id"],
            name=op.f("fk_customer_payment_sources_payment_method_id"),
        ),
        sa.ForeignKeyConstraint(
            ["payment_source_id"],
            ["payment_sources.id"],
            name=op.f("fk_customer_payment_sources_payment_source_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_payment_sources")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_customer_payment_sources_customer_id"),
        "customer_payment_sources",
        ["customer_id"],
        unique=False,
    )
    op.create_index(
        "uq_customer_payment_sources_payment_source_id_customer_id",
        "customer_payment_sources",
        ["payment_source_id", "customer_id"],
        unique=True,
    )
    op.create_table(
        "orders",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("order_factory_id", BigId, nullable=True),
        sa.Column("status", sa.String(length=16), server_default="draft", nullable=False),
        sa.Column("payment_status", sa.String(length=24), server_default="unpaid", nullable=False),
        sa.Column(
            "fulfillment_status", sa.String(length=16), server_default="unfulfilled", nullable=False
        ),
        sa.Column("guest", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("customer_id", BigId, nullable=True),
        sa.Column("customer_email", sa.Text(), nullable=True),
        sa.Column("market_name", sa.Text(), nullable=True),
        sa.Column("language_code", sa.Text(), nullable=True),
        sa.Column("currency_code", sa.String(length=3), nullable=False),
        sa.Column("country_code", sa.Text(), nullable=True),
        sa.Column("shipping_country_code_lock", sa.Text(), nullable=True),
        sa.Column("tax_included", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("tax_rate", sa.Double(), nullable=True),
        sa.Column("coupon_code", sa.Text(), nullable=True),
        sa.Column("gift_card_code", sa.Text(), nullable=True),
        sa.Column(
            "subtotal_amount_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "shipping_amount_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "payment_method_amount_cents",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column(
            "discount_amount_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "adjustment_amount_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "gift_card_amount_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "total_tax_amount_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "total_amount_cents", sa.BigInteger(), server_default=sa.text("0"), nullable=False
        ),
        sa.Column(
            "total_amount_with_taxes_cents",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
        ),
        sa.Column("billing_address_id", BigId, nullable=True),
        sa.Column("shipping_address_id", BigId, nullable=True),
        sa.Column("payment_method_id", BigId, nullable=True),
        sa.Column("payment_source_id", BigId, nullable=True),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.ForeignKeyConstraint(
            ["billing_address_id"], ["addresses.id"], name=op.f("fk_orders_billing_address_id")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name=op.f("fk_orders_customer_id")
        ),
        *late_keys,
        sa.ForeignKeyConstraint(
            ["payment_method_id"], ["payment_methods.id"], name=op.f("fk_orders_payment_method_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_source_id"], ["payment_sources.id"], name=op.f("fk_orders_payment_source_id")
        ),
        sa.ForeignKeyConstraint(
            ["shipping_address_id"], ["addresses.id"], name=op.f("fk_orders_shipping_address_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_orders_customer_id"), "orders", ["customer_id"], unique=False)
    op.create_index(
        "uq_orders_mode_number",
        "orders",
        ["mode", "number"],
        unique=True,
        sqlite_where=sa.text("number IS NOT NULL"),
        postgresql_where=sa.text("number IS NOT NULL"),
    )
    op.create_index(
        "uq_orders_order_factory_id",
        "orders",
        ["order_factory_id"],
        unique=True,
        sqlite_where=sa.text("order_factory_id IS NOT NULL"),
        postgresql_where=sa.text("order_factory_id IS NOT NULL"),
    )
    op.create_table(
        "stock_items",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sku_id", BigId, nullable=False),
        sa.Column("stock_location", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_stock_items_quantity_not_negative")),
        sa.ForeignKeyConstraint(["sku_id"], ["skus.id"], name=op.f("fk_stock_items_sku_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_items")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_stock_items_sku_id_stock_location",
        "stock_items",
        ["sku_id", "stock_location"],
        unique=True,
    )
    op.create_table(
        "line_items",
        sa.Column("id", BigId, nullable=False),
        sa.Column("order_id", BigId, nullable=False),
        sa.Column("copied_from_id", BigId, nullable=True),
        sa.Column("item_type", sa.String(length=32), server_default="skus", nullable=False),
        sa.Column("sku_code", sa.Text(), nullable=True),
        sa.Column("bundle_code", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(length=3), nullable=True),
        sa.Column("unit_amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("compare_at_amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("options_amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("discount_cents", sa.BigInteger(), nullable=True),
        sa.Column("tax_amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("total_amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate", sa.Double(), nullable=True),
        sa.Column("discount_breakdown", JsonObject, nullable=True),
        sa.Column("tax_breakdown", JsonObject, nullable=True),
        sa.Column("frequency", sa.Text(), nullable=True),
        sa.Column("coupon_code", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["copied_from_id"], ["line_items.id"], name=op.f("fk_line_items_copied_from_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_line_items_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_items")),
        sa.UniqueConstraint(
            "order_id", "copied_from_id", name=op.f("uq_line_items_order_id_copied_from_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "order_factories",
        sa.Column("id", BigId, nullable=False),
        sa.Column("type", sa.String(length=32), server_default="order_copies", nullable=False),
        sa.Column("batch_id", BigId, nullable=True),
        sa.Column("source_order_id", BigId, nullable=False),
        sa.Column("target_order_id", BigId, nullable=True),
        sa.Column("status", sa.String(length=16), server_default="pending", nullable=False),
        sa.Column("place_target_order", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("reuse_wallet", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("skip_errors", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("errors_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("errors_log", JsonObject, nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("flow_run_id", sa.String(length=36), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.CheckConstraint(
            "errors_count >= 0", name=op.f("ck_order_factories_errors_count_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["order_factory_batches.id"], name=op.f("fk_order_factories_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["source_order_id"], ["orders.id"], name=op.f("fk_order_factories_source_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["target_order_id"], ["orders.id"], name=op.f("fk_order_factories_target_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_factories")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_factories_batch_id", "order_factories", ["batch_id"], unique=False)
    op.create_index(
        "ix_order_factories_open",
        "order_factories",
        ["batch_id", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'in_progress')"),
        postgresql_where=sa.text("status IN ('pending', 'in_progress')"),
    )
    op.create_index(
        "ix_order_factories_source_order_id", "order_factories", ["source_order_id"], unique=False
    )
    op.create_index(
        "uq_order_factories_idempotency_key",
        "order_factories",
        ["idempotency_key"],
        unique=True,
        sqlite_where=sa.text("idempotency_key IS NOT NULL"),
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )
    op.create_index(
        "uq_order_factories_target_order_id", "order_factories", ["target_order_id"], unique=True
    )
    op.create_table(
        "copy_errors",
        sa.Column("id", BigId, nullable=False),
        sa.Column("order_factory_id", BigId, nullable=False),
        sa.Column("field", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("line_item_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["line_item_id"], ["line_items.id"], name=op.f("fk_copy_errors_line_item_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_factory_id"],
            ["order_factories.id"],
            name=op.f("fk_copy_errors_order_factory_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_copy_errors")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_copy_errors_order_factory_id", "copy_errors", ["order_factory_id"], unique=False
    )
    op.create_table(
        "events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("order_factory_id", BigId, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_factory_id"], ["order_factories.id"], name=op.f("fk_events_order_factory_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_events_order_factory_id"), "events", ["order_factory_id"], unique=False
    )
    op.create_table(
        "line_item_options",
        sa.Column("id", BigId, nullable=False),
        sa.Column("line_item_id", BigId, nullable=False),
        sa.Column("copied_from_id", BigId, nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("currency_code", sa.String(length=3), nullable=True),
        sa.Column("unit_amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("total_amount_cents", sa.BigInteger(), nullable=True),
        sa.Column("delay_hours", sa.BigInteger(), nullable=True),
        sa.Column("options", JsonObject, nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("reference_origin", sa.Text(), nullable=True),
        sa.Column("metadata", JsonObject, nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["copied_from_id"],
            ["line_item_options.id"],
            name=op.f("fk_line_item_options_copied_from_id"),
        ),
        sa.ForeignKeyConstraint(
            ["line_item_id"], ["line_items.id"], name=op.f("fk_line_item_options_line_item_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_item_options")),
        sa.UniqueConstraint(
            "line_item_id",
            "copied_from_id",
            name=op.f("uq_line_item_options_line_item_id_copied_from_id"),
        ),
        sqlite_autoincrement=True,
    )
    if not on_sqlite:
        op.create_foreign_key(
            op.f("fk_orders_order_factory_id"),
            "orders",
            "order_factories",
            ["order_factory_id"],
            ["id"],
        )


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first version.")
