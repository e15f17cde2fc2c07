"""A renewal that is placed by a retry uses its coupon and its promotions again, or fails for them."""

from datetime import UTC, datetime, timedelta

import pytest

from order_factory.models.tables import Coupon, Order, OrderFactory, PaymentSource, Promotion
from tests.support.copying import change
from tests.support.paying import make_payable_order
from tests.support.subscriptions import run_due, subscribe

FEBRUARY = datetime(2026, 2, 28, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def make_declined_renewal(shop, **values):
    """Make a subscription with a first renewal that was declined; returns the card."""
    order = make_payable_order(shop, "tok_decline", **values)
    options = {"apply_promotions": True} if "coupon_code" not in values else {}
    subscribe(shop, order, retry_after="1d 1d", **options)
    return shop.row(Order, id=order).payment_source_id


def mend(card):
    change(PaymentSource, card, payment_source_token="tok_approve")


def count_uses(shop):
    """The uses of the coupons, and of the promotions, by key."""
    coupons = [row.usage_count for row in shop.rows(Coupon)]
    return coupons, [row.total_usage_count for row in shop.rows(Promotion)]


def statuses(shop):
    return [row.status for row in shop.rows(OrderFactory)]


def test_the_retry_uses_the_coupon_that_the_declined_payment_released(shop, ledger):
    shop.coupon("SPRING", usage_limit=1)
    card = make_declined_renewal(shop, coupon_code="SPRING")
    run_due(FEBRUARY)
    before = count_uses(shop)
    mend(card)

    run_due(FEBRUARY + DAY)

    assert before == ([0], [0])
    assert statuses(shop) == ["failed", "completed"]
    assert count_uses(shop) == ([1], [1])


def test_a_retry_that_is_declined_gives_the_coupon_back_once(shop, ledger):
    shop.coupon("SPRING")
    make_declined_renewal(shop, coupon_code="SPRING")
    change(Coupon, shop.row(Coupon).id, usage_count=5)

    run_due(FEBRUARY)
    run_due(FEBRUARY + DAY)

    assert statuses(shop) == ["failed", "failed"]
    assert count_uses(shop) == ([5], [0])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"usage_count": 1}, "coupon SPRING is used up"),
        ({"expires_at": FEBRUARY}, "coupon SPRING expired on 2026-02-28"),
    ],
)
@pytest.mark.parametrize("ignore", [False, True])
def test_a_retry_fails_if_its_coupon_was_used_up(shop, ledger, changes, words, ignore):
    shop.coupon("SPRING", usage_limit=1)
    card = make_declined_renewal(shop, coupon_code="SPRING")
    run_due(FEBRUARY)
    change(OrderFactory, shop.row(OrderFactory).id, ignore_invalid_coupon=ignore)
    change(Coupon, shop.row(Coupon).id, **changes)
    before = count_uses(shop)
    mend(card)

    run_due(FEBRUARY + DAY)

    again = shop.rows(OrderFactory)[-1]
    assert again.status == "failed"
    assert again.errors_log["coupon_code"] == [words]
    assert shop.row(Order, id=again.target_order_id).status == "pending"
    assert count_uses(shop) == before
    assert ledger.charges() == []


def test_two_retries_do_not_share_the_last_use(shop, ledger):
    shop.coupon("SPRING", usage_limit=2)
    cards = [make_declined_renewal(shop, coupon_code="SPRING") for _ in range(2)]
    run_due(FEBRUARY)
    change(Coupon, shop.row(Coupon).id, usage_limit=1)
    for card in cards:
        mend(card)

    run_due(FEBRUARY + DAY)

    assert statuses(shop) == ["failed", "failed", "completed", "failed"]
    assert count_uses(shop) == ([1], [1])
    assert len(ledger.charges()) == 1


def test_two_retries_do_not_share_the_last_use_of_a_promotion(shop, ledger):
    promotion = shop.promotion(name="Ten off", percentage=10, total_usage_limit=2)
    cards = [make_declined_renewal(shop) for _ in range(2)]
    run_due(FEBRUARY)
    before = count_uses(shop)
    change(Promotion, promotion, total_usage_limit=1)
    for card in cards:
        mend(card)

    run_due(FEBRUARY + DAY)

    assert before == ([], [0])
    assert statuses(shop) == ["failed", "failed", "completed", "failed"]
    late = shop.rows(OrderFactory)[-1]
    assert late.errors_log["coupon_code"] == ["promotion Ten off is used up"]
    assert shop.row(Order, id=late.target_order_id).status == "pending"
    assert count_uses(shop) == ([], [1])
    assert len(ledger.charges()) == 1


def test_a_retry_without_a_card_uses_no_coupon(shop, ledger):
    shop.coupon("SPRING", usage_limit=1)
    card = make_declined_renewal(shop, coupon_code="SPRING")
    run_due(FEBRUARY)
    change(PaymentSource, card, gateway="gone", payment_source_token="tok_approve")

    run_due(FEBRUARY + DAY)

    assert statuses(shop) == ["failed", "failed"]
    assert count_uses(shop) == ([0], [0])
