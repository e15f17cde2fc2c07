"""Finding what is due: the only step that looks at each subscription in Python, for its calendar."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, literal_column, select, update

from models import OrderSubscription
from models.dialects import skip_locked
from models.statuses import Mode, SubscriptionStatus
from tasks.inserts import NOW, table_of
from tasks.subscriptions.planning import plan
from tasks.subscriptions.work_tables import fill_with_times, periods, runs

subscription = table_of(OrderSubscription)
# Spelled out, since neither database uses a partial index for a parameter.
is_active: ColumnElement[bool] = subscription.c.status == literal_column("'active'")
# Not in the hands of a batch that is not accounted for yet.
is_free = subscription.c.running_batch_id.is_(None)


def select_due(mode: Mode, now: datetime) -> Select[Any]:
    """What `plan` needs to know of each subscription that is due."""
    names = ("id", "frequency", "starts_at", "time_zone", "next_run_at", "expires_at", "catch_up")
    rows = select(*(subscription.c[name] for name in names))
    return rows.where(
        is_active, is_free, subscription.c.mode == mode, subscription.c.next_run_at <= now
    )


def find_due(db: Connection, mode: Mode, now: datetime, late_after: timedelta, limit: int) -> int:
    """Take the subscriptions that are due, the oldest first, and note their periods; how many.

    Those that another transaction holds are left to it.
    """
    rows = select_due(mode, now).order_by(subscription.c.next_run_at, subscription.c.id)
    held, due = [], []
    for row in db.execute(skip_locked(db, rows.limit(limit), subscription)):
        planned = plan(row, now, late_after)
        held.append((row.id, planned.next_run_at, bool(planned.periods)))
        due += [(period, row.id) for period in planned.periods]
    fill_with_times(db, runs, held)
    # Earlier periods come first, also where stock is short.
    due.sort()
    fill_with_times(db, periods, [(rank, key, period) for rank, (period, key) in enumerate(due, 1)])
    return len(due)


def advance(db: Connection, batch_id: int | None, now: datetime) -> None:
    """The subscriptions in hand go on to their next period, those with a copy as `running`."""
    mine = update(subscription).where(subscription.c.id == runs.c.order_subscription_id)
    db.execute(mine.values(next_run_at=runs.c.next_run_at, updated_at=NOW), {"now": now})
    if batch_id is not None:
        copied = select(runs.c.order_subscription_id).where(runs.c.copied)
        mark_running(db, copied, batch_id, now)


def mark_running(db: Connection, keys: Select[Any], batch_id: int, now: datetime) -> None:
    """These subscriptions run: their copies are in this batch."""
    mine = update(subscription).where(subscription.c.id.in_(keys))
    db.execute(
        mine.values(
            status=SubscriptionStatus.RUNNING,
            running_batch_id=batch_id,
            last_run_at=now,
            updated_at=now,
        )
    )
