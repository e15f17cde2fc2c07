"""Exports and imports that are requested over HTTP."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonType = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

WAITS = sa.text("status IN ('pending', 'in_progress')")


def upgrade() -> None:
    _create(
        "exports",
        sa.Column("includes", JsonType),
        sa.Column("filters", JsonType),
        _count("records_count"),
    )
    _create(
        "imports",
        sa.Column("inputs", JsonType),
        sa.Column("inputs_size", sa.BigInteger()),
        _count("processed_count"),
        _count("imported_count"),
        _count("errors_count"),
    )


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)


def _create(table: str, *own: sa.Column[Any]) -> None:
    op.create_table(
        table,
        sa.Column("id", BigId, nullable=False),
        *own,
        sa.Column("resource_type", sa.String(32), nullable=False),
        sa.Column("format", sa.String(8)),
        sa.Column("status", sa.String(16), server_default="pending", nullable=False),
        sa.Column("must_stop", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("flow_run_id", sa.String(36)),
        sa.Column("errors_log", JsonType),
        sa.Column("started_at", Time),
        sa.Column("completed_at", Time),
        sa.Column("interrupted_at", Time),
        sa.Column("file_id", BigId),
        sa.Column("reference", sa.Text()),
        sa.Column("reference_origin", sa.Text()),
        sa.Column("metadata", JsonType),
        sa.Column("created_at", Time, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", Time, server_default=sa.func.now(), nullable=False),
        sa.Column("mode", sa.String(4), server_default="live", nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f(f"fk_{table}_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        f"ix_{table}_waiting", table, ["id"], sqlite_where=WAITS, postgresql_where=WAITS
    )


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
