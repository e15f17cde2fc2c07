"""Stock below zero, and stock that is reserved for no order, is found."""

import pytest

from tests.support.damage import Damage

DAMAGES = [
    Damage(
        "stock-not-negative",
        "UPDATE stock_items SET quantity = -1 WHERE id = :mug_stock",
        "mug_stock",
        lifts=("stock_items",),
    ),
    Damage(
        "reserved-is-accounted-for",
        "UPDATE stock_items SET reserved = reserved + 1 WHERE id = :mug_stock",
        "mug_stock",
    ),
    Damage(
        "reservations-fit-orders",
        "UPDATE orders SET status = 'pending' WHERE id = :paid_target",
        "paid_reservation",
    ),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_verify_finds_it(damage, reports, shown):
    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
