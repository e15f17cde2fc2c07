"""Record captures and refunds of payments. The gateway is called after the commit."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
)

from order_factory.gateways.registry import DEFAULT, known_gateways
from order_factory.models.tables import Order, PaymentMethod, PaymentSource, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.statuses import OrderStatus, PaymentStatus
from order_factory.tasks.payments.intents import (
    has_named_refund,
    insert_captures,
    insert_manual_authorizations,
    insert_refunds,
    select_held_authorizations,
    select_refundable_captures,
)
from order_factory.tasks.payments.statuses import update_payment_statuses
from order_factory.tasks.working_set.amount_texts import describe_amount
from order_factory.tasks.working_set.requested_orders import (
    accepted_orders,
    drop_orders,
    refuse,
    requested_orders,
)
from order_factory.tasks.working_set.statements import execute_and_count, table_of

_order, _transaction = table_of(Order), table_of(Transaction)
_source, _method = table_of(PaymentSource), table_of(PaymentMethod)
_CAPTURABLE = (OrderStatus.PLACED, OrderStatus.APPROVED)


def capture(db: Connection, now: datetime) -> None:
    """Record a capture for each requested order that is not paid: of the amount, or of its total.

    If a person takes the money (the gateway `manual`), the order is paid at once.
    """
    drop_orders(db, _order.c.payment_status == PaymentStatus.PAID)
    drop_orders(db, _has_transaction(TransactionType.CAPTURES, TransactionStatus.UNKNOWN))
    not_placed = _order.c.status.not_in(_CAPTURABLE)
    refuse(db, "status", literal("cannot be captured: the order is ") + _order.c.status, not_placed)
    free = _order.c.payment_status == PaymentStatus.FREE
    refuse(db, "payment_status", "cannot be captured: nothing is to be paid for the order", free)
    undecided = _has_transaction(None, TransactionStatus.UNKNOWN)
    refuse(db, "payment_status", "cannot be captured: the payment is not decided yet", undecided)
    gateways = list(known_gateways())
    held = select_held_authorizations(gateways).subquery("held")
    is_held = exists().where(held.c.order_id == _order.c.id)
    is_manual = and_(
        _order.c.payment_status == PaymentStatus.UNPAID,
        _order.c.total_amount_with_taxes_cents > 0,
        _select_gateway() == DEFAULT,
        not_(_has_transaction(TransactionType.AUTHORIZATIONS, TransactionStatus.SUCCEEDED)),
    )
    message = literal("cannot be captured: no gateway holds its payment here; it is ")
    not_held = not_(or_(is_held, is_manual))
    refuse(db, "payment_status", message + _order.c.payment_status, not_held)
    amounts = select(held.c.amount_cents).where(held.c.order_id == _order.c.id)
    held_cents = amounts.correlate(_order).scalar_subquery()
    too_much = literal("must be at most ") + describe_amount(held_cents, _order.c.currency_code)
    too_much += ", what is authorized"
    refuse(db, "_capture_amount_cents", too_much, requested_orders.c.amount_cents > held_cents)
    execute_and_count(db, insert_manual_authorizations(), now=now)
    remote = [name for name in gateways if known_gateways()[name].terms.remote]
    execute_and_count(db, insert_captures(remote, TransactionStatus.UNKNOWN), now=now)
    by_hand = [name for name in gateways if name not in remote]
    if execute_and_count(db, insert_captures(by_hand, TransactionStatus.SUCCEEDED), now=now):
        _update_settled(db, TransactionType.CAPTURES, by_hand, now)


def refund(db: Connection, now: datetime) -> None:
    """Record a refund for each requested order: of the amount, or of all that is left.

    Nothing is recorded for an order that was refunded before under the same request name. Without
    an amount, nothing is recorded for a completely refunded order either.
    """
    drop_orders(db, has_named_refund())
    all_of_it = requested_orders.c.amount_cents.is_(None)
    drop_orders(db, _order.c.payment_status == PaymentStatus.REFUNDED, all_of_it)
    refundable = select_refundable_captures().subquery("refundable")
    refundable_cents = select(refundable.c.left_cents).where(refundable.c.order_id == _order.c.id)
    left_cents = refundable_cents.correlate(_order).scalar_subquery()
    undecided = _has_transaction(TransactionType.CAPTURES, TransactionStatus.UNKNOWN)
    refuse(db, "payment_status", "cannot be refunded: the capture is not decided yet", undecided)
    refuse(
        db, "payment_status", "cannot be refunded: nothing was captured here", left_cents.is_(None)
    )
    message = (
        literal("must be at most ")
        + describe_amount(left_cents, _order.c.currency_code)
        + ", what is left to refund"
    )
    refuse(db, "_refund_amount_cents", message, requested_orders.c.amount_cents > left_cents)
    in_doubt = literal("cannot be refunded: all of it is refunded, or about to be")
    refuse(db, "payment_status", in_doubt, left_cents <= 0)
    remote = [name for name, known in known_gateways().items() if known.terms.remote]
    if execute_and_count(db, insert_refunds(remote), now=now):
        by_hand = [name for name in known_gateways() if name not in remote]
        _update_settled(db, TransactionType.REFUNDS, by_hand, now)


def _update_settled(
    db: Connection, kind: TransactionType, by_hand: list[str], now: datetime
) -> None:
    """Set the new payment status of the orders for which no gateway must be called."""
    done = exists().where(
        _transaction.c.order_id == _order.c.id,
        _transaction.c.type == kind,
        _transaction.c.gateway.in_(by_hand),
        _transaction.c.status == TransactionStatus.SUCCEEDED,
    )
    settled = select(_order.c.id).where(_order.c.id.in_(accepted_orders()), done)
    update_payment_statuses(db, settled, now)


def _select_gateway() -> ColumnElement[str]:
    of_source = select(_source.c.gateway).where(_source.c.id == _order.c.payment_source_id)
    of_method = select(_method.c.gateway).where(_method.c.id == _order.c.payment_method_id)
    return func.coalesce(
        of_source.correlate(_order).scalar_subquery(),
        of_method.correlate(_order).scalar_subquery(),
        DEFAULT,
    )


def _has_transaction(
    kind: TransactionType | None, status: TransactionStatus
) -> ColumnElement[bool]:
    same = _transaction.c.type == kind if kind is not None else literal(True)
    is_repeated = exists().where(
        _transaction.c.order_id == _order.c.id, same, _transaction.c.status == status
    )
    return is_repeated.correlate(_order)
