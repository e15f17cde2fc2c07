"""Other sets of columns that the exports of WooCommerce and Adobe Commerce have."""

import pytest

from tests.tasks.imports.platforms.conftest import convert_file, write_rows

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
REFUNDED = {
    "Order Number": "7",
    "Order Status": "Completed",
    "Order Date": "2026-02-01 10:15",
    "Currency": "EUR",
    "Order Subtotal Amount": "30.00",
    "Order Total Amount": "30.00",
    "Order Refund Amount": "-10.00",
    "Item Name": "Mug",
    "Item Cost": "10.00",
    "Order Line (w/o tax)": "30.00",
    "Quantity (- Refund)": "3",
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
WRAPPED = BASE | {
    "base_grand_total": "27.0000",
    "gw_price": "4.0000",
    "gw_items_price": "2.0000",
    "gw_card_price": "1.0000",
}
GOODS = ("skus", 20_00)
SHIPPED = ("shipments", 5_00)
# All lines of an order in one row.
WIDE = {
    "order_number": "812",
    "order_date": "2026-02-01 10:15:00",
    "status": "completed",
    "shipping_total": "5.00",
    "tax_total": "5.00",
    "discount_total": "2.50",
    "order_total": "32.50",
    "order_subtotal": "25.00",
    "order_currency": "EUR",
    "coupon_items": "code:welcome10|amount:2.50;code:extra|amount:0",
    "refund_items": "amount:3.00|reason:Broken;amount:1.50|reason:",
}
CELLS = {
    "line_item_1": "name:Mug &amp; Co; red: large|product_id:12|sku:MUG|quantity:2|total:18.00|sub_total:20.00",
    "line_item_2": "name:Cap|product_id:13|sku:|quantity:1|total:4.50|sub_total:5.00",
    "line_item_3": "",
}
COLUMNS = {
    "Product Item 1 Name": "Mug",
    "Product Item 1 SKU": "MUG",
    "Product Item 1 Quantity": "2",
    "Product Item 1 Total": "18.00",
    "Product Item 1 Subtotal": "20.00",
    "Product Item 2 Name": "Cap",
    "Product Item 2 Quantity": "1",
    "Product Item 2 Subtotal": "5.00",
}
ONE_CELL = {
    "line_items": "id:1|name:Mug; red|sku:MUG|quantity:2|subtotal:20.00|total:18.00|meta:Size=L;"
    "id:2|name:Cap|sku:|quantity:1|subtotal:5.00|total:4.50|meta:"
}
AS_JSON = {
    "line_items": '[{"name": "Mug", "sku": "MUG", "quantity": 2, "subtotal": 20.00},'
    ' {"name": "Cap", "sku": "", "quantity": 1, "subtotal": 5}]'
}
WIDE_LINES = [GOODS, ("skus", 5_00), SHIPPED, ("external_promotions", -2_50)]
TIPPED = {
    "Name": "#7",
    "Currency": "USD",
    "Subtotal": "10.00",
    "Taxes": "2.20",
    "Total": "15.20",
    "Created at": "2026-01-15 12:00:00 -0500",
}
TIP = {
    "Name": "#7",
    "Lineitem name": "Tip",
    "Lineitem quantity": "1",
    "Lineitem price": "3.00",
    "Lineitem taxable": "false",
}
MUG = {"Lineitem name": "Mug", "Lineitem quantity": "1", "Lineitem price": "10.00"}
TAKEN_OFF = {"Lineitem name": "Gone", "Lineitem quantity": "0", "Lineitem price": "9.00"}
FORMATTED = {
    "Order Number": "'000000103",
    "Order Date": "Jan 15, 2026, 2:03:04 PM",
    "Order Status": "Complete",
    "Order Currency": "USD",
    "Order Subtotal": "$1,045.00",
    "Order Shipping": "$5.00",
    "Order Discount": "'-$4.50",
    "Order Grand Total": "$1,045.50",
    "Item Name": "Big",
    "Item SKU": '="00123"',
    "Item Price": "$1,000.00",
    "Item Qty Ordered": "1",
}
SIMPLE = {"Item Name": "Big, red", "Item SKU": '="00123"', "Item Price": "$0.00"}
MORE = {"Item Name": "Small", "Item SKU": "SMALL", "Item Price": "$22.50", "Item Qty Ordered": "2"}
PREFIXED = {
    name if "_" not in name or name.startswith(("order", "base")) else f"items:{name}": value
    for name, value in BASE.items()
} | {"increment_id": "7", "items:sku": "MUG", "items:name": "Mug", "items:row_total": "20,0000"}


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
        *(
            ("woocommerce", WIDE | lines, 27_50, WIDE_LINES)
            for lines in (CELLS, COLUMNS, ONE_CELL, AS_JSON)
        ),
        (
            "shopify",
            [TIPPED | MUG, TIP, TAKEN_OFF],
            13_00,
            [("skus", 10_00), ("adjustments", 3_00)],
        ),
        # A subtotal with the tip in it.
        (
            "shopify",
            [TIPPED | MUG | {"Subtotal": "13.00"}, TIP],
            13_00,
            [("skus", 10_00), ("adjustments", 3_00)],
        ),
        # A product with that name.
        (
            "shopify",
            [TIPPED | MUG | {"Subtotal": "13.00"}, TIP | {"Lineitem sku": "TIP-1"}],
            13_00,
            [("skus", 10_00), ("skus", 3_00)],
        ),
        (
            "adobe_commerce",
            [FORMATTED, SIMPLE | {"Item Qty Ordered": "1"}, MORE],
            1045_50,
            [("skus", 1000_00), ("skus", 45_00), SHIPPED, ("external_promotions", -4_50)],
        ),
        ("woocommerce", REFUNDED, 30_00, [("skus", 30_00)]),
        ("adobe_commerce", PREFIXED, 20_00, [GOODS]),
        (
            "adobe_commerce",
            WRAPPED,
            27_00,
            [GOODS, ("adjustments", 4_00), ("adjustments", 2_00), ("adjustments", 1_00)],
        ),
        ("adobe_commerce", BASE, 20_00, [GOODS]),
        ("adobe_commerce", BASE | {"base_currency_code": "EUR"}, 20_00, [GOODS]),
        ("adobe_commerce", PAID_BY_GIFT_CARD, 20_00, [GOODS]),
    ],
)
def test_other_columns_give_the_same_amounts(tmp_path, form, row, total, lines):
    rows = row if isinstance(row, list) else [row]
    (order,) = convert_file(write_rows(tmp_path / "orders.csv", rows), form)

    assert order.problems == []
    assert order.rows["orders"][0].values["total_amount_cents"] == total
    assert [
        (line.values["item_type"], line.values["total_amount_cents"])
        for line in order.rows["line_items"]
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
        # The line's total, and no longer all of its pieces.
        (
            "woocommerce",
            REFUNDED | {"Quantity (- Refund)": "2"},
            "Quantity (- Refund)",
            "is 2, and 2 at this price do not cost 30.00 EUR",
        ),
        ("woocommerce", PLUGIN | {"Order Status": "Verschickt"}, "Order Status", "is 'Verschickt'"),
        (
            "woocommerce",
            WIDE | CELLS | {"line_item_2": "name:Cap|sku:CAP|quantity:one|sub_total:5.00"},
            "line_item_2 (quantity)",
            "is not a whole number",
        ),
        ("woocommerce", WIDE | CELLS | {"order_total": "32.51"}, "order_total", "is 32.51 EUR"),
    ],
)
def test_a_value_that_cannot_be_converted_is_refused(tmp_path, form, row, column, reason):
    (order,) = convert_file(write_rows(tmp_path / "orders.csv", [row]), form)

    (problem,) = order.problems
    assert (problem.line, problem.column) == (2, column)
    assert problem.reason.startswith(reason)


def test_texts_of_a_wide_row_stay_whole(tmp_path):
    (order,) = convert_file(write_rows(tmp_path / "orders.csv", [WIDE | CELLS]), "woocommerce")

    assert [row.values["name"] for row in order.rows["skus"]] == ["Mug & Co; red: large", "Cap"]
    assert [row.values["code"] for row in order.rows["skus"]] == ["MUG", "Cap"]
    assert order.rows["line_items"][-1].values["name"] == "welcome10, extra"
    assert order.rows["orders"][0].values["metadata"] == {
        "coupons": "welcome10, extra",
        "refunded_amount": "3.00, 1.50",
    }


@pytest.mark.parametrize(
    ("columns", "taxes"),
    [
        ({}, [4_40, 1_10, 22]),
        ({"shipping_tax_total": ""}, [4_40, 1_32, 0]),
        # More than the lines leave.
        ({"shipping_tax_total": "2.00"}, [4_40, 1_32, 0]),
    ],
)
def test_the_taxes_that_no_line_has_are_those_of_shipping_and_fees(tmp_path, columns, taxes):
    row = EXTENSION | columns
    (order,) = convert_file(write_rows(tmp_path / "orders.csv", [row]), "woocommerce")

    assert order.problems == []
    assert [line.values["tax_amount_cents"] for line in order.rows["line_items"]] == taxes


def test_shipping_that_is_free_by_a_coupon_has_no_taxes(tmp_path):
    header = {"Subtotal": "8.00", "Shipping": "5.00", "Discount Amount": "7.00", "Total": "8.00"}
    row = TIPPED | MUG | header | {"Taxes": "1.44", "Lineitem discount": "2.00"}
    (order,) = convert_file(write_rows(tmp_path / "orders.csv", [row]), "shopify")

    assert [
        (line.values["item_type"], line.values["tax_amount_cents"])
        for line in order.rows["line_items"]
    ] == [
        ("skus", 1_44),
        ("shipments", 0),
        ("external_promotions", 0),
        ("free_shipping_promotions", 0),
    ]


def test_a_discount_that_no_line_has_is_divided_among_the_lines(tmp_path):
    header = {"Subtotal": "23.00", "Discount Amount": "7.00", "Taxes": "0.00", "Total": "23.00"}
    rows = [
        TIPPED | MUG | header | {"Lineitem price": "12.00", "Lineitem discount": "2.00"},
        {"Name": "#7", **MUG, "Lineitem name": "Cap"},
        {"Name": "#7", **MUG, "Lineitem name": "Pen", "Lineitem price": "8.00"},
    ]
    (order,) = convert_file(write_rows(tmp_path / "orders.csv", rows), "shopify")

    discounts = [row.values.get("discount_cents") for row in order.rows["line_items"]]
    assert discounts == [-2_00 - 1_79, -1_78, -1_43, None]


@pytest.mark.parametrize(
    "rows",
    [
        [TIPPED | MUG, TIP],
        [TIPPED | MUG | {"Subtotal": "13.00"}, TIP],
        [TIPPED | MUG | {"Total Tip": "3.00"}],
    ],
)
def test_a_tip_is_no_sku_and_later_orders_do_not_repeat_it(tmp_path, rows):
    (order,) = convert_file(write_rows(tmp_path / "orders.csv", rows), "shopify")

    mug, tip = (row.values for row in order.rows["line_items"])
    assert (tip["item_type"], tip["total_amount_cents"]) == ("adjustments", 3_00)
    assert ("metadata" in mug, tip["metadata"]) == (False, {"repeat": False})
    assert order.rows["orders"][0].values["subtotal_amount_cents"] == 10_00
    assert [row.values["code"] for row in order.rows["skus"]] == ["Mug"]


@pytest.mark.parametrize("separator", ",;\t")
def test_quoted_names_and_rows_without_their_empty_cells(tmp_path, separator):
    names = [*TIPPED, *MUG, "Lineitem taxable", "Notes"]
    rows = [
        names,
        [*TIPPED.values(), *MUG.values()],
        ["#7", *[""] * 5, "Tip", "1", "3,00", "false"],
    ]
    lines = [separator.join(f'"{cell}"' for cell in row) for row in rows]
    whole, cut = tmp_path / "whole.csv", tmp_path / "cut.csv"
    whole.write_text("\r\n".join(lines) + "\r\n\r\n", newline="")
    cut.write_text("\r\n".join(lines), newline="")

    (converted,) = convert_file(whole, "shopify")
    of_cut = convert_file(cut, "shopify")

    assert converted.problems == []
    assert [row.values["total_amount_cents"] for row in converted.rows["line_items"]] == [
        10_00,
        3_00,
    ]
    # A file that ends within a line may lack more than empty cells.
    assert [problem.line for order in of_cut for problem in order.problems] == [2, 3]
