"""What is not placed has used up no coupon and no promotion."""

import pytest

from order_factory.models.tables import Coupon, Order, OrderFactory, PaymentSource, Promotion
from order_factory.models.tables.base import utc_now
from tests.support.copying import change, copy_one, target_of
from tests.support.paying import make_payable_order, place
from tests.support.verifying import find_violations


def count_uses(shop):
    """The uses of the coupons, and of the promotions, by key."""
    coupons = [row.usage_count for row in shop.rows(Coupon)]
    return coupons, [row.total_usage_count for row in shop.rows(Promotion)]


@pytest.mark.parametrize("single_use", [False, True])
def test_a_declined_payment_releases_the_coupon(shop, ledger, single_use):
    shop.coupon("SPRING", usage_limit=1, customer_single_use=single_use)
    source = make_payable_order(shop, "tok_decline", coupon_code="SPRING", status="pending")

    for _ in range(3):
        (declined,) = place(source)
        assert {*declined.errors_log} == {"payment_source", "status"}, "never that it is used up"
        assert count_uses(shop) == ([0], [0])
    change(
        PaymentSource,
        shop.row(Order, id=source).payment_source_id,
        payment_source_token="tok_approve",
        updated_at=utc_now(),
    )
    (placed,) = place(source)

    assert placed.status == "completed"
    assert count_uses(shop) == ([1], [1])
    (late,) = place(source)
    assert list(late.errors_log) == ["coupon_code"]
    assert find_violations() == []


def test_uses_of_promotions_are_released_one_by_one(shop, ledger):
    limited = shop.promotion(total_usage_limit=1)
    shop.promotion(percentage=5)
    shop.coupon("SPRING")
    good, bad = (
        make_payable_order(shop, coupon_code="SPRING"),
        make_payable_order(shop, "tok_decline"),
    )

    (declined,) = place(bad, apply_promotions=True)
    assert count_uses(shop) == ([0], [0, 0, 0])
    (placed,) = place(good, apply_promotions=True)

    assert (declined.status, placed.status) == ("failed", "completed")
    assert count_uses(shop) == ([1], [1, 1, 1])
    assert shop.row(Promotion, id=limited).total_usage_count == 1
    assert find_violations() == []


def test_a_copy_that_cannot_be_placed_has_not_used_the_coupon(shop):
    shop.coupon("SPRING", usage_limit=1)
    unpaid = shop.order(coupon_code="SPRING")

    failed = copy_one(unpaid, place_target_order=True)
    result = copy_one(unpaid)

    assert "payment_source" in failed.errors_log
    assert result.status == "completed"
    assert count_uses(shop) == ([1], [1])


def test_a_cancelled_order_releases_its_uses(shop, ledger):
    shop.coupon("SPRING", usage_limit=2)
    (first,) = place(make_payable_order(shop, coupon_code="SPRING"))
    assert count_uses(shop) == ([1], [1])

    (second,) = place(target_of(first), cancel_source_order=True)
    (third,) = place(target_of(second), cancel_source_order=True)

    assert {second.status, third.status} == {"completed"}
    assert count_uses(shop) == ([1], [1])
    assert find_violations() == []


def test_a_usage_count_never_falls_below_zero(shop, ledger):
    coupon = shop.coupon("SPRING")
    source = make_payable_order(shop, "tok_decline", coupon_code="SPRING")

    place(source, before=lambda: change(Coupon, coupon, usage_count=0))

    assert count_uses(shop)[0] == [0]


def test_a_customer_is_the_same_person_whatever_email_is_on_the_order(shop):
    shop.coupon("SPRING", customer_single_use=True)
    customer = shop.customer(email="ada@shop.example")
    cart = {"coupon_code": "SPRING", "status": "pending"}
    as_guest = shop.order(customer_email="ada@shop.example", **cart)
    change(Order, as_guest, customer_id=None)
    as_customer = shop.order(customer_id=customer, customer_email="office@shop.example", **cart)
    as_colleague = shop.order(customer_email="office@shop.example", **cart)
    change(Order, as_colleague, customer_id=None)

    first, again, other = (copy_one(order) for order in (as_guest, as_customer, as_colleague))

    assert first.errors_log is None
    assert again.errors_log == {
        "coupon_code": ["coupon SPRING has been used by the customer already"]
    }
    assert other.errors_log is None


def test_guest_and_customer_of_one_email_are_one_person(shop):
    shop.coupon("SPRING", customer_single_use=True)
    customer = shop.customer(email="ada@shop.example")
    cart = {"coupon_code": "SPRING", "customer_email": "Ada@shop.example", "status": "pending"}
    as_customer = shop.order(customer_id=customer, **cart)
    as_guest = shop.order(**cart)
    change(Order, as_guest, customer_id=None)

    first, again = copy_one(as_customer), copy_one(as_guest)

    assert first.errors_log is None
    assert again.errors_log == {
        "coupon_code": ["coupon SPRING has been used by the customer already"]
    }
    change(OrderFactory, shop.row(OrderFactory, status="failed").id, reference="later")
    change(Order, target_of(first), status="cancelled")
    assert copy_one(as_guest).errors_log is None
    assert copy_one(as_customer).status == "failed"
