"""Change the orders of answered transactions: their statuses, stock, gift cards, and errors.

The answers are in their temporary table, and the transactions have their new statuses.
"""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    select,
    true,
    update,
)

from order_factory.gateways.failure_classes import FailureClass, list_codes
from order_factory.gateways.protocol import CALLED_OFF, NOT_SUPPORTED
from order_factory.models.tables import Order, OrderFactory, PaymentSource, Transaction
from order_factory.models.tables.transactions import TransactionStatus, TransactionType
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.event_names import EventName
from order_factory.models.values.order_states import may_become, new_status
from order_factory.models.values.statuses import OrderStatus, PaymentStatus
from order_factory.tasks.gift_cards.uses import end_gift_card_uses
from order_factory.tasks.outcomes.cancellation import cancel_orders, cancel_sources
from order_factory.tasks.payments.earlier import close_earlier_payments
from order_factory.tasks.payments.open_payments import close_cancelled_payments
from order_factory.tasks.payments.statuses import update_payment_statuses
from order_factory.tasks.payments.unwanted import abort_dropped, abort_voided, void_unwanted
from order_factory.tasks.promotions.releases import release_uses
from order_factory.tasks.stock.reservations import Orders, end_reservations
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.events import record_order_events
from order_factory.tasks.working_set.statements import (
    NOW,
    at,
    execute_and_count,
    table_of,
)
from order_factory.tasks.working_set.tables import (
    answers,
    copies,
)

_transaction, _factory = table_of(Transaction), table_of(OrderFactory)
_order, _payment = table_of(Order), table_of(PaymentSource)
IS_AUTHORIZATION = _transaction.c.type == TransactionType.AUTHORIZATIONS
# The transactions with their answers.
ANSWERED = _transaction.join(answers, answers.c.transaction_id == _transaction.c.id)


def _select_orders(kind: TransactionType, *, succeeded: bool) -> Orders:
    """Select the orders of the answers that succeeded, or of those that did not."""
    condition = answers.c.succeeded if succeeded else not_(answers.c.succeeded)
    rows = select(_transaction.c.order_id).select_from(ANSWERED)
    return rows.where(_transaction.c.type == kind, condition)


def _has_answer(kind: TransactionType, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().select_from(ANSWERED).where(_transaction.c.type == kind, *where)


def _record_refusals(db: Connection) -> None:
    """Record an error for each copy whose payment was declined, and mark it as failed."""
    is_of_copy = _transaction.c.order_factory_id == copies.c.factory_id
    code = func.coalesce(answers.c.error_code, "")
    refused = and_(IS_AUTHORIZATION, not_(answers.c.succeeded), code != CALLED_OFF)
    joins = [
        (_transaction, is_of_copy),
        (answers, answers.c.transaction_id == _transaction.c.id),
    ]
    reason = func.coalesce(answers.c.message, answers.c.error_code, "the gateway gave no reason")
    # If the gateway never accepts such a payment, no bank has declined it.
    message = case(
        (code.in_(NOT_SUPPORTED), literal("the payment cannot be authorized: ") + reason),
        else_=literal("the payment was declined: ") + reason,
    )
    hard, needs_customer = list_codes(FailureClass.HARD), list_codes(FailureClass.NEEDS_CUSTOMER)
    for kind, condition, advice in (
        (ErrorCode.PAYMENT_DECLINED, code.not_in((*hard, *needs_customer)), ""),
        (ErrorCode.PAYMENT_REFUSED, code.in_(hard), " Another payment source is needed."),
        (
            ErrorCode.PAYMENT_NEEDS_CUSTOMER,
            code.in_(needs_customer),
            " The customer has to confirm it in the shop.",
        ),
    ):
        statement = insert_errors(kind, message + advice, refused, condition, joins=joins)
        execute_and_count(db, statement)
    detail = f"cannot transition from {OrderStatus.PENDING} to {OrderStatus.PLACED}"
    execute_and_count(db, insert_errors(ErrorCode.CANNOT_BE_PLACED, detail, refused, joins=joins))
    failed = select(_transaction.c.order_factory_id).select_from(ANSWERED).where(refused)
    mark = update(copies).where(copies.c.factory_id.in_(failed), not_(copies.c.skip_errors))
    db.execute(mark.values(failed=true()))


def _mark_refused_sources(db: Connection, now: datetime) -> None:
    """Set `refused_at` of the payment sources in the wallets that were refused permanently.

    `updated_at` does not change. Once it is later than `refused_at`, the source is valid again.
    """
    hard = set(list_codes(FailureClass.HARD)) - set(NOT_SUPPORTED)
    of_order, of_wallet = _payment.alias("of_order"), _payment
    refused = (
        select(of_order.c.copied_from_id)
        .select_from(ANSWERED.join(_order, _order.c.id == _transaction.c.order_id))
        .join(of_order, of_order.c.id == _order.c.payment_source_id)
        .where(IS_AUTHORIZATION, not_(answers.c.succeeded), answers.c.error_code.in_(hard))
    )
    marked = update(of_wallet).where(of_wallet.c.id.in_(refused))
    db.execute(marked.values(refused_at=NOW), {"now": now})


def end_authorizations(db: Connection, now: datetime) -> None:
    """Place the orders whose payment is authorized, and set the others back to `pending`."""
    kind = TransactionType.AUTHORIZATIONS
    if not db.scalar(select(_has_answer(kind))):
        return
    close_earlier_payments(db, now)
    placed, declined = _select_orders(kind, succeeded=True), _select_orders(kind, succeeded=False)
    db.execute(
        update(_order)
        .where(_order.c.id.in_(placed), may_become(_order.c.status, OrderStatus.PLACED))
        .values(
            status=OrderStatus.PLACED,
            placed_at=NOW,
            payment_status=new_status(_order.c.payment_status, PaymentStatus.AUTHORIZED),
            updated_at=NOW,
        ),
        {"now": now},
    )
    authorized = (EventName.ORDER_AUTHORIZE, EventName.ORDER_PLACE)
    record_order_events(db, authorized, placed, _order.c.placed_at == at(now), now=now)
    end_reservations(db, placed, placed=True, now=now)
    end_gift_card_uses(db, placed, placed=True, now=now)
    if db.scalar(select(_has_answer(kind, not_(answers.c.succeeded)))):
        reopened = update(_order).where(
            _order.c.id.in_(declined), may_become(_order.c.status, OrderStatus.PENDING)
        )
        db.execute(reopened.values(status=OrderStatus.PENDING, updated_at=NOW), {"now": now})
        is_reopened = (_order.c.status == OrderStatus.PENDING, _order.c.updated_at == at(now))
        record_order_events(db, [EventName.ORDER_PENDING], declined, *is_reopened, now=now)
        end_reservations(db, declined, placed=False, now=now)
        end_gift_card_uses(db, declined, placed=False, now=now)
        # A copy that was not to be placed keeps the coupon uses from when it was made.
        release_uses(db, declined, now, _factory.c.place_target_order)
        _record_refusals(db)
        _mark_refused_sources(db, now)
        abort_dropped(db, now)
    void_unwanted(db, now)
    cancel_sources(db, now)


def end_voids(db: Connection, now: datetime) -> None:
    """Cancel the source orders whose payments are voided, and record refused voids as errors."""
    kind = TransactionType.VOIDS
    if not db.scalar(select(_has_answer(kind))):
        return
    close_cancelled_payments(db, now)
    # A payment that was never authorized has nothing to release.
    paid = _transaction.alias("paid")
    was_held = exists().where(
        paid.c.id == _transaction.c.authorization_id,
        paid.c.status == TransactionStatus.SUCCEEDED,
    )
    voided = _select_orders(kind, succeeded=True).where(was_held)
    release = update(_order).where(
        _order.c.id.in_(voided), may_become(_order.c.payment_status, PaymentStatus.VOIDED)
    )
    values = {"payment_status": PaymentStatus.VOIDED, "updated_at": NOW}
    db.execute(release.values(values), {"now": now})
    is_voided = _order.c.payment_status == PaymentStatus.VOIDED
    record_order_events(db, [EventName.ORDER_VOID], voided, is_voided, now=now)
    # If only the payment was voided, the order keeps its status.
    cancel_orders(db, voided.where(_transaction.c.order_factory_id.is_not(None)), now)
    abort_voided(db)
    joins = [
        (_transaction, _transaction.c.order_factory_id == copies.c.factory_id),
        (answers, answers.c.transaction_id == _transaction.c.id),
    ]
    prefix = literal("the source order was not cancelled: its payment could not be voided: ")
    message = prefix + func.coalesce(
        answers.c.message, answers.c.error_code, "the gateway gave no reason"
    )
    is_of_source = _transaction.c.order_id == copies.c.source_order_id
    refused = and_(_transaction.c.type == kind, not_(answers.c.succeeded), is_of_source)
    detail = insert_errors(ErrorCode.SOURCE_ORDER_NOT_CANCELLED, message, refused, joins=joins)
    execute_and_count(db, detail)


def end_captures_and_refunds(db: Connection, now: datetime) -> None:
    """Update the payment statuses of orders with answered captures or refunds."""
    for kind in (TransactionType.CAPTURES, TransactionType.REFUNDS):
        if db.scalar(select(_has_answer(kind))):
            update_payment_statuses(db, _select_orders(kind, succeeded=True), now)
