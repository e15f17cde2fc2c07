"""Place existing orders, with the same checks, stock and payment as for copies.

The steps of copying work on order factories. So each order gets a temporary factory: its source and
target are the order itself, and it is deleted before the commit.
"""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    case,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    true,
    update,
)

from order_factory.models.tables import (
    CopyError,
    Customer,
    CustomerPaymentSource,
    Event,
    Order,
    OrderFactory,
    PaymentSource,
)
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.event_names import EventName
from order_factory.models.values.gift_card_policies import GiftCardPolicy
from order_factory.models.values.payment_source_fallbacks import PaymentSourceFallback
from order_factory.models.values.statuses import FactoryStatus, OrderStatus
from order_factory.models.values.stock_policies import StockPolicy
from order_factory.tasks.copying.check_orders import check_orders
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.copying.gift_cards import use_gift_cards
from order_factory.tasks.copying.placement import place_loaded, update_orders
from order_factory.tasks.copying.placing_again import (
    IS_TO_BE_PLACED,
    check_orders_again,
    keep_target_orders,
    use_coupons_of,
)
from order_factory.tasks.copying.wallets import COPIED_COLUMNS
from order_factory.tasks.payments.intents import insert_authorizations_of_orders
from order_factory.tasks.payments.open_payments import cancel_open_payments
from order_factory.tasks.stock.reservations import return_stock, take_stock
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.claims import insert_claims
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.events import record_order_events
from order_factory.tasks.working_set.requested_orders import (
    accepted_orders,
    drop_orders,
    record_problems,
    refuse_transition,
)
from order_factory.tasks.working_set.statements import (
    NOW,
    at,
    execute_and_count,
    insert_counted,
    table_of,
)
from order_factory.tasks.working_set.step import StepFunction, step
from order_factory.tasks.working_set.tables import (
    analyze_copies,
    claims,
    copies,
    open_temporary_tables,
    placements,
)
from order_factory.tasks.working_set.wallet_entries import join_wallet_entry

_factory, _order, _payment = table_of(OrderFactory), table_of(Order), table_of(PaymentSource)
_saved, _error = table_of(CustomerPaymentSource), table_of(CopyError)
_maker = _factory.alias("maker")
# A copy that could not be placed has returned its coupon. Other orders still use theirs.
_has_given_back = exists().where(
    _order.c.id == copies.c.target_order_id,
    _maker.c.id == _order.c.order_factory_id,
    _maker.c.place_target_order,
)
_ITS_ORDER = (_order, _order.c.id == copies.c.target_order_id)


def place(
    db: Connection, now: datetime, flow_run_id: str | None = None, *, followed: bool = False
) -> None:
    """Place the requested orders that are pending and complete.

    An order that needs a gateway becomes `placing`, with its stock reserved and its authorization
    recorded; the others become `placed`. If an order cannot be placed, the reason is recorded in
    `order_problems`, and the order does not change. Orders that are placed or being placed stay as
    they are.
    """
    drop_orders(db, _order.c.status.in_([OrderStatus.PLACING, OrderStatus.PLACED]))
    refuse_transition(db, OrderStatus.PLACED, _order.c.status != OrderStatus.PENDING)
    _place(db, now, PLACE, flow_run_id, followed=followed)
    cancel_open_payments(db, accepted_orders(), now)


def take_stock_again(db: Connection, now: datetime) -> None:
    """Check the requested placed orders, and take the stock that their lines need now.

    The caller rolls back if a problem is recorded.
    """
    return_stock(db, accepted_orders(), now)
    _place(db, now, TAKE_STOCK_AGAIN)


def _place(
    db: Connection,
    now: datetime,
    steps: list[StepFunction],
    flow_run_id: str | None = None,
    *,
    followed: bool = False,
) -> None:
    open_temporary_tables(db)
    marker = str(uuid4())
    newest = db.scalar(select(func.max(_factory.c.id))) or 0
    if not execute_and_count(db, _insert_factories(marker, now)):
        return
    # Another process may have inserted factories in between.
    is_new = and_(_factory.c.id > newest, _factory.c.flow_run_id == marker)
    size = execute_and_count(db, insert_claims(select(_factory.c.id).where(is_new)))
    copied = copy_claimed(
        db,
        size,
        flow_run_id,
        steps=steps,
        load=_load,
        keep=keep_target_orders,
        close=note_results,
        followed=followed,
    )
    assert not copied.stuck, "note_results writes nothing that can be refused"
    own = select(claims.c.factory_id)
    for table in (_error, table_of(Event)):
        db.execute(delete(table).where(table.c.order_factory_id.in_(own)))
    db.execute(delete(_factory).where(_factory.c.id.in_(own)))


def _insert_factories(marker: str, now: datetime) -> Insert:
    values: dict[str, ColumnElement[Any]] = {
        "mode": _order.c.mode,
        "source_order_id": _order.c.id,
        "status": literal(FactoryStatus.PENDING.value),
        "place_target_order": true(),
        "reuse_wallet": _order.c.payment_source_id.is_not(None),
        # As for the order's copy, but the order keeps all of its lines, so it needs all pieces.
        "stock": case(
            (_maker.c.stock == StockPolicy.IGNORE, StockPolicy.IGNORE.value),
            else_=StockPolicy.TAKE.value,
        ),
        "gift_cards": func.coalesce(_maker.c.gift_cards, GiftCardPolicy.REUSE.value),
        # An order pays with its own payment source. Only the shop's setting may choose another.
        "payment_source_fallback": literal(PaymentSourceFallback.OFF.value),
        "flow_run_id": literal(marker),
        "created_at": at(now),
        "updated_at": at(now),
    }
    rows = _order.outerjoin(_maker, _maker.c.id == _order.c.order_factory_id)
    chosen = select(*values.values()).select_from(rows).where(_order.c.id.in_(accepted_orders()))
    return insert_counted(_factory, list(values), chosen.order_by(_order.c.id))


def _load(db: Connection, first: int, last: int) -> None:
    db.execute(_insert_copies(first, last))
    analyze_copies(db)


def _insert_copies(first: int, last: int) -> Insert:
    customer = table_of(Customer)
    joined = (
        claims.join(_factory, _factory.c.id == claims.c.factory_id)
        .join(_order, _order.c.id == _factory.c.source_order_id)
        .outerjoin(_maker, _maker.c.id == _order.c.order_factory_id)
        .outerjoin(customer, customer.c.id == _order.c.customer_id)
        .outerjoin(_payment, _payment.c.id == _order.c.payment_source_id)
    )
    rows, wallet = join_wallet_entry(joined, _payment, _order.c.customer_id)
    values: dict[str, ColumnElement[Any]] = {
        column.key: (_factory if column.key in _factory.c else _order).c[column.key]
        for column in copies.c
        if column.key in _factory.c or column.key in _order.c
    }
    counts_coupon = func.coalesce(_maker.c.place_target_order, false())
    values |= {
        "factory_id": _factory.c.id,
        "mode": _order.c.mode,
        "source_order_id": _order.c.id,
        "target_order_id": _order.c.id,
        "customer_status": customer.c.status,
        # An order that uses its coupon already must not use it twice.
        "coupon_code": case((counts_coupon, _order.c.coupon_code)),
        "coupon_code_key": case((counts_coupon, _order.c.coupon_code_key)),
        "wallet_payment_source_id": wallet,
        "target_billing_address_id": _order.c.billing_address_id,
        "target_shipping_address_id": _order.c.shipping_address_id,
        "target_payment_source_id": _order.c.payment_source_id,
        "valid": true(),
        "failed": false(),
        "awaits": false(),
        "aborted": false(),
    }
    chosen = select(*values.values()).select_from(rows)
    chosen = chosen.where(claims.c.factory_id.between(first, last))
    return insert(copies).from_select(list(values), chosen)


@step(name="renew payment sources of orders", field="payment_source")
def renew_payment_sources(db: Connection, batch: Batch) -> int:
    """Update the payment sources from the wallets, and refuse removed ones."""
    wallet = _payment.alias("wallet")
    is_own_payment = _payment.c.id == copies.c.target_payment_source_id
    original = and_(
        _payment.c.copied_from_id == wallet.c.id,
        wallet.c.id == copies.c.wallet_payment_source_id,
    )
    fresh = {column.key: wallet.c[column.key] for column in COPIED_COLUMNS}
    different = or_(*(_payment.c[name].is_distinct_from(of) for name, of in fresh.items()))
    renewed = update(_payment).where(is_own_payment, original, different)
    rows = execute_and_count(db, renewed.values(**fresh, updated_at=NOW), now=batch.started_at)
    missing = insert_errors(
        ErrorCode.PAYMENT_SOURCE_MISSING,
        "the payment source is no longer in the customer's wallet; choose another one",
        copies.c.wallet_payment_source_id.is_(None),
        _payment.c.copied_from_id.is_not(None),
        joins=[(_payment, is_own_payment)],
    )
    rows += execute_and_count(db, missing)
    wrong = exists().where(_error.c.order_factory_id == copies.c.factory_id)
    db.execute(update(copies).where(wrong, copies.c.valid).values(valid=false()))
    return rows


@step(name="check orders to place", field="status")
def check_orders_to_place(db: Connection, batch: Batch) -> int:
    """Record everything that is wrong with the orders now. Returns the number of errors."""
    return check_orders_again.fn(db, batch)


@step(name="use coupons of orders", field="coupon_code")
def use_coupons(db: Connection, batch: Batch) -> int:
    """Use the coupons and promotions again that a failed placement returned. Returns the errors."""
    return use_coupons_of(db, batch, and_(IS_TO_BE_PLACED, _has_given_back))


@step(name="place orders", field="status")
def place_pending(db: Connection, batch: Batch) -> int:
    """Place the orders, reserve their stock, prepare their payment. Returns their number."""
    return place_loaded(db, batch, insert_authorizations_of_orders)


@step(name="check edited orders", field="status")
def check_edited(db: Connection, batch: Batch) -> int:
    """Record everything that is wrong with the orders. Returns the number of errors."""
    return check_orders.fn(db, batch)


@step(name="take stock of edited orders", field="line_items")
def take_edited_stock(db: Connection, batch: Batch) -> int:
    """Take the stock of the orders. Returns their number."""
    rows = select(copies.c.factory_id, false()).where(IS_TO_BE_PLACED)
    placed = execute_and_count(db, insert_counted(placements, ["factory_id", "remote"], rows))
    if placed:
        take_stock(db, batch.started_at)
        db.execute(update_orders(), {"now": batch.started_at})
    return placed


@step(name="note results", field="status")
def note_results(db: Connection, batch: Batch) -> int:
    """Record each order's problems, and set `updated_at` of the others; count the placed orders."""
    problems = select(copies.c.target_order_id, _error.c.field, _error.c.message)
    problems = problems.join(_error, _error.c.order_factory_id == copies.c.factory_id)
    # An order can be placed although it has an error, such as a gift card that pays less. It is not
    # refused.
    is_placed = exists().where(placements.c.factory_id == copies.c.factory_id)
    record_problems(db, problems.where(not_(is_placed)).order_by(_error.c.id))
    placed = select(copies.c.target_order_id)
    placed = placed.join(placements, placements.c.factory_id == copies.c.factory_id)
    at_once = placed.where(not_(placements.c.remote))
    # An edited order was placed before.
    newly = _order.c.placed_at == at(batch.started_at)
    record_order_events(db, [EventName.ORDER_PLACE], at_once, newly, now=batch.started_at)
    changed = update(_order).where(_order.c.id.in_(placed))
    return execute_and_count(db, changed.values(updated_at=NOW), now=batch.started_at)


PLACE: list[StepFunction] = [
    renew_payment_sources,  # updates the cards from the wallets
    check_orders_to_place,  # checks the customer, the lines, the stock and the coupon
    use_coupons,  # uses what a failed placement returned
    use_gift_cards,  # decides what the gift card pays now
    place_pending,  # reserves the stock, prepares the payment
    note_results,  # records the problems for the caller
]
TAKE_STOCK_AGAIN: list[StepFunction] = [check_edited, take_edited_stock, note_results]
