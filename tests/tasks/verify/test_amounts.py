"""Damage to the amounts of a target order, or to the lines that they are made of, is found."""

import pytest

from tests.support.damage import Damage

SUMMED = (
    "subtotal_amount_cents",
    "shipping_amount_cents",
    "payment_method_amount_cents",
    "discount_amount_cents",
    "adjustment_amount_cents",
    "gift_card_amount_cents",
    "total_tax_amount_cents",
    "total_amount_cents",
)
IN_TOTAL = [name for name in SUMMED if name != "total_tax_amount_cents"]
KINDS = (
    "skus",
    "bundles",
    "gift_cards",
    "shipments",
    "payment_methods",
    "adjustments",
    "percentage_discount_promotions",
    "discount_engine_items",
)


def _one_more(invariant: str, amount: str, copy: str = "placed") -> Damage:
    statement = f"UPDATE orders SET {amount} = {amount} + 1 WHERE id = :{copy}_target"
    return Damage(invariant, statement, f"{copy}_target")


def _line(changes: str) -> Damage:
    statement = f"UPDATE line_items SET {changes} AND order_id = :placed_target"
    return Damage("amounts-equal-lines", statement, "placed_target")


DAMAGES = [
    *(_one_more("amounts-equal-lines", amount) for amount in SUMMED),
    *(
        _line(f"total_amount_cents = total_amount_cents + 1 WHERE item_type = '{copy}'")
        for copy in KINDS
    ),
    _line("item_type = 'shipments' WHERE item_type = 'skus'"),
    _line("item_type = 'gift_cards', total_amount_cents = -1 WHERE item_type = 'shipments'"),
    Damage(
        "worth-its-source",
        "UPDATE orders SET total_amount_cents = total_amount_cents + 1 WHERE id = :plain_target",
        "plain_target",
    ),
    Damage(
        "worth-its-source",
        "UPDATE orders SET total_amount_cents = total_amount_cents - 1 WHERE id = :plain_source",
        "plain_target",
    ),
    _line("tax_amount_cents = NULL WHERE item_type = 'shipments'"),
    Damage(
        "amounts-equal-lines",
        "DELETE FROM line_items WHERE order_id = :placed_target",
        "placed_target",
    ),
    *(_one_more("total-adds-up", amount) for amount in IN_TOTAL),
    _one_more("total-with-taxes", "total_amount_with_taxes_cents"),
    _one_more("total-with-taxes", "total_tax_amount_cents"),
    _one_more("total-with-taxes", "total_amount_with_taxes_cents", copy="plain"),
    Damage(
        "total-with-taxes",
        "UPDATE orders SET tax_included = true WHERE id = :placed_target",
        "placed_target",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
