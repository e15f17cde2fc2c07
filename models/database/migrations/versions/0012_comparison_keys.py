"""Keys by which emails and coupon codes are compared, cleaned numbers and codes, and two indexes."""

import sqlalchemy as sa
from alembic import op

from order_factory.models.values.keys import clean_key, comparison_key

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ROWS_AT_ONCE = 10_000
# Table, key column, the column that it is computed from, and whether the key is unique in its mode.
_KEYS = (
    ("customers", "email_key", "email", True),
    ("coupons", "code_key", "code", True),
    ("coupons", "recipient_email_key", "recipient_email", False),
    ("orders", "coupon_code_key", "coupon_code", False),
    ("orders", "customer_email_key", "customer_email", False),
)
# Columns that people name rows by, and whether a mode has each value at most once.
_CLEANED = (
    ("skus", "code", True),
    ("orders", "number", True),
    ("line_items", "sku_code", False),
    ("line_items", "bundle_code", False),
    ("sku_list_items", "sku_code", False),
    ("orders", "reference", False),
    ("addresses", "reference", False),
    ("line_items", "reference", False),
)


def upgrade() -> None:
    db = op.get_bind()
    for table, key, column, is_unique in _KEYS:
        op.add_column(table, sa.Column(key, sa.Text(), nullable=True))
        _fill(db, table, key, column, is_unique)
    for table, column, is_unique in _CLEANED:
        _clean(db, table, column, is_unique)
    op.drop_index("uq_customers_mode_email", "customers")
    op.drop_index("uq_coupons_mode_code", "coupons")
    op.drop_index("ix_orders_coupon_code", "orders")
    for table, key in (("customers", "email_key"), ("coupons", "code_key")):
        op.create_index(f"uq_{table}_mode_{key}", table, ["mode", key], unique=True)
    given = sa.text("coupon_code_key IS NOT NULL")
    op.create_index(
        "ix_orders_coupon_code_key",
        "orders",
        ["coupon_code_key", "customer_id"],
        sqlite_where=given,
        postgresql_where=given,
    )
    originals = sa.text("copied_from_id IS NULL AND reference IS NOT NULL")
    for table, owner in (("line_items", "order_id"), ("line_item_options", "line_item_id")):
        op.create_index(
            f"ix_{table}_original_key",
            table,
            [owner, "reference", "copied_from_id"],
            sqlite_where=originals,
            postgresql_where=originals,
        )


def _fill(db: sa.Connection, table: str, key: str, column: str, is_unique: bool) -> None:
    """Compute the keys of the rows there are.

    Of two customers, or coupons, that differ in letter case only, the older one has the key from
    now on. The key of the other can be nobody's, so that it is found by its public id alone.
    """
    rows = sa.table(
        table,
        sa.column("id", sa.BigInteger),
        sa.column("mode", sa.String),
        sa.column(column, sa.Text),
        sa.column(key, sa.Text),
    )
    write = (
        sa.update(rows).where(rows.c.id == sa.bindparam("row")).values({key: sa.bindparam("key")})
    )
    taken: set[tuple[str, str]] = set()
    last = 0
    while True:
        query = sa.select(rows.c.id, rows.c.mode, rows.c[column])
        query = query.where(rows.c.id > last, rows.c[column].is_not(None))
        found = db.execute(query.order_by(rows.c.id).limit(_ROWS_AT_ONCE)).all()
        if not found:
            return
        last = found[-1].id
        values = []
        for row, mode, text in found:
            computed = comparison_key(text)
            if is_unique and (mode, computed) in taken:
                computed = f"{computed} (another row has this key, id {row})"
            if is_unique:
                taken.add((mode, computed))
            values.append({"row": row, "key": computed})
        db.execute(write, values)


def _clean(db: sa.Connection, table: str, column: str, is_unique: bool) -> None:
    """Take what nobody sees from the keys there are, unless another row has the clean one."""
    rows = sa.table(table, sa.column("mode", sa.String), sa.column(column, sa.Text))
    known = set(db.scalars(sa.select(rows.c[column]).where(rows.c[column].is_not(None)).distinct()))
    for text in sorted(known):
        cleaned = clean_key(text)
        if cleaned and cleaned != text and not (is_unique and cleaned in known):
            known.add(cleaned)
            db.execute(sa.update(rows).where(rows.c[column] == text).values({column: cleaned}))


def downgrade() -> None:
    op.drop_index("ix_line_items_original_key", "line_items")
    op.drop_index("ix_line_item_options_original_key", "line_item_options")
    op.drop_index("uq_customers_mode_email_key", "customers")
    op.drop_index("uq_coupons_mode_code_key", "coupons")
    op.drop_index("ix_orders_coupon_code_key", "orders")
    for table, key, _, _ in _KEYS:
        op.drop_column(table, key)
    op.create_index("uq_customers_mode_email", "customers", ["mode", "email"], unique=True)
    op.create_index("uq_coupons_mode_code", "coupons", ["mode", "code"], unique=True)
    given = sa.text("coupon_code IS NOT NULL")
    op.create_index(
        "ix_orders_coupon_code",
        "orders",
        ["coupon_code", "customer_id"],
        sqlite_where=given,
        postgresql_where=given,
    )
