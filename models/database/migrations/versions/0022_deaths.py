"""How many processes died while they copied an order first of all."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    deaths = sa.Column[int](
        "deaths", sa.SmallInteger(), server_default=sa.text("0"), nullable=False
    )
    op.add_column("order_factories", deaths)


def downgrade() -> None:
    op.drop_column("order_factories", "deaths")
