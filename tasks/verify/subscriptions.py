"""Order subscriptions: each period is copied once, all attempts are recorded, and counts agree."""

from typing import Any

from sqlalchemy import Select, and_, case, exists, func, not_, or_, select, tuple_

from order_factory.models.tables import OrderSubscription, OvertakenBatch
from order_factory.models.values.public_ids import Resource
from order_factory.models.values.statuses import FactoryStatus, FactoryType, SubscriptionStatus
from order_factory.tasks.verify.invariants import Invariant
from order_factory.tasks.verify.rows import factory
from order_factory.tasks.working_set.statements import table_of

_subscription, _overtaken = table_of(OrderSubscription), table_of(OvertakenBatch)
_before = factory.alias("before")
_of_period = factory.c.period_at.is_not(None)
_is_active_or_running = _subscription.c.status.in_(
    [SubscriptionStatus.ACTIVE, SubscriptionStatus.RUNNING]
)


def _find_repeated_periods() -> Select[Any]:
    """Select a factory of each period with two first attempts or two copies."""
    firsts = func.count(case((factory.c.attempt == 1, 1)))
    completed = func.count(case((factory.c.status == FactoryStatus.COMPLETED, 1)))
    rows = select(func.max(factory.c.id)).where(_of_period)
    rows = rows.group_by(factory.c.order_subscription_id, factory.c.period_at)
    return rows.having(or_(firsts != 1, completed > 1))


def _find_mismatched_copies() -> Select[Any]:
    """Select copies with a wrong type or mode, and attempts with a wrong number."""
    rows = factory.outerjoin(
        _subscription, _subscription.c.id == factory.c.order_subscription_id
    ).outerjoin(_before, _before.c.id == factory.c.retry_of_id)
    recurring = factory.c.type == FactoryType.RECURRING_ORDER_COPIES
    belongs = and_(recurring, factory.c.mode == _subscription.c.mode)
    is_next_attempt = and_(
        _before.c.order_subscription_id == factory.c.order_subscription_id,
        _before.c.period_at == factory.c.period_at,
        _before.c.attempt == factory.c.attempt - 1,
    )
    counted = case((factory.c.attempt == 1, factory.c.retry_of_id.is_(None)), else_=is_next_attempt)
    numbered = case((_of_period, func.coalesce(counted, False)), else_=factory.c.attempt.is_(None))
    is_correct = and_(belongs, numbered)
    return (
        select(factory.c.id)
        .select_from(rows)
        .where(factory.c.order_subscription_id.is_not(None), not_(func.coalesce(is_correct, False)))
    )


def _find_wrong_counts() -> Select[Any]:
    """Select subscriptions without unrecorded copies whose counts differ from their copies."""
    rows = _subscription.outerjoin(
        factory, and_(factory.c.order_subscription_id == _subscription.c.id, _of_period)
    )
    first_attempts = func.count(case((factory.c.attempt == 1, 1)))
    failed = func.count(case((factory.c.status == FactoryStatus.FAILED, 1)))
    return (
        select(_subscription.c.id)
        .select_from(rows)
        .where(_subscription.c.running_batch_id.is_(None))
        .group_by(_subscription.c.id, _subscription.c.occurrencies, _subscription.c.errors_count)
        .having(
            or_(
                _subscription.c.occurrencies != first_attempts,
                _subscription.c.errors_count != failed,
            )
        )
    )


def _find_wrong_times() -> Select[Any]:
    last = select(func.max(factory.c.period_at)).where(
        factory.c.order_subscription_id == _subscription.c.id, _of_period
    )
    next_run_at = _subscription.c.next_run_at
    wrong = or_(
        next_run_at <= last.scalar_subquery(),
        next_run_at < _subscription.c.starts_at,
        next_run_at >= _subscription.c.expires_at,
        and_(_is_active_or_running, next_run_at.is_(None), _subscription.c.expires_at.is_(None)),
        and_(not_(_is_active_or_running), next_run_at.is_not(None)),
    )
    return select(_subscription.c.id).where(wrong)


def _find_wrong_running() -> Select[Any]:
    """Select subscriptions with a wrong batch: missing, without copies, or not the newest."""
    batch = _subscription.c.running_batch_id
    is_own = factory.c.order_subscription_id == _subscription.c.id
    # Not a correlated subquery: SQLite would read the whole batch for each row.
    pairs = select(factory.c.order_subscription_id, factory.c.batch_id).where(
        factory.c.order_subscription_id.is_not(None), factory.c.batch_id.is_not(None)
    )
    has_copy = tuple_(_subscription.c.id, batch).in_(pairs)
    unfinished = [FactoryStatus.PENDING, FactoryStatus.IN_PROGRESS]
    is_overtaken = exists().where(
        _overtaken.c.order_subscription_id == factory.c.order_subscription_id,
        _overtaken.c.batch_id == factory.c.batch_id,
    )
    has_copy_elsewhere = exists().where(
        is_own,
        _of_period,
        factory.c.status.in_(unfinished),
        factory.c.batch_id.is_distinct_from(batch),
        not_(is_overtaken),
    )
    # The running batch is newer than those that it has overtaken.
    is_not_newest = exists().where(
        _overtaken.c.order_subscription_id == _subscription.c.id,
        or_(batch.is_(None), _overtaken.c.batch_id >= batch),
    )
    running = _subscription.c.status == SubscriptionStatus.RUNNING
    has_no_batch = and_(running, batch.is_(None))
    wrong = or_(
        has_no_batch, and_(batch.is_not(None), not_(has_copy)), has_copy_elsewhere, is_not_newest
    )
    return select(_subscription.c.id).where(wrong)


def _find_wrong_retries() -> Select[Any]:
    """Select waiting retries of ended subscriptions, or of copies that have not failed."""
    rows = factory.join(_subscription, _subscription.c.id == factory.c.order_subscription_id)
    is_retried = exists().where(_before.c.retry_of_id == factory.c.id)
    failed = factory.c.status == FactoryStatus.FAILED
    return (
        select(factory.c.id)
        .select_from(rows)
        .where(factory.c.retry_at.is_not(None))
        .where(or_(not_(_is_active_or_running), is_retried, not_(failed)))
    )


INVARIANTS = (
    Invariant(
        "period-copied-once",
        "Each period of an order subscription has one first attempt and at most one copy.",
        Resource.order_factories,
        _find_repeated_periods(),
    ),
    Invariant(
        "recurring-copy-of-subscription",
        "A copy of an order subscription is a recurring order copy of the same mode, and each "
        "further attempt at a period retries the one before.",
        Resource.order_factories,
        _find_mismatched_copies(),
    ),
    Invariant(
        "subscription-counts",
        "The number of occurrencies is the number of periods with a copy, and errors_count is the "
        "number of failed attempts.",
        Resource.order_subscriptions,
        _find_wrong_counts(),
    ),
    Invariant(
        "next-run-after-last",
        "Only an active or running subscription has a next run, which is later than every copied "
        "period and before the subscription expires.",
        Resource.order_subscriptions,
        _find_wrong_times(),
    ),
    Invariant(
        "running-has-copies",
        "A running subscription has copies in its batch, and no unfinished one elsewhere.",
        Resource.order_subscriptions,
        _find_wrong_running(),
    ),
    Invariant(
        "retry-waits-for-active",
        "A copy that waits for a retry has failed and was not retried yet, and its subscription is "
        "active or running.",
        Resource.order_factories,
        _find_wrong_retries(),
    ),
)
