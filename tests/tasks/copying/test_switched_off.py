"""Disabled rows: off from the given time on, and only if the copy needs them."""

from datetime import timedelta

import pytest

from order_factory.models.tables import Order, PaymentMethod
from order_factory.models.tables.base import utc_now
from tests.support.copying import copy_one, target_of

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
WHEN = [pytest.param(-SECOND, True, id="a second ago"), pytest.param(HOUR, False, id="later")]


@pytest.mark.parametrize(("when", "off"), WHEN)
@pytest.mark.parametrize("column", ["disabled_at", "expires_at"])
def test_an_invalid_promotion_is_not_applied(shop, column, when, off):
    shop.promotion(**{column: utc_now() + when})
    source = shop.order(lines=[("MUG", 1, 10_00)])

    unchanged, computed = copy_one(source), copy_one(source, apply_promotions=True)

    totals = [
        shop.row(Order, id=target_of(each)).total_amount_cents for each in (unchanged, computed)
    ]
    assert totals == [10_00, 10_00 if off else 9_00]


@pytest.mark.parametrize(("when", "off"), WHEN)
@pytest.mark.parametrize("column", ["coupon", "disabled_at", "expires_at"])
def test_an_invalid_coupon_is_an_error_of_its_orders(shop, column, when, off):
    at = utc_now() + when
    promotion = shop.promotion(coupon_required=True, **({} if column == "coupon" else {column: at}))
    shop.coupon("SPRING", promotion_id=promotion, expires_at=at if column == "coupon" else None)

    bearing = copy_one(shop.order(coupon_code="SPRING"))
    other = copy_one(shop.order())

    assert list(bearing.errors_log or {}) == (["coupon_code"] if off else [])
    assert other.errors_log is None


@pytest.mark.parametrize(("when", "off"), WHEN)
def test_an_expired_gift_card_is_an_error_of_its_copies(shop, when, off):
    customer = shop.customer()
    card = shop.payment_source(wallet_of=customer, expires_at=utc_now() + when)
    order = {"customer_id": customer, "payment_source_id": card}
    costly, free = shop.order(**order), shop.order(lines=[("MUG", 1, 0)], **order)

    paid, unused = copy_one(costly), copy_one(costly, reuse_wallet=False)

    assert list(paid.errors_log or {}) == (["payment_source"] if off else [])
    assert unused.errors_log is None
    assert copy_one(free, place_target_order=True).errors_log is None


@pytest.mark.parametrize(("when", "off"), WHEN)
def test_a_disabled_payment_method_places_only_free_orders(shop, when, off):
    method = shop.add(
        PaymentMethod,
        payment_source_type="wire_transfers",
        gateway="manual",
        disabled_at=utc_now() + when,
    )
    costly = shop.order(payment_method_id=method)
    free = shop.order(lines=[("MUG", 1, 0)], payment_method_id=method)

    placed, made = copy_one(costly, place_target_order=True), copy_one(costly)

    assert ("payment_method" in (placed.errors_log or {})) == off
    assert made.errors_log is None
    assert copy_one(free, place_target_order=True).errors_log is None


@pytest.mark.parametrize("status", ["blocked", "deleted"])
def test_a_deleted_customer_gets_no_copy(shop, status):
    source = shop.order(customer_id=shop.customer(status=status))

    failed, without = copy_one(source), copy_one(source, skip_errors=True)

    assert failed.errors_log == without.errors_log == {"customer": [f"the customer is {status}"]}
    assert shop.row(Order, id=target_of(without)).customer_id is None
