"""If no line of a copy is left, it uses no coupon, and the other copies of the batch get it."""

import pytest

from order_factory.models.tables import Coupon, Order
from tests.support.copying import copy, target_of

pytestmark = pytest.mark.usefixtures("verified")


@pytest.fixture
def sources(shop):
    """Orders of a SKU that is gone and of one that is short, and two that can be copied."""
    shop.coupon("SPRING", usage_limit=1)
    shop.sku("RARE", stock=0)
    shop.bundle("SET", {"MUG": 1, "RARE": 1})
    bundled = shop.order(coupon_code="SPRING", lines=[])
    shop.line(bundled, item_type="bundles", bundle_code="SET", unit_amount_cents=5_00)
    shop.sum_up(bundled)
    orders = [
        shop.order(coupon_code="SPRING", lines=[(sku, 1, 5_00)], catalogued=sku != "GONE")
        for sku in ("GONE", "RARE", "MUG", "MUG")
    ]
    return [bundled, *orders]


@pytest.mark.parametrize("stock", ["take", "partial"])
def test_the_first_order_that_has_lines_gets_the_coupon(shop, sources, stock):
    ended = copy(*sources, skip_errors=stock == "take", stock=stock)

    assert [result.target_order is not None for result in ended[:4]] == [False] * 3 + [True]
    assert ended[3].errors_log is None
    assert ended[4].errors_log == {"coupon_code": ["coupon SPRING is used up"]}
    assert shop.row(Coupon).usage_count == 1


def test_an_order_in_a_wrong_status_uses_no_coupon_stock_or_gift_card(shop):
    shop.coupon("SPRING", usage_limit=1)
    shop.sku("RARE", stock=1)
    shop.gift_card("PRESENT", 5_00)
    lines = [("RARE", 1, 15_00), ("MUG", 1, 5_00)]
    orders = [shop.order(coupon_code="SPRING", lines=lines) for _ in range(2)]
    for order in orders:
        shop.redeem(order, "PRESENT", 5_00)
    shop.change_order(orders[0], status="placing")

    wrong, good = copy(*orders, skip_errors=True, place_target_order=True, gift_cards="fail")

    assert (wrong.status, wrong.target_order) == ("failed", None)
    # What fails is that it cannot be placed without a payment source.
    assert set(good.errors_log) == {"payment_source", "status"}
    assert shop.row(Order, id=target_of(good)).coupon_code == "SPRING"
