"""Finding due periods: the only step that handles each subscription in Python, for its calendar."""

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
from order_factory.tasks.subscriptions.planning import plan
from order_factory.tasks.subscriptions.tables import fill_with_times, periods, runs
from order_factory.tasks.working_set.statements import (
    execute_and_count,
    insert_counted,
    table_of,
)

subscription, factory = table_of(OrderSubscription), table_of(OrderFactory)
overtaken = table_of(OvertakenBatch)
is_active: ColumnElement[bool] = subscription.c.status == literal_column("'active'")
goes_on: ColumnElement[bool] = subscription.c.status.in_(
    [SubscriptionStatus.ACTIVE, SubscriptionStatus.RUNNING]
)
# It has no copy whose outcome is not counted yet.
is_free = subscription.c.running_batch_id.is_(None)
# A copy of it is open, and the next period must wait for it.
waits_for_copy = and_(~is_free, subscription.c.while_open == WhileOpen.WAIT)


def select_due(mode: Mode, now: datetime) -> Select[Any]:
    """Select the columns that `plan` needs of each due subscription.

    A copy that waits for its gateway delays the next period only with `while_open = wait`.
    """
    names = ("id", "frequency", "starts_at", "time_zone", "next_run_at", "expires_at", "catch_up")
    rows = select(*(subscription.c[name] for name in names))
    return rows.where(
        goes_on, ~waits_for_copy, subscription.c.mode == mode, subscription.c.next_run_at <= now
    )


def find_due(db: Connection, mode: Mode, now: datetime, late_after: timedelta, limit: int) -> int:
    """Lock the due subscriptions, oldest first, and insert their periods; count the subscriptions.

    The last one is the subscription that reaches the limit of periods. Subscriptions that another
    transaction has locked are skipped.
    """
    rows = select_due(mode, now).order_by(subscription.c.next_run_at, subscription.c.id)
    held: list[tuple[int, datetime | None]] = []
    due: list[tuple[datetime, int]] = []
    for row in db.execute(skip_locked(db, rows.limit(limit), subscription)):
        if len(due) >= limit:
            break  # the rest is left to the next transaction
        planned = plan(row, now, late_after)
        held.append((row.id, planned.next_run_at))
        due += [(period, row.id) for period in planned.periods]
    fill_with_times(db, runs, held)
    # Earlier periods come first, also where stock is short.
    due.sort()
    fill_with_times(db, periods, [(rank, key, period) for rank, (period, key) in enumerate(due, 1)])
    return len(due) - _leave_out_recorded(db)


def _leave_out_recorded(db: Connection) -> int:
    """Delete the periods that have a copy already, for example if `next_run_at` was moved back."""
    known = exists().where(
        factory.c.order_subscription_id == periods.c.order_subscription_id,
        factory.c.period_at == periods.c.period_at,
        factory.c.attempt == 1,
    )
    return db.execute(delete(periods).where(known)).rowcount


def overtake(db: Connection, keys: Select[Any]) -> int:
    """Record the open batches of these subscriptions before they get copies in a newer batch."""
    rows = select(subscription.c.id, subscription.c.running_batch_id)
    rows = rows.where(subscription.c.id.in_(keys), ~is_free)
    names = ["order_subscription_id", "batch_id"]
    return execute_and_count(db, insert_counted(overtaken, names, rows))


def advance(db: Connection, batch_id: int | None, now: datetime) -> None:
    """Advance the loaded subscriptions to their next period; those with a copy become running."""
    values: dict[str, Any] = {"next_run_at": runs.c.next_run_at, "updated_at": now}
    if batch_id is not None:
        copied = runs.c.order_subscription_id.in_(select(periods.c.order_subscription_id))
        running = _set_running(batch_id, now)
        # In one statement, because each of these rows is in several indexes.
        values |= {
            name: case(
                (copied, literal(value, subscription.c[name].type)), else_=subscription.c[name]
            )
            for name, value in running.items()
        }
    mine = update(subscription).where(subscription.c.id == runs.c.order_subscription_id)
    db.execute(mine.values(values))


def mark_running(db: Connection, keys: Select[Any], batch_id: int, now: datetime) -> None:
    """Mark these subscriptions as running, because they have copies in this batch."""
    mine = update(subscription).where(subscription.c.id.in_(keys))
    db.execute(mine.values(**_set_running(batch_id, now), updated_at=now))


def _set_running(batch_id: int, now: datetime) -> dict[str, Any]:
    running = SubscriptionStatus.RUNNING.value
    return {"status": running, "running_batch_id": batch_id, "last_run_at": now}
