"""The temporary tables of a batch. They are empty at the start of each transaction.

They belong to the connection: others do not see them, and they do not survive a crash. A rollback
to a savepoint includes them.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    SmallInteger,
    String,
    Table,
    false,
    text,
)

from order_factory.models.database.dialects import analyze_table, on_sqlite
from order_factory.models.database.temporary_tables import delete_all_rows, open_tables
from order_factory.models.tables.base import BigId
from order_factory.models.tables.option_columns import column_type
from order_factory.models.values.copy_options import COPY_OPTIONS, CopyOption
from order_factory.tasks.working_set.order_amounts import SUMS

_METADATA = MetaData()


def temporary(metadata: MetaData, name: str, *columns: Column[Any], by_key: bool = False) -> Table:
    """Define a temporary table.

    `open_temporary_tables` empties it, which is faster than ON COMMIT. With `by_key`, SQLite stores
    the rows in the order of the primary key, without another index.
    """
    return Table(name, metadata, *columns, prefixes=["TEMPORARY"], sqlite_with_rowid=not by_key)


# The order factories that this transaction has locked, numbered from 1 in the order of their keys.
claims = temporary(
    _METADATA,
    "tmp_claims",
    Column("factory_id", BigId, primary_key=True, autoincrement=False),
    Column("rank", BigInteger, nullable=False),
)


def _option_columns(choose: Callable[[CopyOption], bool]) -> Iterator[Column[Any]]:
    for option in filter(choose, COPY_OPTIONS):
        yield Column(option.name, column_type(option), nullable=False)


# One row per current copy: its options, what its source order refers to, and the keys of its
# target. `order_changed`: options change the order itself; `lines_changed`: its lines. `merges`: the
# target is an open order that exists. `valid`: it is copied. `failed`: its factory fails (an order
# that was copied but could not be placed is valid and failed). `awaits`: it waits for a gateway's
# answer. `aborted`: it was cancelled before the copy.
copies = temporary(
    _METADATA,
    "tmp_copies",
    Column("factory_id", BigId, primary_key=True, autoincrement=False),
    # Flags come first: PostgreSQL finds a column at once if all before it have a fixed width and a
    # value.
    Column("source_order_id", BigInteger, nullable=False),
    Column("target_order_id", BigInteger, nullable=False),
    Column("valid", Boolean, nullable=False),
    Column("failed", Boolean, nullable=False),
    Column("awaits", Boolean, nullable=False),
    Column("aborted", Boolean, nullable=False),
    Column("order_changed", Boolean, server_default=false(), nullable=False),
    Column("lines_changed", Boolean, server_default=false(), nullable=False),
    Column("merges", Boolean, server_default=false(), nullable=False),
    *_option_columns(lambda option: option.type is bool),
    *_option_columns(lambda option: option.type is not bool),
    Column("mode", String(4), nullable=False),
    Column("customer_id", BigInteger),
    Column("payment_source_id", BigInteger),
    Column("wallet_payment_source_id", BigInteger),
    Column("payment_source_key", BigInteger),
    Column("billing_address_id", BigInteger),
    Column("shipping_address_id", BigInteger),
    Column("target_billing_address_id", BigInteger),
    Column("target_shipping_address_id", BigInteger),
    Column("target_payment_source_id", BigInteger),
    Column("customer_email", String),
    Column("customer_email_key", String),
    Column("customer_status", String),
    Column("shipping_country_code_lock", String),
    Column("coupon_code", String),
    Column("coupon_code_key", String),
    Column("currency_code", String(3)),
)

# One row per copy with lines: the counts by kind, the counts of wrong lines, and the sums in cents.
# `mixed`: not all lines are valid SKU lines. Lines that `skip_errors` leaves out do not count.
line_sums = temporary(
    _METADATA,
    "tmp_line_sums",
    Column("factory_id", BigId, primary_key=True, autoincrement=False),
    Column("mixed", Boolean, nullable=False),
    Column("lines", BigInteger, nullable=False),
    Column("purchasable_lines", BigInteger, nullable=False),
    Column("lines_to_ship", BigInteger, nullable=False),
    Column("quantities_below_one", BigInteger, nullable=False),
    Column("other_currency_lines", BigInteger, nullable=False),
    Column("once_lines", BigInteger, nullable=False),
    Column("recomputed_lines", BigInteger, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in SUMS),
)

# The source lines that a copy leaves out: those with errors, and those that its options or their
# metadata leave out.
left_out_lines = temporary(
    _METADATA,
    "tmp_left_out_lines",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("line_item_id", BigInteger, primary_key=True, autoincrement=False),
)

# The pieces of SKUs in the bundles of the source lines: as many as the line takes. Bundles that the
# catalogue does not have take none.
bundle_parts = temporary(
    _METADATA,
    "tmp_bundle_parts",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("line_item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sku_code", String, primary_key=True),
    Column("bundle_code", String, nullable=False),
    Column("quantity", BigInteger, nullable=False),
)

# The lines that replace lines of the source order, and additional lines (without `line_item_id`):
# the copy option that requests them, and the values that differ from the source line. Without
# `total_amount_cents`, the SKU has no price.
changed_lines = temporary(
    _METADATA,
    "tmp_changed_lines",
    Column("factory_id", BigInteger, nullable=False),
    Column("line_item_id", BigInteger),
    Column("option", String, nullable=False),
    Column("sku_code", String, nullable=False),
    Column("sku_id", BigInteger),
    Column("purchasable", Boolean, nullable=False),
    Column("name", String),
    Column("image_url", String),
    Column("quantity", BigInteger, nullable=False),
    Column("unit_amount_cents", BigInteger),
    Column("compare_at_amount_cents", BigInteger),
    Column("total_amount_cents", BigInteger),
    Column("discount_cents", BigInteger),
    Column("tax_amount_cents", BigInteger),
    Column("ships", Boolean, nullable=False),
)

# The flagged SKUs of the batch: not in the catalogue (no `sku_id`), not for sale, not shipped, or
# short (only then `available` is set).
flagged_skus = temporary(
    _METADATA,
    "tmp_flagged_skus",
    Column("sku_code", String, primary_key=True),
    Column("sku_id", BigInteger),
    Column("purchasable", Boolean, nullable=False),
    Column("do_not_ship", Boolean, nullable=False),
    Column("available", BigInteger),
)

# The source lines that are copied with fewer pieces; `wanted` is their number of pieces.
reduced_lines = temporary(
    _METADATA,
    "tmp_reduced_lines",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("line_item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("quantity", BigInteger, nullable=False),
    Column("wanted", BigInteger, nullable=False),
)

# How much of a short SKU each copy wants. A `share` is granted or refused as a whole: an order,
# or with `skip_errors` each of its SKUs. One that is `partial` gets what is left, even if that is
# nothing. `state` is OPEN, GRANTED or REFUSED.
contested = temporary(
    _METADATA,
    "tmp_contested",
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sku_id", BigInteger, primary_key=True, autoincrement=False),
    Column("share", BigInteger, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    Column("available", BigInteger, nullable=False),
    Column("partial", Boolean, nullable=False),
    Column("state", SmallInteger, nullable=False),
)
OPEN, GRANTED, REFUSED = 0, 1, 2

# The copies that will be placed: their gateway, and whether it has to be called (`remote`). An
# order with a total of zero has no gateway.
placements = temporary(
    _METADATA,
    "tmp_placements",
    Column("factory_id", BigId, primary_key=True, autoincrement=False),
    Column("gateway", String),
    Column("remote", Boolean, nullable=False),
)

# How many pieces of each tracked SKU each placed order gets, in its lines and bundles.
placed_pieces = temporary(
    _METADATA,
    "tmp_placed_pieces",
    Column("sku_id", BigInteger, primary_key=True, autoincrement=False),
    Column("factory_id", BigInteger, primary_key=True, autoincrement=False),
    Column("order_id", BigInteger, nullable=False),
    Column("remote", Boolean, nullable=False),
    Column("quantity", BigInteger, nullable=False),
    by_key=True,
)

# The free pieces of each SKU, numbered from 0 over all its stock items. This stock item has the
# pieces from `first` up to, but not including, `last`. `only`: no other one has pieces of the SKU.
stock_shares = temporary(
    _METADATA,
    "tmp_stock_shares",
    Column("sku_id", BigInteger, primary_key=True, autoincrement=False),
    Column("stock_item_id", BigInteger, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("only", Boolean, nullable=False),
)

# What the gift card of each source order pays for its copy. `takes`: the copy is to be placed, so
# the amount is taken from the card. `wanted_cents` is what it paid for the source,
# `available_cents` what the card has left (0 if it cannot be used), and `paid_cents` what it pays.
redemptions = temporary(
    _METADATA,
    "tmp_redemptions",
    Column("factory_id", BigId, primary_key=True, autoincrement=False),
    Column("gift_card_id", BigInteger),
    Column("takes", Boolean, nullable=False),
    Column("wanted_cents", BigInteger, nullable=False),
    Column("available_cents", BigInteger, nullable=False),
    Column("paid_cents", BigInteger, nullable=False),
)

# The orders to cancel, each with the first factory that requested it, if any.
cancellations = temporary(
    _METADATA,
    "tmp_cancellations",
    Column("order_id", BigId, primary_key=True, autoincrement=False),
    Column("factory_id", BigInteger),
)

# The gateways' answers.
answers = temporary(
    _METADATA,
    "tmp_answers",
    Column("transaction_id", BigId, primary_key=True, autoincrement=False),
    Column("succeeded", Boolean, nullable=False),
    Column("token", String),
    Column("error_code", String),
    Column("message", String),
    Column("customer_action", String),
)


def open_temporary_tables(db: Connection) -> None:
    """Create this connection's temporary tables, or empty those that exist."""
    open_tables(db, _METADATA)


def empty_temporary_tables(db: Connection) -> None:
    """Empty all tables but the claims, for the next part of the claimed factories."""
    delete_all_rows(db, [work for work in _METADATA.sorted_tables if work is not claims])


ANALYZE_COPIES = text(f"ANALYZE {copies.name}")
# The number of the rows is what counts: the tables that are joined have statistics of their own.
_PLANNED_BY = [copies.c.factory_id]


def analyze_copies(db: Connection) -> None:
    """Update the statistics of the copies, so that the planner starts every join with them."""
    if on_sqlite(db):
        db.execute(ANALYZE_COPIES)
    else:
        analyze_table(db, copies, _PLANNED_BY)
