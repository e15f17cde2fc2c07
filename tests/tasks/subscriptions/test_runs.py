"""A run: what is due is copied once, counted, and due again in its next period."""

from datetime import UTC, datetime

from models import Event, Order, OrderFactory, OrderFactoryBatch
from tests.subscriptions import START, payable, periods, run_due, subscribe, subscription

FEBRUARY = datetime(2026, 2, 28, 9, tzinfo=UTC)
MARCH = datetime(2026, 3, 31, 9, tzinfo=UTC)


def test_a_due_subscription_is_copied_placed_and_counted(shop):
    order = payable(shop)
    key = subscribe(shop, order)
    other = subscribe(shop, frequency="yearly")
    before = subscription(shop, key)

    ran = run_due(FEBRUARY)

    after = subscription(shop, key)
    copy = shop.row(OrderFactory, order_subscription_id=key)
    target = shop.row(Order, id=copy.target_order_id)
    assert (before.status, before.next_run_at) == ("active", FEBRUARY)
    assert ran == 1
    assert (copy.type, copy.status, copy.source_order_id, copy.period_at, copy.attempt) == (
        "recurring_order_copies",
        "completed",
        order,
        FEBRUARY,
        1,
    )
    assert target.status == "placed"
    assert (after.status, after.occurrencies, after.errors_count) == ("active", 1, 0)
    assert (after.last_run_at, after.next_run_at, after.succeeded_on_last_run) == (
        FEBRUARY,
        MARCH,
        True,
    )
    assert periods(shop, other) == []
    batch = shop.row(OrderFactoryBatch)
    assert (batch.status, batch.orders_count) == ("completed", 1)
    assert [row.name for row in shop.rows(Event, order_factory_id=copy.id)] == [
        "order_factories.create",
        "order_factories.start",
        "order_factories.complete",
    ]


def test_a_second_run_finds_nothing(shop):
    key = subscribe(shop)

    ran = [run_due(FEBRUARY), run_due(FEBRUARY), run_due(START)]

    assert ran == [1, 0, 0]
    assert periods(shop, key) == [FEBRUARY]
