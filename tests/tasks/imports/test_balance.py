"""The import and verify report orders with amounts that are not the sums of their lines."""

import pytest

from order_factory.models.database.engine import reading
from order_factory.models.tables import Order
from order_factory.models.values.statuses import Mode
from order_factory.tasks.imports.balance import find_unbalanced_orders, last_keys
from order_factory.tasks.verify import verify
from tests.support.copying import copy_one
from tests.support.import_examples import make_plain_line, make_plain_order


@pytest.fixture
def unbalanced(write_csv, run_import):
    """Import orders and lines; returns the report about amounts that do not add up."""

    def unbalanced(orders, lines):
        before = last_keys()
        folder = write_csv("orders.csv", orders).parent
        write_csv("line_items.csv", lines)
        run_import(folder)
        return find_unbalanced_orders(Mode.LIVE, before)

    return unbalanced


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (
            {"total_amount_cents": 19_50, "shipping_amount_cents": 7_00},
            "total_amount_cents: the lines add up to 12.50 EUR, the order says 19.50 EUR",
        ),
        (
            # The sums differ, though the totals do not.
            {"shipping_amount_cents": 7_00, "discount_amount_cents": -7_00},
            "shipping_amount_cents: the lines add up to 0.00 EUR, the order says 7.00 EUR",
        ),
        (
            {"total_tax_amount_cents": 2_75, "tax_included": False},
            "total_tax_amount_cents: the lines add up to 0.00 EUR, the order says 2.75 EUR",
        ),
    ],
)
def test_each_wrong_amount_of_the_header_is_reported(shop, unbalanced, amounts, expected):
    header = make_plain_order("1001", **{"total_amount_cents": 12_50, **amounts})
    right = make_plain_order("1002", total_amount_cents=12_50, subtotal_amount_cents=12_50)

    orders = unbalanced(
        [header, right], [make_plain_line("1001", "1"), make_plain_line("1002", "1")]
    )

    assert (orders.orders, orders.examples) == (1, (f"Order 1001, {expected}",))
    with reading() as db:
        assert verify(db).unbalanced_orders == 1
    first, second = (copy_one(row.id) for row in shop.rows(Order))
    assert "amounts" in first.errors_log
    assert "amounts" not in (second.errors_log or {})


def test_an_order_one_of_whose_lines_was_rejected_is_counted(shop, unbalanced):
    header = make_plain_order("1001", total_amount_cents=25_00)
    lines = [make_plain_line("1001", "1"), make_plain_line("1001", "2", quantity="two")]

    orders = unbalanced([header], lines)

    says = "total_amount_cents: the lines add up to 12.50 EUR, the order says 25.00 EUR"
    assert (orders.orders, orders.examples) == (1, (f"Order 1001, {says}",))
    with reading() as db:
        report = verify(db)
    assert (report.unbalanced_orders, report.violations) == (1, 0)
