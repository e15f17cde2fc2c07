"""Accounting for the copies of a batch in their subscriptions, once."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    null,
    select,
    update,
)

from order_factory.models.database.dialects import skip_locked
from order_factory.models.tables import OrderFactoryBatch
from order_factory.models.values.retry_delays import delays
from order_factory.models.values.statuses import AfterFailure, FactoryStatus, SubscriptionStatus
from order_factory.tasks.subscriptions.due import factory, is_free, subscription
from order_factory.tasks.subscriptions.recording import SubscriptionBatch
from order_factory.tasks.subscriptions.retries import can_get_better
from order_factory.tasks.subscriptions.tables import open_run_tables, settled
from order_factory.tasks.subscriptions.transitions import forget_retries
from order_factory.tasks.working_set.claims import is_unfinished
from order_factory.tasks.working_set.statements import execute_and_count, insert_counted, table_of

_batch = table_of(OrderFactoryBatch)
_failed = factory.c.status == FactoryStatus.FAILED


def running_batches(db: Connection) -> list[SubscriptionBatch]:
    """The batches that are not accounted for in some subscription, the oldest first."""
    held = select(subscription.c.running_batch_id).where(~is_free)
    rows = select(_batch.c.id, _batch.c.reference).where(_batch.c.id.in_(held))
    found = db.execute(rows.order_by(_batch.c.id))
    return [SubscriptionBatch(key, reference) for key, reference in found]


def settle(db: Connection, batch_id: int, now: datetime) -> int:
    """Count the ended copies of a batch in their subscriptions, which are free again; how many.

    A subscription with a copy that is not ended stays `running`, and one that was accounted for
    already stays as it is. Failed copies that can get better are to be tried again.
    """
    open_run_tables(db)
    if not execute_and_count(
        db, insert_counted(settled, ["order_subscription_id"], _ended(db, batch_id))
    ):
        return 0
    _plan_retries(db, batch_id, now)
    count = _count(db, batch_id, now)
    _deactivate(db, batch_id, now)
    return count


def _ended(db: Connection, batch_id: int) -> Select[Any]:
    """The subscriptions of this batch all of whose copies in it are ended."""
    # As a list: asked for one by one, a database may go through the whole batch for each.
    unfinished = select(factory.c.order_subscription_id).where(
        factory.c.batch_id == batch_id, is_unfinished, factory.c.order_subscription_id.is_not(None)
    )
    mine = select(subscription.c.id).where(
        subscription.c.running_batch_id == batch_id, subscription.c.id.not_in(unfinished)
    )
    return select(skip_locked(db, mine, subscription).subquery("held"))


def _in_batch(batch_id: int) -> ColumnElement[bool]:
    return and_(
        factory.c.batch_id == batch_id,
        factory.c.order_subscription_id.in_(select(settled.c.order_subscription_id)),
    )


def _plan_retries(db: Connection, batch_id: int, now: datetime) -> None:
    """Set `retry_at` of the failed copies that can get better and have a delay left."""
    better = and_(_in_batch(batch_id), _failed, factory.c.attempt.is_not(None))
    both = factory.join(subscription, subscription.c.id == factory.c.order_subscription_id)
    lists = select(subscription.c.retry_after, factory.c.attempt).select_from(both).distinct()
    for retry_after, attempt in db.execute(
        lists.where(better, subscription.c.retry_after.is_not(None))
    ).all():
        left = delays(retry_after)[attempt - 1 :]
        if not left:
            continue
        theirs = select(subscription.c.id).where(subscription.c.retry_after == retry_after)
        again = update(factory).where(
            better,
            factory.c.attempt == attempt,
            factory.c.order_subscription_id.in_(theirs),
            can_get_better(),
        )
        db.execute(again.values(retry_at=now + left[0], updated_at=now))


def _count(db: Connection, batch_id: int, now: datetime) -> int:
    """Add the outcomes to the subscriptions, and let those go on that are still running."""
    completed = factory.c.status == FactoryStatus.COMPLETED
    last = func.max(factory.c.id)
    counted = (
        select(
            factory.c.order_subscription_id.label("key"),
            func.count(case((factory.c.attempt == 1, 1))).label("periods"),
            func.count(case((_failed, 1))).label("failures"),
            (func.coalesce(func.max(case((completed, factory.c.id))), 0) == last).label(
                "succeeded"
            ),
        )
        .where(_in_batch(batch_id))
        .group_by(factory.c.order_subscription_id)
        .subquery("counted")
    )
    running = subscription.c.status == SubscriptionStatus.RUNNING
    return execute_and_count(
        db,
        update(subscription)
        .where(subscription.c.id == counted.c.key)
        .values(
            status=case((running, SubscriptionStatus.ACTIVE.value), else_=subscription.c.status),
            occurrencies=subscription.c.occurrencies + counted.c.periods,
            errors_count=subscription.c.errors_count + counted.c.failures,
            succeeded_on_last_run=counted.c.succeeded,
            running_batch_id=null(),
            updated_at=now,
        )
        .execution_options(preserve_rowcount=True),
    )


def _deactivate(db: Connection, batch_id: int, now: datetime) -> None:
    """Deactivate the subscriptions with a copy that failed for good, where they say so."""
    lost = select(factory.c.order_subscription_id).where(
        _in_batch(batch_id), _failed, factory.c.retry_at.is_(None)
    )
    mine = update(subscription).where(
        subscription.c.id.in_(lost),
        subscription.c.status == SubscriptionStatus.ACTIVE,
        subscription.c.after_failure == AfterFailure.DEACTIVATE,
    )
    inactive = {"status": SubscriptionStatus.INACTIVE, "next_run_at": None, "updated_at": now}
    db.execute(mine.values(inactive))
    forget_retries(db, select(settled.c.order_subscription_id), now)
