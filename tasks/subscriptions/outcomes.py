"""Count the outcomes of copies in their subscriptions, exactly once."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union,
    update,
)

from order_factory.models.database.row_locks import skip_locked
from order_factory.models.tables import Event, OrderFactoryBatch
from order_factory.models.values.event_names import EventName
from order_factory.models.values.retry_delays import parse_delays
from order_factory.models.values.statuses import AfterFailure, FactoryStatus, SubscriptionStatus
from order_factory.tasks.subscriptions.due import (
    factory,
    has_open_copy,
    is_active_or_running,
    overtaken,
    subscription,
)
from order_factory.tasks.subscriptions.recording import SubscriptionBatch
from order_factory.tasks.subscriptions.retries import may_succeed_later, needs_another_source
from order_factory.tasks.subscriptions.tables import ended_subscriptions, open_run_tables
from order_factory.tasks.subscriptions.transitions import cancel_retries, end_subscriptions
from order_factory.tasks.working_set.claims import is_unfinished
from order_factory.tasks.working_set.statements import (
    at,
    execute_and_count,
    insert_counted,
    table_of,
)

_batch, _event = table_of(OrderFactoryBatch), table_of(Event)
_failed = factory.c.status == FactoryStatus.FAILED


def find_running_batches(db: Connection) -> list[SubscriptionBatch]:
    """Return the batches with outcomes that are not counted yet, oldest first."""
    newest = select(subscription.c.running_batch_id).where(has_open_copy)
    batch_ids = union(newest, select(overtaken.c.batch_id))
    rows = select(_batch.c.id, _batch.c.reference).where(_batch.c.id.in_(batch_ids))
    batches = db.execute(rows.order_by(_batch.c.id))
    return [SubscriptionBatch(key, reference) for key, reference in batches]


def record_outcomes(db: Connection, batch_id: int, now: datetime) -> int:
    """Count the ended copies of a batch in their subscriptions.

    Returns the number of subscriptions. They are no longer `running`, unless they have another open
    copy. Subscriptions that were counted before do not change. Failed copies that may succeed later
    get a retry.
    """
    open_run_tables(db)
    if not execute_and_count(
        db,
        insert_counted(ended_subscriptions, ["order_subscription_id"], _select_ended(db, batch_id)),
    ):
        return 0
    _plan_retries(db, batch_id, now)
    count = _add_outcomes(db, batch_id, now)
    _deactivate_failed(db, batch_id, now)
    return count


def count_waiting_copies(db: Connection, batch_id: int) -> int:
    """Count the copies of the batch that wait for another payment source, or for their customer."""
    rows = select(func.count()).select_from(factory)
    waiting = rows.where(factory.c.batch_id == batch_id, factory.c.waits_for_payment_source)
    return db.scalar(waiting) or 0


def _select_ended(db: Connection, batch_id: int) -> Select[Any]:
    """Select the subscriptions whose copies in this batch have all ended."""
    # Not a correlated subquery: it could read the whole batch for each row.
    unfinished = select(factory.c.order_subscription_id).where(
        factory.c.batch_id == batch_id, is_unfinished, factory.c.order_subscription_id.is_not(None)
    )
    older = select(overtaken.c.order_subscription_id).where(overtaken.c.batch_id == batch_id)
    rows = select(subscription.c.id).where(
        or_(subscription.c.running_batch_id == batch_id, subscription.c.id.in_(older)),
        subscription.c.id.not_in(unfinished),
    )
    return select(skip_locked(db, rows, subscription).subquery("held"))


def _is_counted_copy(batch_id: int) -> ColumnElement[bool]:
    return and_(
        factory.c.batch_id == batch_id,
        factory.c.order_subscription_id.in_(select(ended_subscriptions.c.order_subscription_id)),
    )


def _plan_retries(db: Connection, batch_id: int, now: datetime) -> None:
    """Set `retry_at` of the failed copies that may succeed later and have a retry left."""
    is_counted = and_(_is_counted_copy(batch_id), _failed, factory.c.attempt.is_not(None))
    copies = factory.join(subscription, subscription.c.id == factory.c.order_subscription_id)
    waits = and_(
        is_counted,
        factory.c.order_subscription_id.in_(
            select(subscription.c.id).where(subscription.c.retry_after.is_not(None))
        ),
        needs_another_source(),
    )
    rows = select(literal(EventName.WAIT.value), factory.c.id, at(now)).where(waits)
    names = ["name", "order_factory_id", "created_at"]
    if execute_and_count(db, insert_counted(_event, names, rows)):
        waiting = update(factory).where(waits)
        db.execute(waiting.values(waits_for_payment_source=True, updated_at=now))
    attempts = select(subscription.c.retry_after, factory.c.attempt).select_from(copies).distinct()
    for retry_after, attempt in db.execute(
        attempts.where(is_counted, subscription.c.retry_after.is_not(None))
    ).all():
        delays_left = parse_delays(retry_after)[attempt - 1 :]
        if not delays_left:
            continue
        with_delays = select(subscription.c.id).where(subscription.c.retry_after == retry_after)
        retried_later = update(factory).where(
            is_counted,
            factory.c.attempt == attempt,
            factory.c.order_subscription_id.in_(with_delays),
            may_succeed_later(),
        )
        db.execute(retried_later.values(retry_at=now + delays_left[0], updated_at=now))


def _add_outcomes(db: Connection, batch_id: int, now: datetime) -> int:
    """Add the outcomes to their subscriptions. Returns the number of subscriptions.

    Those without an open copy become active again.
    """
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
        .where(_is_counted_copy(batch_id))
        .group_by(factory.c.order_subscription_id)
        .subquery("counted")
    )
    running = subscription.c.status == SubscriptionStatus.RUNNING
    newest = subscription.c.running_batch_id == batch_id
    older = _find_older_batches(db, batch_id)
    open_batch = (
        null() if older is None else case((newest, older), else_=subscription.c.running_batch_id)
    )
    is_done = and_(running, open_batch.is_(None))
    count = execute_and_count(
        db,
        update(subscription)
        .where(subscription.c.id == counted.c.key)
        .values(
            status=case((is_done, SubscriptionStatus.ACTIVE.value), else_=subscription.c.status),
            running_batch_id=open_batch,
            occurrencies=subscription.c.occurrencies + counted.c.periods,
            errors_count=subscription.c.errors_count + counted.c.failures,
            succeeded_on_last_run=case(
                (newest, counted.c.succeeded), else_=subscription.c.succeeded_on_last_run
            ),
            updated_at=now,
        )
        .execution_options(preserve_rowcount=True),
    )
    if older is not None:
        _delete_newest_overtaken(db)
    return count


def _find_older_batches(db: Connection, batch_id: int) -> ColumnElement[int] | None:
    """Select the newest other batch with open copies for each subscription, or null.

    The copies that ended are removed from this batch first.
    """
    if not db.scalar(select(exists().select_from(overtaken))):
        return None
    ended = overtaken.c.order_subscription_id.in_(
        select(ended_subscriptions.c.order_subscription_id)
    )
    db.execute(delete(overtaken).where(ended, overtaken.c.batch_id == batch_id))
    is_own = overtaken.c.order_subscription_id == subscription.c.id
    return select(func.max(overtaken.c.batch_id)).where(is_own).scalar_subquery()


def _delete_newest_overtaken(db: Connection) -> None:
    """Delete the records of overtaken batches that are the newest of their subscription again."""
    newest = exists().where(
        subscription.c.id == overtaken.c.order_subscription_id,
        subscription.c.running_batch_id == overtaken.c.batch_id,
    )
    db.execute(delete(overtaken).where(newest))


def _deactivate_failed(db: Connection, batch_id: int, now: datetime) -> None:
    """Deactivate the subscriptions with `after_failure = deactivate` and a permanent failure."""
    failed = select(factory.c.order_subscription_id).where(
        _is_counted_copy(batch_id), _failed, factory.c.retry_at.is_(None)
    )
    rows = select(subscription.c.id).where(
        subscription.c.id.in_(failed),
        is_active_or_running,
        subscription.c.after_failure == AfterFailure.DEACTIVATE,
    )
    keys = db.scalars(rows.with_for_update()).all()
    end_subscriptions(db, keys, "a copy failed permanently", now)
    cancel_retries(db, select(ended_subscriptions.c.order_subscription_id), now)
