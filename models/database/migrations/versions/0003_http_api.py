"""What the HTTP API keeps: tokens, idempotency records, and the options of order copies."""

import sqlalchemy as sa
from alembic import op

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEW_FLAGS = {
    "order_factories": ("cancel_source_order", "apply_promotions", "ignore_invalid_coupon"),
    "order_factory_batches": ("drained_by_service",),
}


def upgrade() -> None:
    for table, names in NEW_FLAGS.items():
        for name in names:
            op.add_column(
                table,
                sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False),
            )
    op.create_table(
        "api_tokens",
        sa.Column("id", BigId, nullable=False),
        sa.Column("handle", sa.String(length=16), nullable=False),
        sa.Column("secret_digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("scopes", sa.String(length=16), nullable=False),
        sa.Column("rate_limits", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_tokens")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_api_tokens_handle", "api_tokens", ["handle"], unique=True)
    op.create_table(
        "idempotency_records",
        sa.Column("id", BigId, nullable=False),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_digest", sa.String(length=64), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_idempotency_records")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_idempotency_records_caller_key", "idempotency_records", ["caller", "key"], unique=True
    )
    op.create_index("ix_idempotency_records_created_at", "idempotency_records", ["created_at"])
