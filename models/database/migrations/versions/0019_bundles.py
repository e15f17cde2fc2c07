"""Bundles and the SKUs in them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonObject = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0019"
down_revision = "0018"
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


def upgrade() -> None:
    op.create_table(
        "bundles",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("do_not_ship", sa.Boolean(), server_default=sa.false(), nullable=False),
        *_described(),
        sa.Column("mode", sa.String(length=4), server_default="live", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundles")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_bundles_mode_code", "bundles", ["mode", "code"], unique=True)
    op.create_table(
        "bundle_items",
        sa.Column("id", BigId, nullable=False),
        sa.Column("bundle_id", BigId, nullable=False),
        sa.Column("sku_code", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        *_described(),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_bundle_items_quantity_is_positive")),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["bundles.id"], name=op.f("fk_bundle_items_bundle_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle_items")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_bundle_items_bundle_id_sku_code",
        "bundle_items",
        ["bundle_id", "sku_code"],
        unique=True,
    )


def downgrade() -> None:
    op.drop_table("bundle_items")
    op.drop_table("bundles")
