"""Payments of subscriptions that were cancelled or deactivated in the meantime.

A request that was not sent is dropped, and an authorization is voided. In both cases the copy
ends `aborted`, and its target order is cancelled.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, insert, literal, not_, select, true, update

from order_factory.gateways.protocol import CALLED_OFF
from order_factory.gateways.registry import known_gateways
from order_factory.models.tables import Order, Transaction
from order_factory.models.tables.transactions import TransactionType
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.event_names import EventName
from order_factory.models.values.order_states import may_become
from order_factory.models.values.statuses import OrderStatus
from order_factory.tasks.payments.claiming import is_unwanted
from order_factory.tasks.payments.intents import insert_voids
from order_factory.tasks.payments.open_payments import cancel_open_payments
from order_factory.tasks.working_set.copy_errors import insert_errors
from order_factory.tasks.working_set.events import record_order_events
from order_factory.tasks.working_set.statements import NOW, at, execute_and_count, table_of
from order_factory.tasks.working_set.tables import answers, cancellations, copies

_transaction, _order = table_of(Transaction), table_of(Order)
_answered = _transaction.join(answers, answers.c.transaction_id == _transaction.c.id)
_is_authorization = _transaction.c.type == TransactionType.AUTHORIZATIONS
_was_called_off = and_(_is_authorization, answers.c.error_code == CALLED_OFF)
_voids_target = and_(
    _transaction.c.type == TransactionType.VOIDS,
    _transaction.c.order_id == copies.c.target_order_id,
)
_OF_COPY = [
    (_transaction, _transaction.c.order_factory_id == copies.c.factory_id),
    (answers, answers.c.transaction_id == _transaction.c.id),
]
_ENDED = literal("the order subscription was cancelled or deactivated before the payment was ")
CODE = ErrorCode.ORDER_SUBSCRIPTION_ENDED


def abort_dropped(db: Connection, now: datetime) -> None:
    """Abort the copies whose payment was dropped, and cancel their orders.

    The orders are already `pending` again, and their stock is released.
    """
    message = _ENDED + "authorized; nothing was charged"
    if not execute_and_count(db, insert_errors(CODE, message, _was_called_off, joins=_OF_COPY)):
        return
    targets = select(_transaction.c.order_id).select_from(_answered).where(_was_called_off)
    cancelled = update(_order).where(
        _order.c.id.in_(targets), may_become(_order.c.status, OrderStatus.CANCELLED)
    )
    values = {"status": OrderStatus.CANCELLED, "cancelled_at": NOW, "updated_at": NOW}
    db.execute(cancelled.values(values), {"now": now})
    is_new = _order.c.cancelled_at == at(now)
    record_order_events(db, [EventName.ORDER_CANCEL], targets, is_new, now=now)
    cancel_open_payments(db, targets, now)
    _abort(db, _was_called_off)


def void_unwanted(db: Connection, now: datetime) -> None:
    """Request voids of the payments that were authorized for ended subscriptions.

    Their copies wait for the voids, and cancel no source order.
    """
    unwanted = and_(_is_authorization, answers.c.succeeded, is_unwanted())
    rows = select(_transaction.c.order_id, _transaction.c.order_factory_id)
    rows = rows.select_from(_answered).where(unwanted)
    db.execute(insert(cancellations).from_select(["order_id", "factory_id"], rows))
    waiting_ids = select(cancellations.c.factory_id)
    statement = update(copies).where(copies.c.factory_id.in_(waiting_ids))
    if db.execute(statement.values(awaits=True)).rowcount:
        remote = [name for name, known in known_gateways().items() if known.terms.remote]
        execute_and_count(db, insert_voids(remote), now=now)
        # These orders are targets, and the step that cancels source orders must not see them.
        db.execute(cancellations.delete())


def abort_voided(db: Connection) -> None:
    """Abort the copies whose payment was voided, and record the voids that the gateway refused."""
    voided = and_(_voids_target, answers.c.succeeded)
    message = _ENDED + "decided; it was voided"
    if execute_and_count(db, insert_errors(CODE, message, voided, joins=_OF_COPY)):
        _abort(db, voided)
    refused = and_(_voids_target, not_(answers.c.succeeded))
    message = _ENDED + "decided, and it could not be voided; the order is placed"
    execute_and_count(
        db,
        insert_errors(ErrorCode.ORDER_SUBSCRIPTION_VOID_REFUSED, message, refused, joins=_OF_COPY),
    )


def _abort(db: Connection, which: ColumnElement[bool]) -> None:
    factories = (
        select(copies.c.factory_id)
        .join(_transaction, _transaction.c.order_factory_id == copies.c.factory_id)
        .join(answers, answers.c.transaction_id == _transaction.c.id)
        .where(which)
    )
    statement = update(copies).where(copies.c.factory_id.in_(factories))
    db.execute(statement.values(aborted=true(), failed=not_(true())))
