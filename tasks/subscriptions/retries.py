"""Trying failed renewals again: which can get better, when, and how nothing is placed twice."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, or_, select, update

from order_factory.models.database.dialects import skip_locked
from order_factory.models.tables import CopyError, Order
from order_factory.models.tables.base import utc_now
from order_factory.models.values.order_states import may_become
from order_factory.models.values.statuses import Mode, OrderStatus
from order_factory.tasks.subscriptions.due import factory, goes_on, subscription
from order_factory.tasks.subscriptions.tables import retried
from order_factory.tasks.working_set.statements import execute_and_count, insert_counted, table_of

_error, _target = table_of(CopyError), table_of(Order)

# What time, or the customer, can mend: how it is paid, and whether it is in stock.
PASSING_FIELDS = ("payment_source",)
PASSING_CODES = ("not_enough_stock",)
# Follows from the others, and says nothing about them.
_FOLLOWS = "cannot_be_placed"
# Of the order that a failed attempt has left: what another may take the place of, and besides
# that what is not decided yet.
_REPLACEABLE = (OrderStatus.PENDING, OrderStatus.CANCELLED)
_OPEN = (*_REPLACEABLE, OrderStatus.PLACING)


def can_get_better() -> ColumnElement[bool]:
    """Whether all that was wrong with a failed factory is of the kinds that pass."""
    passes = or_(_error.c.field.in_(PASSING_FIELDS), _error.c.code.in_(PASSING_CODES))
    mine = _error.c.order_factory_id == factory.c.id
    lasting = exists().where(mine, ~passes, _error.c.code != _FOLLOWS)
    return and_(exists().where(mine, passes), ~lasting)


def find_retries(db: Connection, mode: Mode, now: datetime, limit: int) -> int:
    """Take the failed factories whose time to be tried again has come; how many.

    One whose target order is being placed is left for later, and one that was placed after all
    is not tried again.
    """
    _drop_those_settled(db, now)
    held = skip_locked(db, _ripe(mode, now).limit(limit), subscription).subquery("held")
    return execute_and_count(
        db, insert_counted(retried, ["factory_id", "order_subscription_id"], select(held))
    )


def _ripe(mode: Mode, now: datetime) -> Select[Any]:
    rows = (
        select(factory.c.id, factory.c.order_subscription_id)
        .join(subscription, subscription.c.id == factory.c.order_subscription_id)
        .outerjoin(_target, _target.c.id == factory.c.target_order_id)
    )
    placeless = or_(_target.c.id.is_(None), _target.c.status.in_(_REPLACEABLE))
    return rows.where(
        factory.c.retry_at <= now, goes_on, subscription.c.mode == mode, placeless
    ).order_by(factory.c.retry_at, factory.c.id)


def _drop_those_settled(db: Connection, now: datetime) -> None:
    settled = exists().where(
        _target.c.id == factory.c.target_order_id, _target.c.status.not_in(_OPEN)
    )
    ripe = update(factory).where(factory.c.retry_at <= now, settled)
    db.execute(ripe.values(retry_at=None, updated_at=now))


def retry_with_new_copies(db: Connection, now: datetime) -> Select[Any]:
    """Prepare another attempt of each factory taken; the keys of those that are to get one.

    A factory that copied its order and could not place it has left a pending target. That one is
    cancelled first, in this transaction, so that it can never be placed beside the new copy; a
    factory whose target could not be cancelled, since it is being placed by now, waits. A pending order holds no stock and no payment: a refused one took nothing.
    """
    of_mine = select(factory.c.target_order_id).join(retried, retried.c.factory_id == factory.c.id)
    abandoned = update(_target).where(
        _target.c.id.in_(of_mine),
        _target.c.status == OrderStatus.PENDING,
        may_become(_target.c.status, OrderStatus.CANCELLED),
    )
    message = {"status": OrderStatus.CANCELLED, "cancelled_at": utc_now(), "updated_at": utc_now()}
    db.execute(abandoned.values(message))
    failed = (
        select(factory.c.id)
        .join(retried, retried.c.factory_id == factory.c.id)
        .outerjoin(_target, _target.c.id == factory.c.target_order_id)
        .where(or_(_target.c.id.is_(None), _target.c.status == OrderStatus.CANCELLED))
    )
    recorded = update(factory).where(factory.c.id.in_(failed))
    db.execute(recorded.values(retry_at=None, updated_at=now))
    return failed
