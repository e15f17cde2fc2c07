"""Keys: letter case of emails and codes, and invisible characters."""

import pytest
from sqlalchemy import text

from order_factory.models.database.engine import begin, get_engine
from order_factory.models.database.schema import upgrade
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Coupon, Customer, LineItem, Order
from order_factory.models.values.statuses import OrderStatus
from tests.support.copying import copy_one, find_or_record
from tests.support.import_examples import make_plain_line, make_plain_order

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ("ann@shop.example", "ANN@Shop.Example"),
        ("Jörg@shop.example", "JÖRG@SHOP.EXAMPLE"),
        (f"{COMPOSED}@shop.example", f" {DECOMPOSED}@shop.example\u200b"),
    ],
)
def test_an_email_in_other_letters_is_the_same_customer(shop, write_csv, run_import, stored, given):
    customer = shop.customer(email=stored)
    write_csv("customers.csv", [{"email": given}])
    path = write_csv("orders.csv", [make_plain_order("1", customer=given)])

    imported = run_import(path.parent)

    assert imported.counts == {"customers.csv": (0, 1, 0), "orders.csv": (1, 0, 0)}
    order = shop.row(Order)
    assert (order.customer_id, order.customer_email) == (
        customer,
        given.strip(" \u200b").replace(DECOMPOSED, COMPOSED),
    )
    assert [row.email for row in shop.rows(Customer)] == [stored]
    order_filter = OrderFilter(customer=given.upper(), status=(OrderStatus.DRAFT,))
    find_or_record("night", CopyOptions(), orders_where=order_filter)


@pytest.mark.parametrize("typed", ["save10", "SAVE10 ", "\u00a0Save10\u200b"])
def test_a_coupon_code_in_other_letters_is_the_same_coupon(shop, typed):
    shop.coupon("SAVE10", customer_single_use=True)
    customer = shop.customer()
    source = shop.order(coupon_code=typed, customer_id=customer)

    first = copy_one(source, apply_promotions=True)
    second = copy_one(shop.order(coupon_code="SaVe10", customer_id=customer), apply_promotions=True)

    assert first.errors_log == {
        "coupon_code": [f"coupon {typed} has been used by the customer already"]
    }
    assert second.errors_log == {
        "coupon_code": ["coupon SaVe10 has been used by the customer already"]
    }


def test_invisible_characters_around_keys_are_removed(shop, write_csv, run_import):
    write_csv("skus.csv", [{"code": "PEN\u00a0", "name": "Pen"}])
    write_csv("orders.csv", [make_plain_order("\ufeff1005 ")])
    path = write_csv(
        "line_items.csv", [make_plain_line("1005", f" {DECOMPOSED}", sku_code="\u200bPEN")]
    )

    imported = run_import(path.parent)

    assert imported.rejects == []
    assert shop.row(Order).number == "1005"
    line = shop.row(LineItem)
    assert (line.reference, line.sku_code) == (COMPOSED, "PEN")


def test_a_migration_fills_the_comparison_keys(shop):
    order = shop.order(number="1", coupon_code="SAVE10", customer_email="Ann@shop.example")
    first = shop.customer(email="Ann@shop.example")
    second = shop.customer(email="other@shop.example")
    coupon = shop.coupon("SAVE10", recipient_email="Ann@shop.example")
    with begin() as db:
        db.execute(text("UPDATE orders SET number = '1 '"))
        _take_back(db)
        db.execute(
            text("UPDATE customers SET email = 'ANN@shop.example' WHERE id = :id"), {"id": second}
        )
    get_engine().dispose()

    upgrade("0012")  # the later versions' columns are there already

    assert shop.row(Customer, id=first).email_key == "ann@shop.example"
    assert shop.row(Customer, id=second).email_key == (
        f"ann@shop.example (another row has this key, id {second})"
    )
    stored = shop.row(Coupon, id=coupon)
    assert (stored.code_key, stored.recipient_email_key) == ("save10", "ann@shop.example")
    source = shop.row(Order, id=order)
    assert (source.number, source.coupon_code_key, source.customer_email_key) == (
        "1",
        "save10",
        "ann@shop.example",
    )


def _take_back(db):
    """Change the schema back to the one before the keys."""
    for index in (
        "uq_customers_mode_email_key",
        "uq_coupons_mode_code_key",
        "ix_orders_coupon_code_key",
        "ix_line_items_original_key",
        "ix_line_item_options_original_key",
    ):
        db.execute(text(f"DROP INDEX {index}"))
    for table, column in (
        ("customers", "email_key"),
        ("coupons", "code_key"),
        ("coupons", "recipient_email_key"),
        ("orders", "coupon_code_key"),
        ("orders", "customer_email_key"),
    ):
        db.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
    db.execute(text("CREATE UNIQUE INDEX uq_customers_mode_email ON customers (mode, email)"))
    db.execute(text("CREATE UNIQUE INDEX uq_coupons_mode_code ON coupons (mode, code)"))
    db.execute(text("CREATE INDEX ix_orders_coupon_code ON orders (coupon_code, customer_id)"))
    db.execute(text("UPDATE alembic_version SET version_num = '0011'"))
