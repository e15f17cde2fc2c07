"""Copies that are merged into an open order: their lines are added to it, and no order is made."""

from collections.abc import Iterator

from sqlalchemy import (
    Connection,
    Insert,
    and_,
    exists,
    func,
    insert,
    literal,
    not_,
    null,
    or_,
    select,
    update,
)

from order_factory.models.database.dialects import analyze_table
from order_factory.models.database.row_locks import lock_rows
from order_factory.models.tables import LineItem, Order, OrderFactory
from order_factory.models.tables.row_names import key_in, text_in
from order_factory.models.values.copy_options import EVERY_OPTION
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import OrderStatus
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.line_totals import is_left_out, sum_merged_copies
from order_factory.tasks.working_set.order_amounts import IS_BOUGHT
from order_factory.tasks.working_set.order_totals import update_totals_of
from order_factory.tasks.working_set.statements import execute_and_count, table_of
from order_factory.tasks.working_set.tables import copies, left_out_lines

_OPEN = (OrderStatus.DRAFT, OrderStatus.PENDING)

_factory, _source, _line = table_of(OrderFactory), table_of(Order), table_of(LineItem)
_open = table_of(Order).alias("open_order")
_of_factory = (_factory, _factory.c.id == copies.c.factory_id)
_of_source = (_source, _source.c.id == copies.c.source_order_id)

_named = table_of(Order).alias("named")
_by_number = (
    select(_named.c.id)
    .where(_named.c.mode == copies.c.mode, _named.c.number == text_in(_factory.c.merge_into))
    .correlate(copies, _factory)
    .scalar_subquery()
)
_key = func.coalesce(key_in(_factory.c.merge_into), _by_number)
_is_named = and_(_open.c.id == _key, _open.c.mode == copies.c.mode)

# The order that is merged into has these values itself.
_OPTIONS_OF_NEW_ORDERS = {
    option.name: _factory.c[option.name].is_not(None) if option.change else copies.c[option.name]
    for option in EVERY_OPTION
    if option.only_for_new_orders
} | {"stock = partial": copies.c.stock == StockPolicy.PARTIAL}


def prepare_merges(db: Connection) -> int:
    """Find and lock the orders that copies are merged into; how many errors.

    Only goods are merged. Shipping, discounts, payments and the coupon of the source order belong
    to that order. Call after the other changes, because the order must fit the changed copy.
    """
    wanted = copies.join(*_of_factory).join(_open, _is_named)
    lock_rows(db, table_of(Order), select(_open.c.id).select_from(wanted).where(copies.c.merges))
    errors = sum(execute_and_count(db, each) for each in _errors())
    rows = select(copies.c.factory_id, _open.c.id).select_from(wanted).where(copies.c.merges)
    open_orders = rows.subquery("open_orders")
    db.execute(
        update(copies)
        .where(copies.c.factory_id == open_orders.c.factory_id)
        .values(target_order_id=open_orders.c.id)
    )
    db.execute(_LEAVE_TO_SOURCE)
    others = select(copies.c.factory_id, _line.c.id).join(
        _line, _line.c.order_id == copies.c.source_order_id
    )
    others = others.where(copies.c.merges, not_(IS_BOUGHT), not_(is_left_out()))
    db.execute(insert(left_out_lines).from_select(["factory_id", "line_item_id"], others))
    analyze_table(db, left_out_lines)
    sum_merged_copies(db)
    return errors


_LEAVE_TO_SOURCE = (
    update(copies)
    .where(copies.c.merges)
    .values(
        dict.fromkeys(
            (
                "billing_address_id",
                "shipping_address_id",
                "shipping_country_code_lock",
                "coupon_code",
                "coupon_code_key",
                "payment_source_id",
                "wallet_payment_source_id",
                "target_billing_address_id",
                "target_shipping_address_id",
                "target_payment_source_id",
            ),
            null(),
        )
    )
)


def _errors() -> Iterator[Insert]:
    known = exists().where(_is_named).correlate(copies, _factory)
    yield insert_errors(
        ErrorCode.MERGE_INTO_UNKNOWN,
        "the shop has no such order; give the number or the id of one",
        copies.c.merges,
        not_(known),
        joins=[_of_factory],
    )
    joins = [_of_factory, _of_source, (_open, _is_named)]
    yield insert_errors(
        ErrorCode.MERGE_INTO_NOT_OPEN,
        literal("the order to merge into is ") + _open.c.status + ", and must be draft or pending",
        copies.c.merges,
        _open.c.status.not_in(_OPEN),
        joins=joins,
    )
    market = func.coalesce(_factory.c.target_market, _source.c.market_name)
    same_guest = and_(
        _open.c.customer_id.is_(None),
        copies.c.customer_id.is_(None),
        _open.c.customer_email_key == copies.c.customer_email_key,
    )
    for differs, words in (
        (
            not_(or_(_open.c.customer_id == copies.c.customer_id, same_guest)).is_not(False),
            literal("the order to merge into is another customer's; set target_customer to theirs"),
        ),
        (
            _open.c.currency_code != copies.c.currency_code,
            literal("the order to merge into is in ")
            + _open.c.currency_code
            + ", and the copy in "
            + copies.c.currency_code
            + "; set target_currency",
        ),
        (
            _open.c.market_name.is_distinct_from(market),
            literal("the order to merge into has another market; set target_market to it"),
        ),
        (
            _open.c.tax_included != _source.c.tax_included,
            literal("only one of the two orders has prices that include taxes"),
        ),
        (_open.c.id == _source.c.id, literal("the order to merge into is the source order")),
    ):
        yield insert_errors(
            ErrorCode.MERGE_INTO_DIFFERS, words, copies.c.merges, differs, joins=joins
        )
    copied, original = _line.alias("copied"), _line.alias("original")
    is_merged_already = exists().where(
        copied.c.order_id == _open.c.id,
        original.c.id == copied.c.copied_from_id,
        original.c.order_id == copies.c.source_order_id,
    )
    yield insert_errors(
        ErrorCode.MERGE_INTO_TWICE,
        "the order to merge into has lines of the source order already",
        copies.c.merges,
        is_merged_already.correlate(copies, _open),
        joins=joins,
    )
    for option, is_set in _OPTIONS_OF_NEW_ORDERS.items():
        yield insert_errors(
            ErrorCode.MERGE_INTO_WITH_OPTION,
            f"{option} is for a copy that is a new order; leave it out",
            copies.c.merges,
            is_set,
            joins=[_of_factory],
        )


def update_merged_orders(db: Connection) -> None:
    """Make the orders that were merged into worth what their lines are."""
    merged = select(copies.c.target_order_id).where(copies.c.valid, copies.c.merges)
    update_totals_of(db, merged)
