"""Damage to recalculated values is found: promotions, prices, coupons that were left out."""

import pytest

from tests.support.damage import Damage

_PROMOTION = "order_id = :promoted_target AND item_type = 'percentage_discount_promotions'"


def _copy_discount(copy: str, kind: str) -> Damage:
    """A line of the copy comes from the source's discount of this type after all."""
    discount = f"SELECT id FROM line_items WHERE order_id = :{copy}_source AND item_type = '{kind}'"
    statement = f"UPDATE line_items SET copied_from_id = ({discount}) WHERE id = :{copy}_line"
    return Damage("old-discounts-left-out", statement, f"{copy}_line")


DAMAGES = [
    _copy_discount("promoted", "fixed_amount_promotions"),
    _copy_discount("ignored", "discount_engine_items"),
    _copy_discount("couponless", "discount_engine_items"),
    Damage(
        "discounts-take-off",
        "UPDATE line_items SET copied_from_id = NULL, item_type = 'free_shipping_promotions' "
        "WHERE id = :promoted_line",
        "promoted_line",
    ),
    Damage(
        "discounts-divided",
        "UPDATE line_items SET discount_cents = discount_cents - 1 WHERE id = :promoted_line",
        "promoted_target",
    ),
    Damage(
        "discounts-divided",
        f"UPDATE line_items SET total_amount_cents = total_amount_cents + 1 WHERE {_PROMOTION}",
        "promoted_target",
    ),
    Damage("discounts-divided", f"DELETE FROM line_items WHERE {_PROMOTION}", "promoted_target"),
    Damage(
        "refreshed-totals",
        "UPDATE line_items SET total_amount_cents = total_amount_cents + 1 "
        "WHERE id = :refreshed_line",
        "refreshed_line",
    ),
    Damage(
        "refreshed-totals",
        "UPDATE line_items SET unit_amount_cents = NULL WHERE id = :refreshed_line",
        "refreshed_line",
    ),
    Damage(
        "lines-complete",
        "UPDATE order_factories SET ignore_invalid_coupon = false WHERE id = :ignored",
        "ignored",
    ),
    Damage(
        "lines-complete",
        "DELETE FROM copy_errors WHERE order_factory_id = :couponless",
        "couponless",
    ),
    Damage(
        "order-columns",
        "UPDATE order_factories SET ignore_invalid_coupon = false WHERE id = :ignored",
        "ignored_target",
    ),
    Damage(
        "order-columns",
        """UPDATE orders SET metadata = '{"gift": false}' WHERE id = :refreshed_target""",
        "refreshed_target",
    ),
    Damage(
        "order-columns",
        "UPDATE orders SET coupon_code = '?' WHERE id = :ignored_target",
        "ignored_target",
    ),
    Damage(
        "line-columns",
        "UPDATE line_items SET quantity = 7 WHERE id = :refreshed_line",
        "refreshed_line",
    ),
    Damage(
        "line-columns",
        "UPDATE line_items SET discount_cents = -7 WHERE id = :refreshed_line",
        "refreshed_line",
    ),
    Damage(
        "line-columns",
        "UPDATE line_items SET unit_amount_cents = 7 WHERE id = :promoted_line",
        "promoted_line",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert report.violations == 1
    assert report.examples == shown(damage)
