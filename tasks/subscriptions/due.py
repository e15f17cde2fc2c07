"""Find due periods, and advance their subscriptions.

Only this step handles each subscription in Python, because the calendar needs it.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    exists,
    literal,
    literal_column,
    select,
    update,
)

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.tables import OrderFactory, OrderSubscription, OvertakenBatch
from order_factory.models.values.statuses import Mode, SubscriptionStatus, WhileOpen
from order_factory.tasks.subscriptions.planning import plan_periods
from order_factory.tasks.subscriptions.tables import fill_with_times, next_runs, periods
from order_factory.tasks.working_set.statements import (
    execute_and_count,
    insert_counted,
    table_of,
)

subscription, factory = table_of(OrderSubscription), table_of(OrderFactory)
overtaken = table_of(OvertakenBatch)
is_active: ColumnElement[bool] = subscription.c.status == literal_column("'active'")
is_active_or_running: ColumnElement[bool] = subscription.c.status.in_(
    [SubscriptionStatus.ACTIVE, SubscriptionStatus.RUNNING]
)
# A copy of it is open, or its outcome is not counted yet.
has_open_copy = subscription.c.running_batch_id.is_not(None)
# The next period must wait, because a copy is open.
waits_for_copy = and_(has_open_copy, subscription.c.while_open == WhileOpen.WAIT)


def select_due(mode: Mode, now: datetime) -> Select[Any]:
    """Select the due subscriptions, with the columns that `plan_periods` needs.

    A copy that waits for its gateway delays the next period only with `while_open = wait`.
    """
    names = ("id", "frequency", "starts_at", "time_zone", "next_run_at", "expires_at", "catch_up")
    rows = select(*(subscription.c[name] for name in names))
    return rows.where(
        is_active_or_running,
        ~waits_for_copy,
        subscription.c.mode == mode,
        subscription.c.next_run_at <= now,
    )


def load_due_periods(
    db: Connection, mode: Mode, now: datetime, late_after: timedelta, limit: int
) -> int:
    """Lock the due subscriptions, oldest first, and insert their periods.

    Returns the number of periods. The subscription that reaches the limit is the last one.
    Subscriptions that another transaction has locked are skipped.
    """
    rows = select_due(mode, now).order_by(subscription.c.next_run_at, subscription.c.id)
    next_runs_at: list[tuple[int, datetime | None]] = []
    due: list[tuple[datetime, int]] = []
    for row in db.execute(skip_locked(db, rows.limit(limit), subscription)):
        if len(due) >= limit:
            break  # the next transaction takes the rest
        planned = plan_periods(row, now, late_after)
        next_runs_at.append((row.id, planned.next_run_at))
        due += [(period, row.id) for period in planned.periods]
    fill_with_times(db, next_runs, next_runs_at)
    # Earlier periods come first, because stock can be short.
    due.sort()
    fill_with_times(db, periods, [(rank, key, period) for rank, (period, key) in enumerate(due, 1)])
    return len(due) - _leave_out_recorded(db)


def _leave_out_recorded(db: Connection) -> int:
    """Delete the periods that have a copy already. Returns their number.

    There are some if `next_run_at` was set to an earlier time.
    """
    is_recorded = exists().where(
        factory.c.order_subscription_id == periods.c.order_subscription_id,
        factory.c.period_at == periods.c.period_at,
        factory.c.attempt == 1,
    )
    return db.execute(delete(periods).where(is_recorded)).rowcount


def record_overtaken_batches(db: Connection, keys: Select[Any]) -> int:
    """Record the open batches of these subscriptions, which get copies in a newer batch next.

    Returns the number of subscriptions with an open batch.
    """
    rows = select(subscription.c.id, subscription.c.running_batch_id)
    rows = rows.where(subscription.c.id.in_(keys), has_open_copy)
    names = ["order_subscription_id", "batch_id"]
    return execute_and_count(db, insert_counted(overtaken, names, rows))


def advance_subscriptions(db: Connection, batch_id: int | None, now: datetime) -> None:
    """Advance the locked subscriptions to their next period.

    Those with a copy in the batch become running.
    """
    values: dict[str, Any] = {"next_run_at": next_runs.c.next_run_at, "updated_at": now}
    if batch_id is not None:
        has_copy = next_runs.c.order_subscription_id.in_(select(periods.c.order_subscription_id))
        running = _set_running(batch_id, now)
        # One statement for both, because each changed row is written to several indexes.
        values |= {
            name: case(
                (has_copy, literal(value, subscription.c[name].type)), else_=subscription.c[name]
            )
            for name, value in running.items()
        }
    statement = update(subscription).where(subscription.c.id == next_runs.c.order_subscription_id)
    db.execute(statement.values(values))


def mark_running(db: Connection, keys: Select[Any], batch_id: int, now: datetime) -> None:
    """Mark these subscriptions as running, because they have copies in this batch."""
    statement = update(subscription).where(subscription.c.id.in_(keys))
    db.execute(statement.values(**_set_running(batch_id, now), updated_at=now))


def _set_running(batch_id: int, now: datetime) -> dict[str, Any]:
    running = SubscriptionStatus.RUNNING.value
    return {"status": running, "running_batch_id": batch_id, "last_run_at": now}
