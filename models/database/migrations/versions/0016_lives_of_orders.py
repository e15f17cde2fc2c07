"""Transactions that belong to no factory, refunds, and the times of an order's later life."""

import sqlalchemy as sa
from alembic import op

from order_factory.models.database.dialects import on_sqlite

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TABLE = "transactions"


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    for name in ("archived_at", "refreshed_at"):
        op.add_column("orders", sa.Column(name, moment, nullable=True))
    key = "fk_transactions_capture_id"
    if on_sqlite(op.get_bind()):
        _make_nullable_on_sqlite()
        # SQLite adds a key to a table that is there only together with its column.
        op.execute(
            f"ALTER TABLE {TABLE} ADD COLUMN capture_id INTEGER "
            f"CONSTRAINT {key} REFERENCES {TABLE} (id)"
        )
    else:
        op.alter_column(TABLE, "order_factory_id", nullable=True)
        op.add_column(TABLE, sa.Column("capture_id", sa.BigInteger(), nullable=True))
        op.create_foreign_key(key, TABLE, TABLE, ["capture_id"], ["id"])
    refunds = sa.text("capture_id IS NOT NULL")
    op.create_index(
        "ix_transactions_capture_id",
        TABLE,
        ["capture_id"],
        sqlite_where=refunds,
        postgresql_where=refunds,
    )


def _make_nullable_on_sqlite() -> None:
    """Make the table again from its own definition, with its rows, its indexes and its last key.

    SQLite cannot change a column. The definition is read, so that columns that came later stay.
    """
    db = op.get_bind()
    kinds = db.execute(
        sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL"),
        {"table": TABLE},
    ).all()
    (made,) = (sql for kind, sql in kinds if kind == "table")
    indexes = [sql for kind, sql in kinds if kind == "index"]
    before, after = "order_factory_id INTEGER NOT NULL", "order_factory_id INTEGER"
    assert made.count(before) == 1, made
    names = ", ".join(f'"{row[1]}"' for row in db.exec_driver_sql(f"PRAGMA table_info({TABLE})"))
    # References to the table itself follow it when it gets its name back.
    made = made.replace(before, after).replace(
        f"REFERENCES {TABLE} ", "REFERENCES transactions_new "
    )
    made = made.replace(f"REFERENCES {TABLE}(", "REFERENCES transactions_new(")
    db.exec_driver_sql(made.replace(f"TABLE {TABLE} ", "TABLE transactions_new ", 1))
    db.exec_driver_sql(f"INSERT INTO transactions_new ({names}) SELECT {names} FROM {TABLE}")
    last = db.exec_driver_sql(f"SELECT seq FROM sqlite_sequence WHERE name = '{TABLE}'").scalar()
    db.exec_driver_sql(f"DROP TABLE {TABLE}")
    db.exec_driver_sql(f"ALTER TABLE transactions_new RENAME TO {TABLE}")
    if last is not None:
        # Without rows, the new table has no last key yet.
        db.exec_driver_sql(f"DELETE FROM sqlite_sequence WHERE name = '{TABLE}'")
        db.exec_driver_sql(f"INSERT INTO sqlite_sequence (name, seq) VALUES ('{TABLE}', {last})")
    for sql in indexes:
        db.exec_driver_sql(sql)


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
