"""The flows of order subscriptions: copying due periods, and previewing coming ones."""

from datetime import timedelta

import pytest

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.preview_order_subscriptions import preview_order_subscriptions
from order_factory.flows.run_order_subscriptions import run_order_subscriptions
from order_factory.models.database.engine import begin
from order_factory.models.tables import Order, OrderFactory, OrderFactoryBatch, PaymentSource
from order_factory.models.tables.base import utc_now
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import Mode
from order_factory.tasks.subscriptions.recording import record_due_periods
from tests.support.copying import change, read_database
from tests.support.paying import make_payable_order
from tests.support.subscriptions import (
    make_placeable_order,
    read_subscription,
    run_due,
    subscribe,
    subscribe_due,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


def test_due_orders_are_copied_and_failures_are_reported(shop):
    shop.sku("RARE", stock=0)
    good = subscribe_due(shop, make_placeable_order(shop))
    bad = subscribe_due(
        shop, make_placeable_order(shop, lines=[("RARE", 1, 12_50)]), retry_after="1d"
    )
    subscribe(shop, frequency="yearly", at=utc_now())

    state = run_order_subscriptions(return_state=True)
    again = run_order_subscriptions()

    run = state.result()
    (batch,) = shop.rows(OrderFactoryBatch)
    assert state.name == "CompletedWithErrors"
    assert (run.batches, run.subscriptions) == ([batch.reference], 2)
    assert (run.completed, run.failed, run.unfinished) == (1, 1, 0)
    assert [(error.field, error.code) for error in run.errors] == [
        ("line_items", "not_enough_stock")
    ]
    assert again.batches == []
    assert again.outcome == "no subscription was due"
    assert [read_subscription(shop, key).status for key in (good, bad)] == ["active", "active"]
    assert shop.row(OrderFactory, status="failed").retry_at > utc_now()
    assert batch.status == "completed"


def test_a_preview_lists_copies_and_failures_and_changes_nothing(shop):
    shop.sku("RARE", stock=0)
    good = subscribe_due(shop, make_placeable_order(shop))
    bad = subscribe_due(shop, make_placeable_order(shop, lines=[("RARE", 1, 12_50)]))
    subscribe(shop, frequency="yearly", at=utc_now())
    before = read_database()

    preview = preview_order_subscriptions(days=2, limit=5)

    assert read_database() == before
    first = read_subscription(shop, good).next_run_at
    names = [public_id(Resource.order_subscriptions, key) for key in (good, bad)]
    assert preview.subscriptions == 2
    assert [(each.subscription.id, each.period_at - first) for each in preview.upcoming[:3]] == [
        (names[0], timedelta()),
        (names[1], preview.upcoming[1].period_at - first),
        (names[0], timedelta(days=1)),
    ]
    assert len(preview.upcoming) == 5
    assert preview.failing == 1
    (failure,) = preview.failures
    assert failure.subscription.id == names[1]
    assert failure.errors_log == {"line_items": ["SKU RARE: 1 wanted, 0 in stock"]}


@pytest.mark.parametrize("goes_on", [bulk_order_factory, run_order_subscriptions])
def test_a_run_that_continues_a_batch_places_the_orders_of_failed_renewals(shop, ledger, goes_on):
    """The run that recorded the retry died before it did anything."""
    order = make_payable_order(shop, "tok_decline")
    card = shop.row(Order, id=order).payment_source_id
    key = subscribe_due(shop, order, retry_after="1d")
    run_due(utc_now())
    change(PaymentSource, card, payment_source_token="tok_approve")
    change(OrderFactory, shop.row(OrderFactory).id, retry_at=utc_now())
    with begin() as db:
        left = record_due_periods(db, Mode.LIVE, utc_now(), timedelta(hours=3))
    assert left is not None

    named = {"reference": left.reference} if goes_on is bulk_order_factory else {}
    result = goes_on(**named)
    run_due(utc_now())

    first, again = shop.rows(OrderFactory)
    assert (first.status, again.status) == ("failed", "completed")
    assert result.completed == 1
    (copy,) = [row for row in shop.rows(Order) if row.order_factory_id]
    assert (copy.order_factory_id, copy.status) == (again.id, "placed")
    assert ledger.charges() == [("authorize", 12_50)]
    assert read_subscription(shop, key).status == "active"
