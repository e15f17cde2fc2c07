"""The temporary tables for coupons, promotions and prices; created if a batch needs them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    SmallInteger,
    String,
)

from order_factory.models.database.temporary_tables import open_tables
from order_factory.models.tables.base import BigId
from order_factory.tasks.working_set.tables import temporary

_METADATA = MetaData()

# The new price of each line of a copy with `refresh_prices`; `line_item_id` is the source's.
new_prices = temporary(
    _METADATA,
    "tmp_new_prices",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("line_item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("unit_amount_cents", BigInteger, nullable=False),
    Column("compare_at_amount_cents", BigInteger),
    Column("total_amount_cents", BigInteger, nullable=False),
)

# One row per copy with a coupon code: the coupon if it exists, the person's customer account if
# there is one, and the key that identifies the person.
copy_coupons = temporary(
    _METADATA,
    "tmp_copy_coupons",
    Column("factory_id", BigId, primary_key=True, autoincrement=False),
    Column("coupon_id", BigInteger),
    Column("promotion_id", BigInteger),
    Column("customer_id", BigInteger),
    Column("customer_key", String),
)

# The problems of these coupons.
coupon_problems = temporary(
    _METADATA,
    "tmp_coupon_problems",
    Column("factory_id", BigInteger, nullable=False),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
)

# The limits that these coupons use. `resource` is the limit's number in `tmp_contested`.
coupon_uses = temporary(
    _METADATA,
    "tmp_coupon_uses",
    Column("factory_id", BigInteger, nullable=False),
    Column("resource", BigInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
)

# The lines of a target that promotions may discount, and the rest of their amounts, in cents.
discountable = temporary(
    _METADATA,
    "tmp_discountable",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("line_item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sku_code", String),
    Column("shipping", Boolean, nullable=False),
    Column("total_cents", BigInteger, nullable=False),
    Column("left_cents", BigInteger, nullable=False),
)

# The promotions of a copy. `place` is the position among all promotions, and `nth` the position
# among the granted promotions of the copy.
candidates = temporary(
    _METADATA,
    "tmp_candidates",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("promotion_id", BigInteger, primary_key=True, autoincrement=False),
    Column("place", BigInteger, nullable=False),
    Column("exclusive", Boolean, nullable=False),
)
granted = temporary(
    _METADATA,
    "tmp_granted",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("nth", BigInteger, primary_key=True, autoincrement=False),
    Column("promotion_id", BigInteger, nullable=False),
)

# The discount of a promotion on a line, in positive cents.
shares = temporary(
    _METADATA,
    "tmp_shares",
    Column("line_item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("promotion_id", BigInteger, primary_key=True, autoincrement=False),
    Column("factory_id", BigInteger, nullable=False),
    Column("nth", BigInteger, nullable=False),
    Column("cents", BigInteger, nullable=False),
)


def open_promotion_tables(db: Connection) -> None:
    """Create this connection's promotion tables, or empty those that exist."""
    open_tables(db, _METADATA)
