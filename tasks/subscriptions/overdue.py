"""Find overdue subscriptions: they are due, and no run has copied them.

The search needs only the database, so it works when Prefect does not.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, case, func, select, union_all

from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.subscriptions.due import (
    factory,
    is_active_or_running,
    subscription,
    waits_for_copy,
)
from order_factory.tasks.working_set.claims import is_unfinished

# The schedule is hourly. While a run is still working, the next run starts an hour later.
OVERDUE_AFTER = timedelta(hours=2)


@dataclass(frozen=True)
class Overdue:
    """The number of periods, retries and copies that wait for a run, and since when (UTC)."""

    count: int
    since: datetime


def read_overdue(db: Connection, now: datetime, grace: timedelta = OVERDUE_AFTER) -> Overdue | None:
    """Return the renewals that are overdue by more than `grace`, if any."""
    limit = now - grace
    overdue = union_all(
        _select_periods(limit), _select_retries(limit), _select_copies(limit)
    ).subquery("overdue")
    count, since = db.execute(select(func.count(), func.min(overdue.c.since))).one()
    return Overdue(count, since) if count else None


def find_overdue_period(now: datetime, grace: timedelta = OVERDUE_AFTER) -> ColumnElement[datetime]:
    """Return the overdue period of a subscription, or null."""
    late = subscription.c.next_run_at <= now - grace
    return case((is_active_or_running & ~waits_for_copy & late, subscription.c.next_run_at)).label(
        "overdue_since"
    )


def _select_periods(limit: datetime) -> Select[tuple[datetime]]:
    return select(subscription.c.next_run_at.label("since")).where(
        is_active_or_running, ~waits_for_copy, subscription.c.next_run_at <= limit
    )


def _select_retries(limit: datetime) -> Select[tuple[datetime]]:
    rows = select(factory.c.retry_at.label("since"))
    rows = rows.join(subscription, subscription.c.id == factory.c.order_subscription_id)
    return rows.where(is_active_or_running, factory.c.retry_at <= limit)


def _select_copies(limit: datetime) -> Select[tuple[datetime]]:
    """Select recorded copies that no run has started, except those that wait for a gateway."""
    return select(factory.c.created_at.label("since")).where(
        is_unfinished,
        factory.c.status == FactoryStatus.PENDING,
        factory.c.period_at.is_not(None),
        factory.c.created_at <= limit,
    )
