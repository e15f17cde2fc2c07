"""The shop's identity, so that a copy of the database is known as a copy."""

import secrets

import sqlalchemy as sa
from alembic import op

from order_factory.models.database.place import read_place

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    identity = op.create_table(
        "shop_identity",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shop_id", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_shop_identity_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shop_identity")),
    )
    # A database that is there already lives where it is upgraded.
    row = {"id": 1, "shop_id": secrets.token_hex(16), "place": read_place(op.get_bind())}
    op.execute(sa.insert(identity).values(row))
    # The run that recorded a copy of one order stood in the factory's key until now.
    op.execute(
        "UPDATE order_factories SET flow_run_id = substr(idempotency_key, 10) "
        "WHERE idempotency_key LIKE 'flow-run:%' AND flow_run_id IS NULL"
    )
