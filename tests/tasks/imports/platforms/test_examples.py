"""The examples of the three platforms: each row to the cent, imported once, and ready to be copied."""

from datetime import UTC, datetime
from typing import Any

import pytest

from order_factory.models.tables import Address, Customer, LineItem, Order, Sku
from order_factory.models.values.statuses import Mode
from order_factory.tasks.imports.balance import LastKeys, find_unbalanced_orders
from tests.support.copying import copy_one, target_of
from tests.tasks.imports.platforms.conftest import EXAMPLES

pytestmark = pytest.mark.usefixtures("verified")

AMOUNTS = ("subtotal", "shipping", "discount", "total_tax", "total", "total_amount_with_taxes")
# number: status, payment, fulfillment, currency, the amounts, taxes included, placed at (UTC)
ORDERS: dict[str, dict[str, tuple[Any, ...]]] = {
    "shopify": {
        "1001": (
            *("placed", "paid", "fulfilled", "EUR"),
            *(25_00, 5_00, -2_50, 4_96, 27_50, 27_50, True, "2026-01-15T10:59:00"),
        ),
        "1002": (
            *("placed", "partially_refunded", "in_progress", "USD"),
            *(1250_00, 0, -11_00, 89_83, 1239_00, 1328_83, False, "2026-01-16T13:30:00"),
        ),
        "1003": (
            *("placed", "unpaid", "unfulfilled", "GBP"),
            *(9_99, 0, 0, 0, 9_99, 9_99, True, "2026-01-17T09:00:00"),
        ),
        "1004": (
            *("cancelled", "refunded", "unfulfilled", "JPY"),
            *(3000, 500, -500, 272, 3000, 3000, True, "2026-01-18T01:00:00"),
        ),
    },
    "woocommerce": {
        "2001": (
            *("approved", "paid", "unfulfilled", "EUR"),
            *(25_00, 5_00, -2_50, 6_05, 27_50, 33_55, False, "2026-02-01T10:15:00"),
        ),
        "2002": (
            *("placed", "paid", "unfulfilled", "EUR"),
            *(24_79, 0, 0, 5_21, 24_79, 30_00, False, "2026-02-02T11:00:00"),
        ),
        "2003": (
            *("cancelled", "unpaid", "unfulfilled", "GBP"),
            *(9_99, 0, 0, 0, 9_99, 9_99, True, "2026-02-03T09:00:00"),
        ),
    },
    "adobe_commerce": {
        "000003001": (
            *("approved", "paid", "unfulfilled", "EUR"),
            *(25_00, 5_00, -2_50, 6_05, 27_50, 33_55, False, "2026-03-01T10:00:00"),
        ),
        "000003002": (
            *("cancelled", "unpaid", "unfulfilled", "USD"),
            *(100_00, 0, 0, 0, 100_00, 100_00, True, "2026-03-02T11:30:00"),
        ),
    },
}
# order, line: type, SKU, quantity, price of one, of all, tax, discount
LINES: dict[str, dict[tuple[str, str], tuple[Any, ...]]] = {
    "shopify": {
        ("1001", "1"): ("skus", "MUG", 2, 10_00, 20_00, 3_25, -2_00),
        ("1001", "2"): ("skus", "CAP", 1, 5_00, 5_00, 81, -50),
        ("1001", "shipping"): ("shipments", None, 1, 5_00, 5_00, 90, None),
        ("1001", "discount"): ("external_promotions", None, 1, -2_50, -2_50, 0, None),
        ("1002", "1"): ("skus", "ESPRESSO", 1, 1200_00, 1200_00, 86_20, -11_00),
        ("1002", "2"): ("skus", "SACHET", 1, 0, 0, 0, 0),
        ("1002", "3"): ("skus", 'Engraving "For Bob"', 1, 50_00, 50_00, 3_63, 0),
        ("1002", "discount"): ("external_promotions", None, 1, -11_00, -11_00, 0, None),
        ("1003", "1"): ("skus", "EBOOK", 1, 9_99, 9_99, None, None),
        ("1004", "1"): ("skus", "TEA", 3, 1000, 3000, 272, None),
        ("1004", "shipping"): ("shipments", None, 1, 500, 500, 0, None),
        ("1004", "shipping-discount"): ("free_shipping_promotions", None, 1, -500, -500, 0, None),
    },
    "woocommerce": {
        ("2001", "1"): ("skus", "MUG", 2, 10_00, 20_00, 3_96, -2_00),
        ("2001", "2"): ("skus", "CAP", 1, 5_00, 5_00, 99, -50),
        ("2001", "shipping"): ("shipments", None, 1, 5_00, 5_00, 1_10, None),
        ("2001", "discount"): ("external_promotions", None, 1, -2_50, -2_50, 0, None),
        ("2002", "1"): ("skus", "TEA", 2, None, 16_53, 3_47, None),
        ("2002", "2"): ("skus", "Gift wrap", 1, None, 8_26, 1_74, None),
        ("2003", "1"): ("skus", "EBOOK", 1, 9_99, 9_99, None, None),
    },
    "adobe_commerce": {
        ("000003001", "1"): ("skus", "MUG-WHITE", 2, 10_00, 20_00, 3_96, -2_00),
        ("000003001", "2"): ("skus", "CAP", 1, 5_00, 5_00, 99, -50),
        ("000003001", "shipping"): ("shipments", None, 1, 5_00, 5_00, 1_10, None),
        ("000003001", "discount"): ("external_promotions", None, 1, -2_50, -2_50, 0, None),
        ("000003002", "1"): ("skus", "EBOOK", 1, 100_00, 100_00, None, None),
    },
}


def orders_of(shop):
    return {
        row.number: (
            *(row.status, row.payment_status, row.fulfillment_status, row.currency_code),
            *(getattr(row, _column(name)) for name in AMOUNTS),
            row.tax_included,
            row.placed_at.replace(tzinfo=None).isoformat(),
        )
        for row in shop.rows(Order, order_factory_id=None)
    }


def _column(name):
    return f"{name}_cents" if name.endswith("taxes") else f"{name}_amount_cents"


def lines_of(shop):
    numbers = {row.id: row.number for row in shop.rows(Order)}
    return {
        (numbers[row.order_id], row.reference): (
            *(row.item_type, row.sku_code, row.quantity, row.unit_amount_cents),
            *(row.total_amount_cents, row.tax_amount_cents, row.discount_cents),
        )
        for row in shop.rows(LineItem, copied_from_id=None)
    }


@pytest.mark.parametrize("form", EXAMPLES)
def test_an_example_is_imported_to_the_cent_once_and_can_be_copied(shop, import_export, form):
    first = import_export(EXAMPLES[form], form)
    again = import_export(EXAMPLES[form], form, chunk_size=1, update=True)

    assert (first.rejects, again.rejects) == ([], [])
    assert {name: new for name, (new, *_) in again.counts.items()} == dict.fromkeys(first.counts, 0)
    assert first.counts["orders"] == (len(ORDERS[form]), 0, 0, 0)
    assert again.counts["line_items"] == (0, len(LINES[form]), 0, 0)
    assert orders_of(shop) == ORDERS[form]
    assert lines_of(shop) == LINES[form]
    assert find_unbalanced_orders(Mode.LIVE, LastKeys(0, 0)).orders == 0
    for row in shop.rows(Order):
        copy = copy_one(row.id, any_source_status=True)
        assert (copy.status, copy.errors_log) == ("completed", None)
        target = shop.row(Order, id=target_of(copy))
        assert target.total_amount_with_taxes_cents == row.total_amount_with_taxes_cents


def test_other_values_of_shopify_are_stored_in_metadata(shop, import_export):
    shop.add(Customer, email="ANN@shop.example", email_key="ann@shop.example", status="repeat")
    shop.sku("MUG", stock=3, name="Our mug")

    import_export(EXAMPLES["shopify"], "shopify")

    first = shop.row(Order, number="1001")
    assert (first.reference, first.reference_origin) == ("5550000000001", "shopify")
    assert first.metadata == {
        "discount_code": "WELCOME10",
        "notes": 'Please ring twice,\nthen wait at the "side" door',
        "payment_method": "Shopify Payments",
        "refunded_amount": "0.00",
    }
    assert shop.row(Order, number="1004").cancelled_at == datetime(2026, 1, 19, 1, tzinfo=UTC)
    # Existing customers and SKUs do not change.
    assert shop.row(Customer, email="ANN@shop.example").status == "repeat"
    assert [row.status for row in shop.rows(Customer)[1:]] == ["acquired"] * 3
    assert (shop.row(Sku, code="MUG").name, shop.row(Sku, code="MUG").do_not_track) == (
        "Our mug",
        False,
    )
    ebook = shop.row(Sku, code="EBOOK")
    assert (ebook.name, ebook.do_not_ship, ebook.do_not_track) == ("E-book", True, True)
    billing = shop.row(Address, reference="1001-billing")
    assert (billing.first_name, billing.last_name, billing.line_1, billing.line_2) == (
        *("Ann Mary", "Example"),
        *("1 Example Street", "Floor 2"),
    )
    assert (billing.zip_code, billing.country_code, billing.phone) == (
        "00012",
        "IT",
        "+39 06 5550100",
    )
    assert shop.row(Address, reference="1003-billing").zip_code == "ZZ1 1ZZ"
    assert shop.row(Order, number="1003").shipping_address_id is None
