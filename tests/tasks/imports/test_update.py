"""Existing rows with other values: reported without `update`, changed with it."""

import pytest

from order_factory.models.tables import (
    Customer,
    GiftCard,
    LineItem,
    Order,
    OrderFactory,
    PaymentSource,
    Sku,
    StockItem,
)
from tests.support.import_examples import make_plain_line, make_plain_order

ASK = "differs from the existing row; import with --update to change it"
FIXED = "differs from the existing row, and an import does not change it"
LATER = "differs from an earlier line with the same key; the earlier line is used"


@pytest.fixture
def changed_shop(shop, write_csv):
    """A shop, and a folder of files with later changes of it."""
    shop.customer(email="Ann@shop.example", status="repeat")
    shop.sku("MUG", stock=1000)
    shop.payment_source(reference="card", payment_source_token="pm_1")
    shop.order(number="1", lines=[])
    write_csv("customers.csv", [{"email": "ann@SHOP.example", "status": "blocked"}])
    write_csv("skus.csv", [{"code": "MUG", "name": "Test MUG", "purchasable": "false"}])
    write_csv("stock_items.csv", [{"sku_code": "MUG", "stock_location": "main", "quantity": 3}])
    expired = {"reference": "card", "payment_source_type": "stripe_payments"}
    write_csv("payment_sources.csv", [expired | {"expires_at": "2026-01-01T00:00:00Z"}])
    order = {"number": "1", "currency_code": "EUR", "total_amount_cents": 0}
    return write_csv(
        "orders.csv", [order | {"status": "cancelled", "payment_status": "refunded"}]
    ).parent


def test_without_update_differences_are_reported_by_column(shop, changed_shop, run_import):
    imported = run_import(changed_shop)

    assert set(imported.counts.values()) == {(0, 0, 0)}
    assert {each.file: each.different for each in imported.reports} == dict.fromkeys(
        imported.counts, 1
    )
    assert imported.rejects == [
        (2, "status", ASK),
        (2, "purchasable", ASK),
        (2, "quantity", ASK),
        (2, "expires_at", ASK),
        (2, "payment_status", ASK),
        (2, "status", ASK),
    ]
    assert shop.row(Customer, email="Ann@shop.example").status == "repeat"
    assert shop.row(StockItem).quantity == 1000


def test_update_changes_existing_rows_and_counts_by_column(shop, changed_shop, run_import):
    imported = run_import(changed_shop, update=True)
    again = run_import(changed_shop, update=True)

    assert imported.rejects == again.rejects == []
    assert {each.file: (each.updated, each.changes) for each in imported.reports} == {
        "customers.csv": (1, {"status": 1}),
        "skus.csv": (1, {"purchasable": 1}),
        "stock_items.csv": (1, {"quantity": 1}),
        "payment_sources.csv": (1, {"expires_at": 1}),
        "orders.csv": (1, {"status": 1, "payment_status": 1}),
    }
    assert set(again.counts.values()) == {(0, 1, 0)}
    assert shop.row(Customer, email="Ann@shop.example").status == "blocked"
    assert shop.row(Sku).purchasable is False
    assert shop.row(StockItem).quantity == 3
    card = shop.row(PaymentSource)
    assert (card.expires_at.year, card.payment_source_token) == (2026, "pm_1")
    order = shop.row(Order)
    assert (order.status, order.payment_status) == ("cancelled", "refunded")
    assert order.updated_at > order.created_at


def test_omitted_values_of_a_row_do_not_change(shop, write_csv, run_import):
    shop.customer(email="ann@shop.example", status="blocked", profile_id="p-1")

    imported = run_import(
        write_csv("customers.csv", [{"email": "ann@shop.example", "status": "", "profile_id": ""}]),
        update=True,
    )

    assert imported.counts == {"customers.csv": (0, 1, 0)}
    customer = shop.row(Customer)
    assert (customer.status, customer.profile_id) == ("blocked", "p-1")


def test_history_is_never_changed(shop, write_csv, run_import):
    order = shop.order(number="1", lines=[], total_amount_cents=100, currency_code="EUR")
    line = {"order_id": order, "reference": "a", "quantity": 1, "unit_amount_cents": 100}
    shop.line(**line, sku_code="MUG")
    write_csv("orders.csv", [make_plain_order("1", total_amount_cents=200, status="approved")])
    path = write_csv(
        "line_items.csv", [make_plain_line("1", "a", quantity=2, total_amount_cents=200)]
    )

    imported = run_import(path.parent, update=True)

    assert all(each.rejected == 1 and each.updated == 0 for each in imported.reports)
    assert {each.reason for each in imported.rejects} == {FIXED}
    assert {each.column for each in imported.rejects} >= {"total_amount_cents", "quantity"}
    assert (shop.row(Order).total_amount_cents, shop.row(LineItem).quantity) == (100, 1)


def test_an_order_that_a_factory_made_is_not_changed(shop, write_csv, run_import):
    source = shop.order(number="1")
    factory = shop.add(OrderFactory, source_order_id=source)
    made = shop.order(number="OF2", order_factory_id=factory, payment_status="authorized")
    row = {"number": "OF2", "currency_code": "EUR", "total_amount_cents": 1250}

    imported = run_import(
        write_csv("orders.csv", [row | {"payment_status": "voided"}]), update=True
    )

    assert imported.rejects == [(2, "payment_status", FIXED)]
    assert shop.row(Order, id=made).payment_status == "authorized"


def test_only_the_first_of_two_rows_with_one_key_updates(shop, write_csv, run_import):
    shop.sku("MUG", stock=9)
    row = {"sku_code": "MUG", "stock_location": "main"}
    path = write_csv("stock_items.csv", [row | {"quantity": n} for n in (5, 7)])

    imported = run_import(path, update=True)

    assert imported.rejects == [(3, "quantity", LATER)]
    assert shop.row(StockItem).quantity == 5


def test_an_imported_balance_keeps_the_amounts_that_orders_have_taken(shop, write_csv, run_import):
    shop.gift_card("GIFT-1", 12_00, initial_balance_cents=40_00, other_changes_cents=-20_00)
    card = {"code": "gift-1", "currency_code": "EUR", "balance_cents": 50_00}
    path = write_csv("gift_cards.csv", [card])

    report = run_import(path)
    assert report.rejects == [(2, "balance_cents", ASK)]
    run_import(path, update=True)

    row = shop.row(GiftCard)
    assert (row.code, row.balance_cents, row.other_changes_cents) == ("GIFT-1", 50_00, 18_00)
