"""Coupons: when a code is an error, when it is left out, and how its uses are counted."""

from datetime import timedelta

import pytest

from order_factory.models.tables import Coupon, LineItem, Order, Promotion
from order_factory.models.tables.base import utc_now
from tests.support.copying import change, copy, copy_one, target_of

USED = "coupon SPRING has been used by the customer already"


def test_a_shop_without_coupons_copies_codes_as_they_are(shop):
    source = shop.order(coupon_code="SPRING")
    shop.line(source, item_type="percentage_discount_promotions", unit_amount_cents=-1_00)

    result = copy_one(source)

    target = shop.row(Order, id=target_of(result))
    assert result.errors_log is None
    assert (target.coupon_code, target.total_amount_cents) == ("SPRING", 11_50)


def test_an_unknown_code_is_an_error_if_promotions_are_computed_again(shop):
    source = shop.order(coupon_code="SPRING")

    result = copy_one(source, apply_promotions=True)

    assert result.errors_log == {"coupon_code": ["coupon SPRING does not exist"]}


def test_a_coupon_of_the_other_mode_is_not_known(shop):
    shop.coupon("OTHER")
    shop.coupon("SPRING", mode="test")

    result = copy_one(shop.order(coupon_code="SPRING"))

    assert result.errors_log == {"coupon_code": ["coupon SPRING does not exist"]}


def test_a_valid_coupon_is_copied_with_its_frozen_discount_and_used(shop):
    shop.coupon("SPRING", usage_limit=2)
    source = shop.order(coupon_code="SPRING")
    shop.line(source, item_type="fixed_amount_promotions", unit_amount_cents=-5_00)

    ended = copy(source, source, source)

    assert [result.status for result in ended] == ["completed", "completed", "failed"]
    assert ended[2].errors_log == {"coupon_code": ["coupon SPRING is used up"]}
    assert shop.row(Order, id=target_of(ended[0])).total_amount_cents == 7_50
    assert shop.row(Coupon).usage_count == 2
    assert shop.row(Promotion).total_usage_count == 2


@pytest.mark.parametrize("option", ["ignore_invalid_coupon", "skip_errors"])
def test_an_invalid_coupon_is_left_out_with_its_discounts_and_no_others(shop, option):
    shop.coupon("SPRING", expires_at=utc_now() - timedelta(days=1))
    source = shop.order(coupon_code="SPRING")
    for kind, code in [
        ("percentage_discount_promotions", "SPRING"),
        ("discount_engine_items", "SPRING"),
        ("percentage_discount_promotions", None),
    ]:
        shop.line(source, item_type=kind, unit_amount_cents=-1_00, coupon_code=code)

    result = copy_one(source, **{option: True})

    target = shop.row(Order, id=target_of(result))
    assert (result.errors_count == 0) == (option == "ignore_invalid_coupon")
    assert (target.coupon_code, target.discount_amount_cents) == (None, -1_00)
    assert target.total_amount_cents == 11_50
    assert shop.row(Coupon).usage_count == 0


def test_a_customer_uses_a_coupon_for_one_use_once(shop):
    shop.coupon("SPRING", customer_single_use=True)
    customer = shop.customer()
    cart = {"status": "pending", "placed_at": None, "number": None}
    carts = [shop.order(coupon_code="SPRING", customer_id=customer, **cart) for _ in range(2)]
    other = shop.order(coupon_code="SPRING", **cart)

    first, second, third = copy(*carts, other)
    again = copy_one(carts[0])

    assert [result.errors_log for result in (first, third)] == [None, None]
    assert second.errors_log == again.errors_log == {"coupon_code": [USED]}
    assert shop.row(Coupon).usage_count == 2


def test_a_guest_is_known_by_the_email(shop):
    shop.coupon("SPRING", customer_single_use=True)
    placed = shop.order(coupon_code="SPRING", customer_email="Guest@shop.example")
    cart = shop.order(coupon_code="SPRING", customer_email="guest@shop.example", status="pending")
    change(Order, [placed, cart], customer_id=None)

    result = copy_one(cart)

    assert result.errors_log == {"coupon_code": [USED]}


def test_the_replaced_order_does_not_count_as_a_use(shop):
    shop.coupon("SPRING", customer_single_use=True)
    source = shop.order(coupon_code="SPRING")

    result = copy_one(source)
    replaced = copy_one(source, cancel_source_order=True)

    assert result.errors_log == {"coupon_code": [USED]}
    assert (replaced.status, replaced.errors_log) == ("completed", None)


def test_an_order_that_fails_uses_up_nothing(shop):
    shop.coupon("SPRING", usage_limit=1)
    shop.sku("RARE", stock=1)
    wrong = shop.order(coupon_code="SPRING", lines=[("RARE", 2, 1_00)])
    right = shop.order(coupon_code="SPRING", lines=[("RARE", 1, 1_00)])
    late = shop.order(coupon_code="SPRING", lines=[("RARE", 1, 1_00)])

    ended = copy(wrong, right, late)

    assert [result.errors_log for result in ended] == [
        {"line_items": ["SKU RARE: 2 wanted, 1 in stock"]},
        None,
        {
            "line_items": ["SKU RARE: 1 wanted, 0 in stock"],
            "coupon_code": ["coupon SPRING is used up"],
        },
    ]
    assert shop.row(Coupon).usage_count == 1


def test_an_optional_coupon_is_used_only_if_its_order_is_copied(shop):
    shop.coupon("SPRING", usage_limit=1)
    shop.sku("RARE", stock=1)
    wrong = shop.order(coupon_code="SPRING", lines=[("RARE", 2, 1_00)])
    right, late = (shop.order(coupon_code="SPRING", lines=[("MUG", 1, 1_00)]) for _ in range(2))

    ended = copy(wrong, right, late, ignore_invalid_coupon=True)

    assert [result.status for result in ended] == ["failed", "completed", "completed"]
    codes = [shop.row(Order, id=target_of(result)).coupon_code for result in ended[1:]]
    assert codes == ["SPRING", None]


def test_other_lines_are_copied_unchanged_with_a_coupon(shop):
    shop.coupon("SPRING")
    source = shop.order(coupon_code="SPRING")

    target = target_of(copy_one(source))

    assert shop.row(LineItem, order_id=target).discount_cents is None
