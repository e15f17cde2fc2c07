"""Cancel source orders when their copies request it."""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    case,
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

from order_factory.gateways.registry import known_gateways
from order_factory.models.database.row_locks import lock_rows
from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionStatus
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.event_names import EventName
from order_factory.models.values.order_states import may_become, transition_message
from order_factory.models.values.statuses import FulfillmentStatus, OrderStatus, PaymentStatus
from order_factory.tasks.gift_cards.uses import return_to_gift_cards
from order_factory.tasks.payments.intents import insert_voids, select_held_authorizations
from order_factory.tasks.payments.open_payments import cancel_open_payments
from order_factory.tasks.promotions.releases import has_uses, release_uses
from order_factory.tasks.stock.reservations import Orders, return_stock
from order_factory.tasks.working_set.batch import Batch
from order_factory.tasks.working_set.copy_errors import insert_errors, select_any_copy
from order_factory.tasks.working_set.events import record_order_events_if_subscribed
from order_factory.tasks.working_set.placements import is_not_placed
from order_factory.tasks.working_set.statements import NOW, at, execute_and_count, table_of
from order_factory.tasks.working_set.step import step
from order_factory.tasks.working_set.tables import cancellations, copies

_source, _transaction = table_of(Order), table_of(Transaction)
_source_of_copy = (_source, _source.c.id == copies.c.source_order_id)
_is_requested = and_(copies.c.cancel_source_order, copies.c.valid)
# If the copy could not be placed, the source may be the customer's only order.
_is_to_be_cancelled = and_(_is_requested, not_(copies.c.awaits), not_(copies.c.failed))
_HAS_REQUESTS = select_any_copy(_is_requested)
_STARTED = (FulfillmentStatus.IN_PROGRESS, FulfillmentStatus.FULFILLED)
_AUTHORIZED = (PaymentStatus.AUTHORIZED, PaymentStatus.PARTIALLY_AUTHORIZED)


@step(
    name="cancel source orders",
    field="source_order",
    needed=_HAS_REQUESTS,
    errors=(ErrorCode.SOURCE_ORDER_NOT_CANCELLED,),
    idle="No source order is to be cancelled.",
)
def cancel_source_orders(db: Connection, batch: Batch) -> int:
    """Cancel the sources of the copies that succeeded, unless a gateway must be called first.

    A copy that waits for its gateway, or could not be placed, has not succeeded. Returns the number
    of source orders that are cancelled now.
    """
    return cancel_sources(db, batch.started_at)


def cancel_sources(db: Connection, now: datetime) -> int:
    """Cancel the source orders, and mark the copies that wait for a void.

    Returns the number of source orders that are cancelled now.
    """
    if not db.scalar(_HAS_REQUESTS):
        return 0
    _lock_sources(db)
    if execute_and_count(db, _insert_cancellations()):
        _void_payments(db, now)
    execute_and_count(db, _insert_refusals())
    at_once = select(cancellations.c.order_id).join(
        copies, copies.c.factory_id == cancellations.c.factory_id
    )
    return cancel_orders(db, at_once.where(not_(copies.c.awaits)), now)


def cancel_orders(db: Connection, orders: Orders, now: datetime) -> int:
    """Cancel these orders, and return their stock, gift cards, coupons and promotions.

    They must have no payment, or their payments must be voided already. Returns the number of
    orders that are cancelled now.
    """
    allowed = may_become(_source.c.status, OrderStatus.CANCELLED)
    statement = update(_source).where(_source.c.id.in_(orders), allowed)
    cancelled = execute_and_count(
        db,
        statement.values(status=OrderStatus.CANCELLED, cancelled_at=NOW, updated_at=NOW),
        now=now,
    )
    if cancelled:
        # An order that was cancelled before has returned everything already.
        is_cancelled_now = _source.c.cancelled_at == at(now)
        record_order_events_if_subscribed(
            db, EventName.ORDER_CANCEL, orders, is_cancelled_now, now=now
        )
        newly_cancelled = select(_source.c.id).where(_source.c.id.in_(orders), is_cancelled_now)
        return_stock(db, newly_cancelled, now)
        return_to_gift_cards(db, orders, now, is_cancelled_now)
        release_uses(db, orders, now, and_(is_cancelled_now, has_uses))
        cancel_open_payments(db, newly_cancelled, now)
    return cancelled


def _insert_cancellations() -> Insert:
    """Insert the source orders to cancel, each with the first factory that requests it."""
    first = func.min(copies.c.factory_id)
    rows = (
        select(copies.c.source_order_id, first)
        .join(*_source_of_copy)
        .where(_is_to_be_cancelled, not_(is_not_placed()), not_(_cannot_be_cancelled()))
        .group_by(copies.c.source_order_id)
    )
    return insert(cancellations).from_select(["order_id", "factory_id"], rows)


def _void_payments(db: Connection, now: datetime) -> None:
    remote = [name for name, known in known_gateways().items() if known.terms.remote]
    if execute_and_count(db, insert_voids(remote), now=now):
        awaits_answer = exists().where(
            _transaction.c.order_id == cancellations.c.order_id,
            _transaction.c.status == TransactionStatus.UNKNOWN,
        )
        waiting = select(cancellations.c.factory_id).where(awaits_answer)
        db.execute(update(copies).where(copies.c.factory_id.in_(waiting)).values(awaits=True))


def _cannot_be_cancelled() -> ColumnElement[bool]:
    has_reason = explain_not_cancelled().is_not(None)
    return or_(not_(may_become(_source.c.status, OrderStatus.CANCELLED)), has_reason)


def explain_not_cancelled() -> ColumnElement[str | None]:
    """Return the reason why an order cannot be cancelled although its status allows it, or null."""
    remote = [name for name, known in known_gateways().items() if known.terms.remote]
    held = select_held_authorizations(remote).subquery("held")
    can_be_voided = exists().where(held.c.order_id == _source.c.id)
    is_undecided = exists().where(
        _transaction.c.order_id == _source.c.id,
        _transaction.c.status == TransactionStatus.UNKNOWN,
    )
    return case(
        (_source.c.fulfillment_status.in_(_STARTED), "it is being fulfilled or was already"),
        (is_undecided, "its payment is not decided yet"),
        (
            and_(_source.c.payment_status.in_(_AUTHORIZED), not_(can_be_voided)),
            "its payment was not authorized here, and cannot be voided here",
        ),
        else_=null(),
    )


def _insert_refusals() -> Insert:
    """Insert the errors of the copies whose source is not cancelled."""
    is_own = exists().where(cancellations.c.factory_id == copies.c.factory_id)
    is_cancelled_by_other = exists().where(cancellations.c.order_id == copies.c.source_order_id)
    prefix = literal("the source order was not cancelled: ")
    message = case(
        (is_not_placed(), prefix + "its copy was not placed"),
        (is_cancelled_by_other, prefix + "another copy of it has cancelled it"),
        (
            not_(may_become(_source.c.status, OrderStatus.CANCELLED)),
            transition_message(_source.c.status, OrderStatus.CANCELLED),
        ),
        else_=prefix + explain_not_cancelled(),
    )
    # A failed copy never cancels its source, so it gets no error about that.
    fails_anyway = and_(is_not_placed(), not_(copies.c.skip_errors))
    return insert_errors(
        ErrorCode.SOURCE_ORDER_NOT_CANCELLED,
        message,
        _is_to_be_cancelled,
        not_(is_own),
        not_(fails_anyway),
        joins=[_source_of_copy],
    )


def _lock_sources(db: Connection) -> None:
    """Lock the source orders in the order of their keys, so that no other run cancels them."""
    lock_rows(db, _source, select(copies.c.source_order_id).where(_is_to_be_cancelled))
