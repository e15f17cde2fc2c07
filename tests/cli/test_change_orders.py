"""`order-factory place`, `capture`, `refund`, `cancel` and `diff`."""

import pytest

from order_factory.gateways.registry import forget_gateways
from order_factory.models.tables import Order, StockItem, Transaction
from order_factory.models.values.public_ids import Resource, public_id
from tests.support.copying import change, copy_one
from tests.support.orders import make_open_order
from tests.support.verifying import find_violations


@pytest.fixture(autouse=True)
def _new_gateway():
    forget_gateways()
    yield
    forget_gateways()


@pytest.mark.slow
@pytest.mark.usefixtures("prefect")
def test_the_command_line_places_captures_and_refunds_an_order(shop, run):
    order = make_open_order(shop, number="A1")
    make_open_order(shop, number="A2", billing_address_id=None)

    placed = run("place", "A1", "A2")
    captured = run("capture", "A1", "--json")
    refunded = run("refund", "A1", "--amount", "5.00")
    cancelled = run("cancel", "A1")

    assert placed.code == 1
    assert "Place: 1 of 2 orders done, 1 refused." in placed.out
    assert "the order has no billing address" in placed.out
    assert (captured.code, captured.json["done"], captured.json["problems"]) == (0, 1, [])
    assert (refunded.code, cancelled.code) == (0, 0)
    amounts = [(row.type, row.amount_cents) for row in shop.rows(Transaction)]
    assert amounts == [("authorizations", 12_50), ("captures", 12_50), ("refunds", 5_00)]
    order_row = shop.row(Order, id=order)
    assert (order_row.status, order_row.payment_status) == ("cancelled", "partially_refunded")
    assert find_violations() == []


@pytest.mark.parametrize("amount", ["0", "-1", "1.234", "five", "NaN"])
def test_an_amount_with_too_many_decimals_is_refused(shop, run, amount):
    shop.order(number="A1")

    output = run("refund", "A1", f"--amount={amount}")

    assert output.code == 2
    assert f"--amount {amount!r} is not an amount in EUR." in output.err


def test_orders_and_a_filter_exclude_each_other(shop, run):
    assert "Give either numbers or ids of orders" in run("place").err
    assert "Give either numbers or ids of orders" in run("place", "A1", "--market", "Europe").err
    assert "Only pending orders can be placed" in run("place", "--status", "placed").err


def test_shows_how_a_copy_differs(shop, run):
    order = shop.order(lines=[("MUG", 2, 12_50), ("RARE", 5, 1_00)])
    change(StockItem, shop.rows(StockItem)[-1].id, quantity=3)
    copy, failed = copy_one(order, skip_errors=True), copy_one(order)
    same_copy = copy_one(shop.order())

    output = run("diff", copy.id)
    detail = run("diff", copy.id, "--json")

    assert (output.code, output.err) == (0, "")
    assert "SKU RARE: 5 wanted, 3 in stock" in output.out
    assert detail.json["differences"][0] == {
        "part": "line_items",
        "what": "RARE",
        "before": 5,
        "after": None,
        "reason": "SKU RARE: 5 wanted, 3 in stock",
    }
    assert "No copy was made" in run("diff", failed.id).out
    assert "The copy is as its source order." in run("diff", same_copy.id).out
    assert run("diff", public_id(Resource.orders, order)).code == 2
