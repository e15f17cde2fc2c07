"""Other sets of columns that the exports of WooCommerce and Adobe Commerce have."""

import pytest

from tests.tasks.imports.platforms.conftest import converted, write_rows

PLUGIN = {
    "Order Number": "7",
    "Order Status": "wc-on-hold",
    "Order Date": "2026-02-01 10:15:00",
    "Currency": "EUR",
    "Order Subtotal Amount": "20.00",
    "Cart Discount Amount": "2.00",
    "Order Total Amount": "18.00",
    "Item Name": "Mug",
    "Quantity (- Refund)": "2",
    # After the discount.
    "Item Cost": "9.00",
}
EXTENSION = {
    "order_id": "7",
    "date": "2026-02-01 10:15:00",
    "status": "processing",
    "shipping_total": "5.00",
    "shipping_tax_total": "1.10",
    "fee_total": "1.00",
    "tax_total": "5.72",
    "discount_total": "0.00",
    "order_total": "31.72",
    "order_currency": "EUR",
    "item_name": "Mug",
    "item_sku": "MUG",
    "item_quantity": "2",
    "item_subtotal": "20.00",
    "item_total": "20.00",
    "item_tax": "4.40",
    "billing_email": "ann@shop.example",
}
ITEM = {"sku": "MUG", "name": "Mug", "qty_ordered": "2.0000"}
BASE = {
    "increment_id": "7",
    "state": "new",
    "order_currency_code": "EUR",
    "base_grand_total": "20.0000",
    "base_row_total": "20.0000",
    **ITEM,
}
PAID_BY_GIFT_CARD = {
    "increment_id": "7",
    "status": "complete",
    "order_currency_code": "EUR",
    "subtotal": "20.0000",
    "grand_total": "15.0000",
    "gift_cards_amount": "-5.0000",
    "price": "10.0000",
    **ITEM,
}
GOODS = ("skus", 20_00)


@pytest.mark.parametrize(
    ("form", "row", "total", "lines"),
    [
        ("woocommerce", PLUGIN, 18_00, [("skus", 18_00)]),
        (
            "woocommerce",
            EXTENSION,
            26_00,
            [GOODS, ("shipments", 5_00), ("adjustments", 1_00)],
        ),
        ("adobe_commerce", BASE, 20_00, [GOODS]),
        ("adobe_commerce", BASE | {"base_currency_code": "EUR"}, 20_00, [GOODS]),
        ("adobe_commerce", PAID_BY_GIFT_CARD, 20_00, [GOODS]),
    ],
)
def test_other_columns_give_the_same_amounts(tmp_path, form, row, total, lines):
    (found,) = converted(write_rows(tmp_path / "orders.csv", [row]), form)

    assert found.problems == []
    assert found.rows["orders"][0].values["total_amount_cents"] == total
    assert [
        (line.values["item_type"], line.values["total_amount_cents"])
        for line in found.rows["line_items"]
    ] == lines


@pytest.mark.parametrize(
    ("form", "row", "column", "reason"),
    [
        # Amounts of the shop's currency are no amounts of the order's.
        (
            "adobe_commerce",
            BASE | {"order_currency_code": "USD", "base_currency_code": "EUR"},
            "order_currency_code",
            "differs from base_currency_code; export grand_total as well",
        ),
        # The pieces without those that were refunded, and no others.
        ("woocommerce", PLUGIN | {"Quantity (- Refund)": "1"}, "Order Subtotal Amount", "is 20.00"),
        ("woocommerce", PLUGIN | {"Order Status": "Verschickt"}, "Order Status", "is 'Verschickt'"),
    ],
)
def test_what_cannot_be_known_is_refused(tmp_path, form, row, column, reason):
    (found,) = converted(write_rows(tmp_path / "orders.csv", [row]), form)

    (problem,) = found.problems
    assert (problem.line, problem.column) == (2, column)
    assert problem.reason.startswith(reason)
