"""Record due periods: each gets a pending factory, and its subscription becomes running.

All of it is one transaction, so no period is lost, and none is copied twice.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    func,
    insert,
    literal,
    select,
    update,
)

from order_factory.models.tables import OrderFactoryBatch
from order_factory.models.values.copy_options import OPTIONS
from order_factory.models.values.event_names import EventName
from order_factory.models.values.statuses import BatchStatus, FactoryStatus, FactoryType, Mode
from order_factory.tasks.selections.recording import record_create_events
from order_factory.tasks.subscriptions.due import (
    advance_subscriptions,
    factory,
    load_due_periods,
    mark_running,
    record_overtaken_batches,
    subscription,
)
from order_factory.tasks.subscriptions.retries import (
    load_due_retries,
    release_orders,
    take_over_orders,
)
from order_factory.tasks.subscriptions.tables import due_retries, open_run_tables, periods
from order_factory.tasks.subscriptions.transitions import end_with_source_orders
from order_factory.tasks.working_set.events import record_event
from order_factory.tasks.working_set.statements import (
    at,
    execute_and_count,
    insert_counted,
    table_of,
    times,
)

MOST_IN_A_BATCH = 200_000
_batch = table_of(OrderFactoryBatch)


@dataclass(frozen=True)
class SubscriptionBatch:
    """A recorded batch of copies of subscriptions.

    `overlapping` is the number of copies whose subscription has an older unfinished copy.
    """

    id: int
    reference: str
    overlapping: int = 0


def record_due_periods(
    db: Connection,
    mode: Mode,
    now: datetime,
    late_after: timedelta,
    limit: int = MOST_IN_A_BATCH,
) -> SubscriptionBatch | None:
    """Record a batch with a pending factory for each due period and each due retry.

    The subscriptions become `running`, and `next_run_at` becomes their next period. Returns None if
    nothing is due. Two runs at the same time record different subscriptions.
    """
    open_run_tables(db)
    end_with_source_orders(db, mode, now)
    due = load_due_periods(db, mode, now, late_after, limit)
    retries = load_due_retries(db, mode, now, limit)
    if not due and not retries:
        advance_subscriptions(db, None, now)
        return None
    failed = release_orders(db, now) if retries else None
    batch = record_periods(db, mode, now, failed)
    copied = select(factory.c.order_subscription_id).where(factory.c.batch_id == batch.id)
    overlapping = record_overtaken_batches(db, copied)
    advance_subscriptions(db, batch.id, now)
    if failed is not None:
        mark_running(db, copied.where(factory.c.attempt > 1), batch.id, now)
    return replace(batch, overlapping=overlapping)


def record_periods(
    db: Connection, mode: Mode, now: datetime, failed: Select[Any] | None = None
) -> SubscriptionBatch:
    """Insert a batch with a pending factory for each of the `periods` and each failed factory."""
    batch = _insert_batch(db, mode, now)
    count = execute_and_count(db, insert_counted(factory, *_select_due_factories(batch.id, now)))
    if failed is not None:
        count += execute_and_count(
            db, insert_counted(factory, *_select_retry_factories(batch.id, now, failed))
        )
        take_over_orders(db, batch.id)
    record_create_events(db, batch.id, now)
    record_event(db, EventName.BATCH_CREATE, batch.id, mode, now)
    db.execute(update(_batch).where(_batch.c.id == batch.id).values(orders_count=count))
    return batch


def _select_due_factories(batch_id: int, now: datetime) -> tuple[list[str], Select[Any]]:
    """Select the columns of a recurring order copy for each due period."""
    values = _list_common_columns(batch_id, now) | {
        "mode": subscription.c.mode,
        "source_order_id": func.coalesce(
            subscription.c.template_order_id, subscription.c.source_order_id
        ),
        **{name: subscription.c[name] for name in OPTIONS},
        "order_subscription_id": subscription.c.id,
        "period_at": periods.c.period_at,
        "attempt": literal(1),
    }
    rows = select(*values.values()).select_from(periods)
    rows = rows.join(subscription, subscription.c.id == periods.c.order_subscription_id)
    return list(values), rows.order_by(periods.c.rank)


def _select_retry_factories(
    batch_id: int, now: datetime, failed: Select[Any]
) -> tuple[list[str], Select[Any]]:
    """Select the columns of the next attempt for each failed factory, and the order it made."""
    same = (
        "mode",
        "source_order_id",
        *OPTIONS,
        "order_subscription_id",
        "period_at",
    )
    values = _list_common_columns(batch_id, now) | {
        **{name: factory.c[name] for name in same},
        "attempt": factory.c.attempt + 1,
        "retry_of_id": factory.c.id,
        "target_order_id": due_retries.c.target_order_id,
    }
    rows = select(*values.values()).join(due_retries, due_retries.c.factory_id == factory.c.id)
    rows = rows.where(factory.c.id.in_(failed)).order_by(factory.c.id)
    return list(values), rows


def _list_common_columns(batch_id: int, now: datetime) -> dict[str, ColumnElement[Any]]:
    return {
        "type": literal(FactoryType.RECURRING_ORDER_COPIES.value),
        "batch_id": literal(batch_id),
        "status": literal(FactoryStatus.PENDING.value),
        "errors_count": literal(0),
        **times(at(now)),
    }


def _insert_batch(db: Connection, mode: Mode, now: datetime) -> SubscriptionBatch:
    reference = f"subscriptions-{mode}-{now:%Y-%m-%dT%H:%M:%SZ}-{uuid4().hex[:8]}"
    values = {
        "reference": reference,
        "mode": mode,
        "status": BatchStatus.PENDING,
        "selection": f"order subscriptions of {mode} mode that were due",
        "options": {},
        "orders_count": 0,
        "created_at": now,
        "updated_at": now,
    }
    key = db.execute(insert(_batch).values(values).returning(_batch.c.id)).scalar_one()
    return SubscriptionBatch(int(key), reference)
