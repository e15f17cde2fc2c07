"""Cancel the source orders of copies, on request."""

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
# If the copy was to be placed and is not, the source may be the customer's only order.
_is_to_be_cancelled = and_(_is_requested, not_(copies.c.awaits), not_(copies.c.failed))
_SOME = select_any_copy(_is_requested)
_STARTED = (FulfillmentStatus.IN_PROGRESS, FulfillmentStatus.FULFILLED)
_AUTHORIZED = (PaymentStatus.AUTHORIZED, PaymentStatus.PARTIALLY_AUTHORIZED)


@step(
    name="cancel source orders",
    field="source_order",
    needed=_SOME,
    errors=(ErrorCode.SOURCE_ORDER_NOT_CANCELLED,),
    idle="No source order is to be cancelled.",
)
def cancel_source_orders(db: Connection, batch: Batch) -> int:
    """Cancel the sources of the copies that succeeded, unless a gateway must be called first.

    A copy whose placing is unfinished or failed has not succeeded. Returns the number of source
    orders that are cancelled now.
    """
    return cancel_sources(db, batch.started_at)


def cancel_sources(db: Connection, now: datetime) -> int:
    """Cancel the sources at any time, and mark the copies that wait for a payment to be voided."""
    if not db.scalar(_SOME):
        return 0
    _lock_sources(db)
    if execute_and_count(db, _insert_cancellations()):
        _void_payments(db, now)
    execute_and_count(db, _insert_refusals())
    at_once = select(cancellations.c.order_id).join(
        copies, copies.c.factory_id == cancellations.c.factory_id
    )
    return finish(db, at_once.where(not_(copies.c.awaits)), now)


def finish(db: Connection, orders: Orders, now: datetime) -> int:
    """Cancel these orders, and give back their stock, gift cards, coupons and promotions.

    Their payments must be voided already, or not exist.
    """
    allowed = may_become(_source.c.status, OrderStatus.CANCELLED)
    mine = update(_source).where(_source.c.id.in_(orders), allowed)
    cancelled = execute_and_count(
        db,
        mine.values(status=OrderStatus.CANCELLED, cancelled_at=NOW, updated_at=NOW),
        now=now,
    )
    if cancelled:
        # An order that was cancelled before has given back everything already.
        now_cancelled = _source.c.cancelled_at == at(now)
        record_order_events_if_subscribed(
            db, EventName.ORDER_CANCEL, orders, now_cancelled, now=now
        )
        its_own = select(_source.c.id).where(_source.c.id.in_(orders), now_cancelled)
        return_stock(db, its_own, now)
        return_to_gift_cards(db, orders, now, now_cancelled)
        release_uses(db, orders, now, and_(now_cancelled, has_uses))
        cancel_open_payments(db, its_own, now)
    return cancelled


def _insert_cancellations() -> Insert:
    """Insert the source orders that may be cancelled, each for the first factory to request it."""
    first = func.min(copies.c.factory_id)
    rows = (
        select(copies.c.source_order_id, first)
        .join(*_source_of_copy)
        .where(_is_to_be_cancelled, not_(is_not_placed()), not_(_is_barred()))
        .group_by(copies.c.source_order_id)
    )
    return insert(cancellations).from_select(["order_id", "factory_id"], rows)


def _void_payments(db: Connection, now: datetime) -> None:
    remote = [name for name, known in known_gateways().items() if known.terms.remote]
    if execute_and_count(db, insert_voids(remote), now=now):
        held = exists().where(
            _transaction.c.order_id == cancellations.c.order_id,
            _transaction.c.status == TransactionStatus.UNKNOWN,
        )
        waiting = select(cancellations.c.factory_id).where(held)
        db.execute(update(copies).where(copies.c.factory_id.in_(waiting)).values(awaits=True))


def _is_barred() -> ColumnElement[bool]:
    barred = explain_not_cancelled().is_not(None)
    return or_(not_(may_become(_source.c.status, OrderStatus.CANCELLED)), barred)


def explain_not_cancelled() -> ColumnElement[str | None]:
    """Return why an order whose status allows it cannot be cancelled; null if it can."""
    remote = [name for name, known in known_gateways().items() if known.terms.remote]
    held = select_held_authorizations(remote).subquery("held")
    can_be_voided = exists().where(held.c.order_id == _source.c.id)
    undecided = exists().where(
        _transaction.c.order_id == _source.c.id,
        _transaction.c.status == TransactionStatus.UNKNOWN,
    )
    return case(
        (_source.c.fulfillment_status.in_(_STARTED), "it is being fulfilled or was already"),
        (undecided, "its payment is not decided yet"),
        (
            and_(_source.c.payment_status.in_(_AUTHORIZED), not_(can_be_voided)),
            "its payment was not authorized here, and cannot be voided here",
        ),
        else_=null(),
    )


def _insert_refusals() -> Insert:
    """Insert the errors of the copies whose source is not cancelled."""
    mine = exists().where(cancellations.c.factory_id == copies.c.factory_id)
    taken = exists().where(cancellations.c.order_id == copies.c.source_order_id)
    prefix = literal("the source order was not cancelled: ")
    message = case(
        (is_not_placed(), prefix + "its copy was not placed"),
        (taken, prefix + "another copy of it has cancelled it"),
        (
            not_(may_become(_source.c.status, OrderStatus.CANCELLED)),
            transition_message(_source.c.status, OrderStatus.CANCELLED),
        ),
        else_=prefix + explain_not_cancelled(),
    )
    # A failed copy never cancels its source, so it needs no error about that.
    needless = and_(is_not_placed(), not_(copies.c.skip_errors))
    return insert_errors(
        ErrorCode.SOURCE_ORDER_NOT_CANCELLED,
        message,
        _is_to_be_cancelled,
        not_(mine),
        not_(needless),
        joins=[_source_of_copy],
    )


def _lock_sources(db: Connection) -> None:
    """Lock the source orders in the order of their keys, so that nobody else cancels them."""
    lock_rows(db, _source, select(copies.c.source_order_id).where(_is_to_be_cancelled))
