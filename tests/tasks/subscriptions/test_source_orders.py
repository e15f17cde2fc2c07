"""The source order of a subscription: it activates it, and its cancellation ends it."""

from datetime import timedelta

import pytest

from order_factory.models.database.engine import begin, reading
from order_factory.models.errors import CannotTransition, InvalidRequest
from order_factory.models.requests.subscriptions import SubscriptionOptions
from order_factory.models.tables import CopyError, Order, OrderFactory, OrderSubscription
from order_factory.models.values.statuses import Mode
from order_factory.tasks.subscriptions.creation import create_subscription
from order_factory.tasks.subscriptions.preview import list_upcoming, predict_endings
from order_factory.tasks.subscriptions.transitions import Trigger, apply_trigger
from tests.support.copying import change
from tests.support.subscriptions import (
    START,
    make_placeable_order,
    read_subscription,
    run_due,
    subscribe,
)

DAY = timedelta(days=1)


def test_a_subscription_is_made_as_a_draft_and_its_placed_order_activates_it(shop):
    options = SubscriptionOptions(frequency="daily", starts_at=START)
    order = make_placeable_order(shop)
    with begin() as db:
        key = create_subscription(db, order, options, START)
    made = read_subscription(shop, key).status

    run_due(START)

    assert made == "draft"
    assert read_subscription(shop, key).status == "active"
    assert read_subscription(shop, key).next_run_at == START + DAY


def test_a_cancelled_source_order_ends_the_subscription_and_nothing_is_copied(shop):
    order = make_placeable_order(shop)
    key = subscribe(shop, order, frequency="daily", retry_after="1d")
    other = subscribe(shop, frequency="daily")
    change(Order, order, status="cancelled", payment_status="voided", cancelled_at=START)

    run_due(START + DAY)

    after = read_subscription(shop, key)
    assert (after.status, after.next_run_at) == ("inactive", None)
    assert after.status_reason == "the source order was cancelled"
    assert [row.order_subscription_id for row in shop.rows(OrderFactory)] == [other]
    with begin() as db, pytest.raises(CannotTransition, match="its source order is cancelled"):
        apply_trigger(db, key, Trigger.ACTIVATE, START)


def test_a_preview_warns_of_ending_subscriptions(shop):
    order = make_placeable_order(shop)
    subscribe(shop, order, frequency="daily")
    change(Order, order, status="cancelled", cancelled_at=START)

    with reading() as db:
        count, ends = predict_endings(db, Mode.LIVE, START + DAY, 9)
        copied, _ = list_upcoming(db, Mode.LIVE, START + DAY, 9)

    assert (count, copied) == (1, 0)
    assert [each.errors_log for each in ends] == [
        {
            "source_order": [
                "the source order was cancelled: the subscription ends, and nothing is copied"
            ]
        }
    ]


def test_a_retry_ends_with_its_source_order_too(shop):
    shop.sku("RARE", stock=0)
    order = make_placeable_order(shop, lines=[("RARE", 1, 12_50)])
    key = subscribe(shop, order, frequency="monthly", retry_after="1d")
    period = read_subscription(shop, key).next_run_at
    run_due(period)
    change(Order, order, status="cancelled", cancelled_at=period)

    run_due(period + DAY)

    assert [row.retry_at for row in shop.rows(OrderFactory)] == [None]
    assert read_subscription(shop, key).status == "inactive"


def test_a_cancelled_source_order_is_copied_only_on_request(shop):
    order = make_placeable_order(shop, status="cancelled", cancelled_at=START)

    with pytest.raises(InvalidRequest, match="end_with_source_order"):
        subscribe(shop, order)

    assert shop.rows(OrderSubscription) == []
    assert subscribe(shop, order, end_with_source_order=False)


@pytest.mark.parametrize(
    ("limit", "coupon_code", "errors"),
    [
        ({"customer_single_use": True}, None, []),
        ({"usage_limit": 1, "usage_count": 1}, None, []),
        ({"usage_limit": 2, "usage_count": 2}, None, ["coupon_used_up"]),
        ({"usage_limit": 9, "usage_count": 1}, "WELCOME", []),
    ],
)
def test_a_coupon_for_one_use_is_left_out_of_the_renewals(shop, limit, coupon_code, errors):
    order = make_placeable_order(shop, coupon_code="WELCOME")
    shop.coupon("WELCOME", **limit)
    subscribe(shop, order, frequency="daily")

    run_due(START + DAY)

    assert [row.code for row in shop.rows(CopyError)] == errors
    codes = [row.coupon_code for row in shop.rows(Order) if row.id != order]
    assert codes == ([] if errors else [coupon_code])
