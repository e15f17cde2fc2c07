"""The status changes of a subscription: draft, active, running, inactive, cancelled."""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    union,
    update,
)

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.errors import CannotTransition
from order_factory.models.tables import Event, Order
from order_factory.models.values.event_names import EventName
from order_factory.models.values.order_states import may_become
from order_factory.models.values.statuses import (
    FactoryStatus,
    Mode,
    OrderStatus,
    SubscriptionStatus,
)
from order_factory.tasks.payments.open_payments import cancel_open_payments
from order_factory.tasks.subscriptions.due import (
    factory,
    has_open_copy,
    is_active,
    is_active_or_running,
    subscription,
)
from order_factory.tasks.subscriptions.events import record_new_status
from order_factory.tasks.subscriptions.planning import find_first_period
from order_factory.tasks.subscriptions.tables import fill_with_times, next_runs, open_run_tables
from order_factory.tasks.working_set.events import record_order_events
from order_factory.tasks.working_set.statements import at, insert_counted, table_of

_order, _event = table_of(Order), table_of(Event)
_is_draft = subscription.c.status == literal_column("'draft'")
_PLACED = (OrderStatus.PLACED, OrderStatus.APPROVED)


class Trigger(StrEnum):
    """The triggers of a subscription. Source: Commerce Layer API reference, triggers."""

    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    CANCEL = "cancel"


_S = SubscriptionStatus
# The statuses in which each trigger is allowed, and the status that it sets.
TRANSITIONS = {
    Trigger.ACTIVATE: ((_S.DRAFT, _S.INACTIVE), _S.ACTIVE),
    Trigger.DEACTIVATE: ((_S.ACTIVE, _S.RUNNING), _S.INACTIVE),
    Trigger.CANCEL: ((_S.DRAFT, _S.INACTIVE, _S.ACTIVE, _S.RUNNING), _S.CANCELLED),
}

# The statuses in which each trigger changes nothing.
_DONE = {
    Trigger.ACTIVATE: (_S.ACTIVE, _S.RUNNING),
    Trigger.DEACTIVATE: (_S.INACTIVE,),
    Trigger.CANCEL: (_S.CANCELLED,),
}
SOURCE_CANCELLED = "the source order was cancelled"


def is_cancelled(db: Connection, order_id: int) -> bool:
    """Whether this order is cancelled."""
    rows = select(_order.c.status).where(_order.c.id == order_id)
    return bool(db.scalar(rows) == OrderStatus.CANCELLED)


def plan_changes(db: Connection, row: Any, trigger: Trigger, now: datetime) -> dict[str, Any]:
    """Return the values that a trigger sets. `row` has the subscription's columns.

    If the subscription has the status already, nothing changes. When it becomes active, its next
    period is the first one from now on, and missed periods are not copied. Raises
    `CannotTransition`.
    """
    before, after = TRANSITIONS[trigger]
    if row.status in _DONE[trigger]:
        return {}
    if row.status not in before:
        raise CannotTransition(row.status, after.value)
    values = {"status": after, "status_reason": None, "updated_at": now}
    if trigger != Trigger.ACTIVATE:
        return values | {"next_run_at": None}
    if row.end_with_source_order and is_cancelled(db, row.source_order_id):
        raise CannotTransition(row.status, after.value, "its source order is cancelled")
    period = find_first_period(row, now)
    if period is None:
        raise CannotTransition(row.status, after.value, "it has expired")
    return values | {"next_run_at": period}


def apply_trigger(db: Connection, key: int, trigger: Trigger, now: datetime) -> None:
    """Apply a trigger to one subscription. Raises `CannotTransition`.

    Pending copies are aborted. Copies that are being made are finished and counted.
    """
    row = select(subscription).where(subscription.c.id == key).with_for_update()
    values = plan_changes(db, db.execute(row).one(), trigger, now)
    if not values:
        return
    db.execute(update(subscription).where(subscription.c.id == key).values(values))
    record_new_status(db, values["status"], subscription.c.id == key, now)
    stop_copies(db, select(subscription.c.id).where(subscription.c.id == key), now)


def stop_copies(db: Connection, keys: Select[Any], now: datetime) -> None:
    """Abort the pending copies, and cancel the retries, of these subscriptions if inactive."""
    cancel_retries(db, keys, now)
    stopped = select(subscription.c.id).where(subscription.c.id.in_(keys), ~is_active_or_running)
    waiting = select(factory.c.id).where(
        factory.c.status == FactoryStatus.PENDING, factory.c.order_subscription_id.in_(stopped)
    )
    # A copy that a run is making now is completed, but its payment is no longer authorized.
    aborted = list(db.scalars(skip_locked(db, waiting, factory)))
    if not aborted:
        return
    ended = update(factory).where(factory.c.id.in_(aborted))
    db.execute(ended.values(status=FactoryStatus.ABORTED, updated_at=now))
    # An order that a retry would place is no longer wanted.
    order_ids = select(factory.c.target_order_id).where(
        factory.c.id.in_(aborted), factory.c.target_order_id.is_not(None)
    )
    orders = update(_order).where(
        _order.c.id.in_(order_ids), may_become(_order.c.status, OrderStatus.CANCELLED)
    )
    db.execute(orders.values(status=OrderStatus.CANCELLED, cancelled_at=now, updated_at=now))
    is_cancelled_now = _order.c.cancelled_at == now
    record_order_events(db, [EventName.ORDER_CANCEL], order_ids, is_cancelled_now, now=now)
    cancel_open_payments(db, order_ids, now)
    names = ["name", "order_factory_id", "created_at"]
    rows = select(literal(EventName.ABORT.value), factory.c.id, at(now))
    db.execute(insert_counted(_event, names, rows.where(factory.c.id.in_(aborted))))


def cancel_retries(db: Connection, keys: Select[Any], now: datetime) -> None:
    """Cancel the retries of the inactive ones of these subscriptions.

    Their payments that wait for the customer are cancelled too.
    """
    stopped = select(subscription.c.id).where(subscription.c.id.in_(keys), ~is_active_or_running)
    waiting = update(factory).where(
        or_(factory.c.retry_at.is_not(None), factory.c.waits_for_payment_source),
        factory.c.order_subscription_id.in_(stopped),
    )
    db.execute(waiting.values(retry_at=None, waits_for_payment_source=False, updated_at=now))
    _cancel_payments(db, stopped, now)


def _cancel_payments(db: Connection, stopped: Select[Any], now: datetime) -> None:
    orders = select(factory.c.target_order_id).where(
        factory.c.order_subscription_id.in_(stopped), factory.c.status == FactoryStatus.FAILED
    )
    cancel_open_payments(db, orders, now, unwanted=True)


def activate_placed(db: Connection, now: datetime, *only: ColumnElement[bool]) -> None:
    """Activate the drafts with `activate_by_source_order` whose source order is placed.

    The source order is the first delivery, so the first period comes after its placing. Only the
    subscriptions that meet the conditions `only` are activated.
    """
    begun = func.coalesce(_order.c.placed_at, subscription.c.created_at)
    rows = select(subscription, begun.label("begun_at"))
    rows = rows.join(_order, _order.c.id == subscription.c.source_order_id)
    _activate(
        db,
        rows.where(
            _is_draft,
            subscription.c.activate_by_source_order,
            _order.c.status.in_(_PLACED),
            *only,
        ),
        lambda row: max(row.begun_at, row.created_at),
        now,
    )


def activate_created(db: Connection, key: int, now: datetime) -> None:
    """Activate this new subscription if its source order is placed already."""
    activate_placed(db, now, subscription.c.id == key)


def _activate(
    db: Connection, rows: Select[Any], after: Callable[[Any], datetime], now: datetime
) -> None:
    open_run_tables(db)
    keys = [
        (row.id, find_first_period(row, after(row)))
        for row in db.execute(rows.with_for_update(of=subscription))
    ]
    if not keys:
        return
    fill_with_times(db, next_runs, keys)
    statement = update(subscription).where(subscription.c.id == next_runs.c.order_subscription_id)
    values = {"status": SubscriptionStatus.ACTIVE, "status_reason": None, "updated_at": now}
    db.execute(statement.values(next_run_at=next_runs.c.next_run_at, **values))
    begun = subscription.c.id.in_(select(next_runs.c.order_subscription_id))
    record_new_status(db, SubscriptionStatus.ACTIVE, begun, now)


def deactivate_expired(db: Connection, now: datetime) -> None:
    """Deactivate the expired subscriptions without an open period, copy or retry."""
    waiting = exists().where(
        factory.c.order_subscription_id == subscription.c.id, factory.c.retry_at.is_not(None)
    )
    expired = select(subscription.c.id).where(
        is_active,
        ~has_open_copy,
        subscription.c.next_run_at.is_(None),
        subscription.c.expires_at <= now,
        ~waiting,
    )
    end_subscriptions(db, db.scalars(expired.with_for_update()).all(), "it has expired", now)


def is_ended_by_source() -> ColumnElement[bool]:
    """Whether a subscription ends because its source order was cancelled."""
    source = _order.alias("ending_source")
    cancelled = exists().where(
        source.c.id == subscription.c.source_order_id, source.c.status == OrderStatus.CANCELLED
    )
    return and_(is_active_or_running, subscription.c.end_with_source_order, cancelled)


def end_with_source_orders(db: Connection, mode: Mode, now: datetime) -> None:
    """Deactivate the due subscriptions whose source order was cancelled.

    Subscriptions with a due retry are deactivated too. A customer who cancels an order does not
    expect to pay for it again.
    """
    due = select(subscription.c.id).where(subscription.c.next_run_at <= now)
    to_retry = select(factory.c.order_subscription_id).where(factory.c.retry_at <= now)
    rows = select(subscription.c.id).where(
        subscription.c.mode == mode,
        subscription.c.id.in_(union(due, to_retry)),
        is_ended_by_source(),
    )
    keys = db.scalars(skip_locked(db, rows, subscription)).all()
    if not keys:
        return
    end_subscriptions(db, keys, SOURCE_CANCELLED, now)
    stop_copies(db, select(subscription.c.id).where(subscription.c.id.in_(keys)), now)


def end_subscriptions(db: Connection, keys: Sequence[int], reason: str, now: datetime) -> None:
    """Deactivate these subscriptions for this reason."""
    if not keys:
        return
    is_changed = subscription.c.id.in_(keys)
    db.execute(
        update(subscription)
        .where(is_changed)
        .values(
            status=SubscriptionStatus.INACTIVE,
            status_reason=reason,
            next_run_at=None,
            updated_at=now,
        )
    )
    record_new_status(db, SubscriptionStatus.INACTIVE, is_changed, now)
    _cancel_payments(db, select(subscription.c.id).where(is_changed), now)
