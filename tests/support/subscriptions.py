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
    """Create a subscription from `START` on; returns its key.

    It is active, unless `status` is given. `at` is the time of its creation.
    """
    status, at = options.pop("status", None), options.pop("at", START)
    all_options = {"frequency": "monthly", "starts_at": START, **options}
    order = order or make_placeable_order(shop)
    with begin() as db:
        key = create_subscription(db, order, SubscriptionOptions(**all_options), at)
        activate_created(db, key, at)
    if status is not None:
        change(OrderSubscription, key, status=status)
    return key


def subscribe_due(shop: Shop, order: int, **options: Any) -> int:
    """Create a daily subscription that is due for a minute; returns its key."""
    moment = utc_now() - timedelta(minutes=1)
    key = subscribe(
        shop, order, frequency="daily", starts_at=moment - timedelta(days=1), at=moment, **options
    )
    change(OrderSubscription, key, next_run_at=moment)
    return key


def make_placeable_order(shop: Shop, **values: Any) -> int:
    """Make an order whose copies can be placed: the wallet of its customer has a card."""
    customer = shop.customer()
    card = shop.payment_source(wallet_of=customer)
    return shop.order(customer_id=customer, payment_source_id=card, **values)


def run_due(now: datetime, **limits: Any) -> int:
    """Do the work of one run of the flow at this time; returns the number of its batches."""
    with begin() as db:
        left = find_running_batches(db)
    for batch in left:
        copy_and_record(batch.id, now)
    with begin() as db:
        activate_placed(db, now)
    count = len(left)
    for mode in Mode:
        while True:
            with begin() as db:
                due = record_due_periods(db, mode, now, LATE_AFTER, **limits)
            if due is None:
                break
            copy_and_record(due.id, now)
            count += 1
    with begin() as db:
        deactivate_expired(db, now)
    return count


def copy_and_record(batch_id: int, now: datetime) -> None:
    """Copy a recorded batch and record the outcomes of its renewals."""
    with begin() as db:
        start_batch(db, batch_id, None)
    place_orders_again.fn(batch_id, 10_000)
    copy_batch(batch_id)
    authorize(batch_id)
    with begin() as db:
        finish_batch(db, batch_id)
    with begin() as db:
        record_outcomes(db, batch_id, now)


def read_subscription(shop: Shop, key: int) -> Any:
    return shop.row(OrderSubscription, id=key)


def apply(key: int, trigger: Trigger) -> None:
    """Apply this trigger to a subscription."""
    with begin() as db:
        apply_trigger(db, key, trigger, utc_now())


def list_periods(shop: Shop, key: int) -> list[datetime]:
    """The copied periods, in the order in which they were recorded."""
    copies = shop.rows(OrderFactory, order_subscription_id=key, attempt=1)
    return [copy.period_at for copy in copies]
