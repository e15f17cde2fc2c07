"""Retry failed renewals. A retry places the order of the failed attempt, so nobody pays twice."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, or_, select, update

from order_factory.models.database.row_locks import lock_rows, skip_locked
from order_factory.models.tables import CopyError, CustomerPaymentSource, Order, PaymentSource
from order_factory.models.values.error_codes import ErrorCode
from order_factory.models.values.statuses import FactoryStatus, Mode, OrderStatus
from order_factory.tasks.copying.payment_source_fallback import allows_fallback, select_newest_valid
from order_factory.tasks.subscriptions.due import factory, is_active_or_running, subscription
from order_factory.tasks.subscriptions.tables import due_retries
from order_factory.tasks.working_set.statements import (
    at,
    execute_and_count,
    insert_counted,
    table_of,
)

_error, _target = table_of(CopyError), table_of(Order)
_saved, _payment = table_of(CustomerPaymentSource), table_of(PaymentSource)
_charged, _refused = _payment.alias("charged"), _payment.alias("refused")
# An alias that is correlated explicitly, because SQLAlchemy does not do so deep inside a condition.
_customer_of_factory = (
    select(subscription.c.customer_id)
    .where(subscription.c.id == factory.c.order_subscription_id)
    .correlate(factory)
    .scalar_subquery()
)
_waits = and_(factory.c.waits_for_payment_source, factory.c.status == FactoryStatus.FAILED)

# Errors that a later retry can fix: the payment source and the stock.
PASSING_FIELDS = ("payment_source",)
PASSING_CODES = (ErrorCode.NOT_ENOUGH_STOCK,)
# Errors that need another payment source or the customer. The schedule does not retry them.
NEEDS_OTHER_SOURCE = (ErrorCode.PAYMENT_REFUSED, ErrorCode.PAYMENT_NEEDS_CUSTOMER)
# Errors that do not cause the failure: they follow from other errors, or only inform.
_NOT_CAUSES = (
    ErrorCode.CANNOT_BE_PLACED,
    ErrorCode.GIFT_CARD_NOT_REDEEMED,
    ErrorCode.LINE_ITEMS_NONE_LEFT,
    ErrorCode.QUANTITY_REDUCED,
)
# A retry places a pending order, and copies the source order again in place of a cancelled one. An
# order that is being placed is left for later.
_REPLACEABLE = (OrderStatus.PENDING, OrderStatus.CANCELLED)
_OPEN = (*_REPLACEABLE, OrderStatus.PLACING)


def may_succeed_later() -> ColumnElement[bool]:
    """Whether a later retry can fix all errors of a failed factory."""
    matches = or_(
        and_(_error.c.field.in_(PASSING_FIELDS), _error.c.code.not_in(NEEDS_OTHER_SOURCE)),
        _error.c.code.in_(PASSING_CODES),
    )
    return _has_only_errors(matches)


def needs_another_source() -> ColumnElement[bool]:
    """Whether a failed factory waits for another payment source, or for its customer."""
    return _has_only_errors(_error.c.code.in_(NEEDS_OTHER_SOURCE))


def _has_only_errors(matches: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the factory has an error that meets the condition, and no other error."""
    is_own_error = _error.c.order_factory_id == factory.c.id
    has_other_error = exists().where(is_own_error, ~matches, _error.c.code.not_in(_NOT_CAUSES))
    return and_(exists().where(is_own_error, matches), ~has_other_error)


def load_due_retries(db: Connection, mode: Mode, now: datetime, limit: int) -> int:
    """Load the failed factories whose retry is due. Returns their number.

    A factory whose target order is being placed is left for later. If the order has been placed in
    the meantime, the retry is cancelled.
    """
    _schedule_with_other_sources(db, now)
    _cancel_obsolete_retries(db, now)
    due = skip_locked(db, _select_due_retries(mode, now).limit(limit), subscription).subquery(
        "held"
    )
    return execute_and_count(
        db,
        insert_counted(
            due_retries, ["factory_id", "order_subscription_id", "target_order_id"], select(due)
        ),
    )


def _select_due_retries(mode: Mode, now: datetime) -> Select[Any]:
    rows = (
        select(factory.c.id, factory.c.order_subscription_id, factory.c.target_order_id)
        .join(subscription, subscription.c.id == factory.c.order_subscription_id)
        .outerjoin(_target, _target.c.id == factory.c.target_order_id)
    )
    is_unplaced = or_(_target.c.id.is_(None), _target.c.status.in_(_REPLACEABLE))
    return rows.where(
        factory.c.retry_at <= now, is_active_or_running, subscription.c.mode == mode, is_unplaced
    ).order_by(factory.c.retry_at, factory.c.id)


def _schedule_with_other_sources(db: Connection, now: datetime) -> None:
    """Schedule a retry of the copies that wait for a payment source and may use another one now."""
    if not db.scalar(select(exists().where(_waits))):
        return
    has_newer_source = exists().where(
        _saved.c.customer_id == _customer_of_factory,
        _saved.c.payment_source_id == _payment.c.id,
        or_(
            _saved.c.created_at > factory.c.failed_at,
            _saved.c.updated_at > factory.c.failed_at,
            _payment.c.updated_at > factory.c.failed_at,
        ),
    )
    chosen = (
        select(_saved.c.payment_source_id)
        .join(subscription, subscription.c.customer_payment_source_id == _saved.c.id)
        .where(subscription.c.id == factory.c.order_subscription_id)
    )
    charged = (
        select(_payment.c.copied_from_id)
        .join(_target, _target.c.payment_source_id == _payment.c.id)
        .where(_target.c.id == factory.c.target_order_id)
    )
    has_other_choice = chosen.scalar_subquery() != charged.scalar_subquery()
    waiting = update(factory).where(
        _waits, or_(has_newer_source, has_other_choice, _has_fallback(now))
    )
    db.execute(waiting.values(retry_at=now, waits_for_payment_source=False, updated_at=now))


def _has_fallback(now: datetime) -> ColumnElement[bool]:
    """Whether the payment was refused permanently and a fallback is allowed and exists."""
    other = select_newest_valid(_customer_of_factory, _refused, at(now), factory)
    refused = exists().where(
        _target.c.id == factory.c.target_order_id,
        _charged.c.id == _target.c.payment_source_id,
        _refused.c.id == _charged.c.copied_from_id,
        _refused.c.refused_at >= _refused.c.updated_at,
        other.is_not(None),
    )
    return and_(allows_fallback(factory.c.payment_source_fallback), refused.correlate(factory))


def _cancel_obsolete_retries(db: Connection, now: datetime) -> None:
    obsolete = exists().where(
        _target.c.id == factory.c.target_order_id, _target.c.status.not_in(_OPEN)
    )
    due = update(factory).where(factory.c.retry_at <= now, obsolete)
    db.execute(due.values(retry_at=None, updated_at=now))


def release_orders(db: Connection, now: datetime) -> Select[Any]:
    """Release the orders that the factories to retry could not place. Selects their factories.

    The factory of the retry takes over the order, so the customer pays for this order and not for
    another copy. A cancelled order stays with its factory, and the source order is copied again. An
    order that is being placed stays with its factory, which waits.
    """
    lock_rows(db, _target, select(due_retries.c.target_order_id))
    status = select(_target.c.status).where(_target.c.id == due_retries.c.target_order_id)
    order_status = status.scalar_subquery()
    db.execute(delete(due_retries).where(order_status.not_in(_REPLACEABLE)))
    cancelled = update(due_retries).where(order_status == OrderStatus.CANCELLED)
    db.execute(cancelled.values(target_order_id=None))
    failed = select(due_retries.c.factory_id)
    retried_now = update(factory).where(factory.c.id.in_(failed))
    db.execute(retried_now.values(retry_at=None, updated_at=now))
    handed_over = failed.where(due_retries.c.target_order_id.is_not(None))
    released = update(factory).where(factory.c.id.in_(handed_over))
    db.execute(released.values(target_order_id=None))
    return failed


def take_over_orders(db: Connection, batch_id: int) -> None:
    """Assign the orders to the factories of this batch that place them again."""
    new = select(factory.c.id).where(
        factory.c.target_order_id == _target.c.id, factory.c.batch_id == batch_id
    )
    orders = select(factory.c.target_order_id).where(
        factory.c.batch_id == batch_id, factory.c.target_order_id.is_not(None)
    )
    statement = update(_target).where(_target.c.id.in_(orders))
    db.execute(statement.values(order_factory_id=new.scalar_subquery()))
