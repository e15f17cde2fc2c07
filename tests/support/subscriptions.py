"""Subscriptions in tests: created, and run at a chosen time without Prefect."""

from datetime import UTC, datetime, timedelta
from typing import Any

from order_factory.models.database.engine import begin
from order_factory.models.requests.subscriptions import SubscriptionOptions
from order_factory.models.tables import OrderFactory, OrderSubscription
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.records import finish_batch, start_batch
from order_factory.tasks.copy_orders import place_orders_again
from order_factory.tasks.subscriptions.creation import create_subscription
from order_factory.tasks.subscriptions.outcomes import find_running_batches, record_outcomes
from order_factory.tasks.subscriptions.recording import record_due_periods
from order_factory.tasks.subscriptions.transitions import (
    Trigger,
    activate_created,
    activate_placed,
    apply_trigger,
    deactivate_expired,
)
from tests.support.copying import authorize, change, copy_batch
from tests.support.shop import Shop

START = datetime(2026, 1, 31, 9, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 28, 9, tzinfo=UTC)
LATE_AFTER = timedelta(hours=3)


def subscribe(shop: Shop, order: int | None = None, **options: Any) -> int:
    """A subscription from `START` on; active unless `status` says otherwise. Its key.

    `at` is the moment at which it is made.
    """
    status, at = options.pop("status", None), options.pop("at", START)
    wanted = {"frequency": "monthly", "starts_at": START, **options}
    order = order or payable(shop)
    with begin() as db:
        key = create_subscription(db, order, SubscriptionOptions(**wanted), at)
        activate_created(db, key, at)
    if status is not None:
        change(OrderSubscription, key, status=status)
    return key


def due(shop: Shop, order: int, **options: Any) -> int:
    """A daily subscription whose period came a minute ago. Its key."""
    moment = utc_now() - timedelta(minutes=1)
    key = subscribe(
        shop, order, frequency="daily", starts_at=moment - timedelta(days=1), at=moment, **options
    )
    change(OrderSubscription, key, next_run_at=moment)
    return key


def payable(shop: Shop, **values: Any) -> int:
    """An order whose copies can be placed: its customer's card stands in the wallet."""
    customer = shop.customer()
    card = shop.payment_source(wallet_of=customer)
    return shop.order(customer_id=customer, payment_source_id=card, **values)


def run_due(now: datetime, **limits: Any) -> int:
    """What a run of the flow does at this moment; how many batches it worked on."""
    with begin() as db:
        left = find_running_batches(db)
    for batch in left:
        carry_out(batch.id, now)
    with begin() as db:
        activate_placed(db, now)
    count = len(left)
    for mode in Mode:
        while True:
            with begin() as db:
                due = record_due_periods(db, mode, now, LATE_AFTER, **limits)
            if due is None:
                break
            carry_out(due.id, now)
            count += 1
    with begin() as db:
        deactivate_expired(db, now)
    return count


def carry_out(batch_id: int, now: datetime) -> None:
    """Copy a recorded batch and account for it."""
    with begin() as db:
        start_batch(db, batch_id, None)
    place_orders_again.fn(batch_id, 10_000)
    copy_batch(batch_id)
    authorize(batch_id)
    with begin() as db:
        finish_batch(db, batch_id)
    with begin() as db:
        record_outcomes(db, batch_id, now)


def subscription(shop: Shop, key: int) -> Any:
    return shop.row(OrderSubscription, id=key)


def pull(key: int, trigger: Trigger) -> None:
    """Apply this trigger to a subscription."""
    with begin() as db:
        apply_trigger(db, key, trigger, utc_now())


def periods(shop: Shop, key: int) -> list[datetime]:
    """The periods that were copied, in the order in which that was recorded."""
    copies = shop.rows(OrderFactory, order_subscription_id=key, attempt=1)
    return [copy.period_at for copy in copies]
