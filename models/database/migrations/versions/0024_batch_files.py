"""Batches that come as a file: the stored file, what was wrong with it, and dry runs."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JsonObject = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
Time = sa.DateTime(timezone=True)

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

TABLE = "order_factory_batches"
FILES = ("file_id", "report_file_id")
OTHERS: dict[str, sa.types.TypeEngine[Any]] = {
    "errors_log": JsonObject,
    "outcome": JsonObject,
    "resumed_at": Time,
    "finished_before": sa.BigInteger(),
}


def upgrade() -> None:
    op.create_table(
        "stored_files",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("bytes_count", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", Time, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_files")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "stored_file_pieces",
        sa.Column("id", BigId, nullable=False),
        sa.Column("file_id", BigId, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_files.id"], name=op.f("fk_stored_file_pieces_file_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file_pieces")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_stored_file_pieces_file_id_number",
        "stored_file_pieces",
        ["file_id", "number"],
        unique=True,
    )
    for name in FILES:
        _add_key(name)
    op.add_column(
        TABLE,
        sa.Column[bool]("dry_run", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        TABLE,
        sa.Column("errors_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
    )
    for name, kind in OTHERS.items():
        op.add_column(TABLE, sa.Column(name, kind, nullable=True))


def _add_key(name: str) -> None:
    key = f"fk_{TABLE}_{name}"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            f"ALTER TABLE {TABLE} ADD COLUMN {name} INTEGER "
            f"CONSTRAINT {key} REFERENCES stored_files (id)"
        )
    else:
        op.add_column(TABLE, sa.Column(name, sa.BigInteger(), nullable=True))
        op.create_foreign_key(key, TABLE, "stored_files", [name], ["id"])


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
