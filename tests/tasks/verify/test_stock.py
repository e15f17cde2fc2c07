"""Stock below zero is found."""

from tests.tasks.verify.damage import Damage

DAMAGES = [
    Damage(
        "stock-not-negative",
        "UPDATE stock_items SET quantity = -1 WHERE id = :mug_stock",
        "mug_stock",
        lifts=("stock_items",),
    )
]


def test_it_is_found(reports, shown):
    (damage,) = DAMAGES

    report = reports(damage)

    assert (report.violations, report.examples) == (1, shown(damage))
