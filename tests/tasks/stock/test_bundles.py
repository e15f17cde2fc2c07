"""Bundles: their SKUs take stock, must be for sale, and decide about shipping."""

import pytest
from sqlalchemy import select

from order_factory.models.database.engine import begin
from order_factory.models.tables import Order, OrderFactory, Sku, StockItem
from order_factory.models.tables.base import utc_now
from order_factory.tasks.outcomes.cancellation import cancel_orders
from order_factory.tasks.working_set.statements import table_of
from tests.support.copying import change, copy, copy_one, target_of
from tests.support.paying import make_payable_order, place
from tests.support.verifying import find_violations

# Nothing is to be paid: only the stock of the bundle decides whether it can be placed.
PLACE = {"place_target_order": True}


@pytest.fixture
def stock(shop):
    """The pieces of a SKU: those that are there, and those of them that are reserved."""

    def stock(code):
        row = shop.row(StockItem, sku_id=shop.row(Sku, code=code).id)
        return row.quantity, row.reserved

    return stock


def order_of(shop, *bundles, lines=(), **values):
    """An order of these bundles (code, quantity), and of lines of SKUs."""
    order = shop.order(lines=lines, **values)
    for code, quantity in bundles:
        shop.line(order, item_type="bundles", sku_code=None, bundle_code=code, quantity=quantity)
    return order


def test_placing_takes_the_pieces_of_the_bundle(shop, stock):
    shop.sku("MUG", stock=10)
    shop.sku("CAP", stock=10)
    shop.sku("CARD", do_not_track=True)
    shop.bundle("KIT", {"MUG": 2, "CAP": 1, "CARD": 1})
    source = order_of(shop, ("KIT", 3), lines=[("MUG", 1, 0)])

    result = copy_one(source, **PLACE)

    assert result.errors_log is None
    assert (stock("MUG"), stock("CAP"), stock("CARD")) == ((3, 0), (9 - 2, 0), (1000, 0))
    assert find_violations() == []


def test_a_copy_that_is_not_placed_takes_no_stock(shop, stock):
    shop.sku("MUG", stock=2)
    shop.bundle("KIT", {"MUG": 2})

    result = copy_one(order_of(shop, ("KIT", 1)))

    assert result.status == "completed"
    assert stock("MUG") == (2, 0)


def test_an_error_names_the_sku_and_its_bundle(shop, stock):
    shop.sku("MUG", stock=3)
    shop.bundle("KIT", {"MUG": 2})
    source = order_of(shop, ("KIT", 2))

    result = copy_one(source, **PLACE)

    assert result.status == "failed"
    message = "bundle KIT: SKU MUG: 4 wanted, 3 in stock"
    assert result.errors_log == {"line_items": [message]}
    assert stock("MUG") == (3, 0)


def test_lines_and_bundles_of_all_orders_count_together(shop, stock):
    shop.sku("MUG", stock=5)
    shop.bundle("KIT", {"MUG": 2})
    first = order_of(shop, ("KIT", 1), lines=[("MUG", 1, 0)])
    second = order_of(shop, ("KIT", 1), lines=[("MUG", 1, 0)])
    third = order_of(shop, ("KIT", 1))

    ended = copy(first, second, third, **PLACE)

    assert [each.status for each in ended] == ["completed", "failed", "completed"]
    message = "SKU MUG: 3 wanted, 2 in stock"
    assert ended[1].errors_log == {"line_items": [message, f"bundle KIT: {message}"]}
    assert stock("MUG") == (0, 0)
    assert find_violations() == []


def test_skip_errors_leaves_out_the_bundle_that_is_short(shop, stock):
    shop.sku("MUG", stock=1)
    shop.bundle("KIT", {"MUG": 2, "CAP": 1})
    shop.sku("CAP", stock=5)
    source = order_of(shop, ("KIT", 1), lines=[("CAP", 1, 0)])

    result = copy_one(source, skip_errors=True, **PLACE)

    assert result.status == "completed"
    assert result.errors_log == {"line_items": ["bundle KIT: SKU MUG: 2 wanted, 1 in stock"]}
    assert (stock("MUG"), stock("CAP")) == ((1, 0), (4, 0))
    assert find_violations() == []


def test_pieces_are_reserved_until_the_gateway_has_answered(shop, ledger, stock):
    shop.sku("MUG", stock=10)
    shop.bundle("KIT", {"MUG": 2})
    statements = []
    approved, declined = make_payable_order(shop), make_payable_order(shop, "tok_decline")
    for order in (approved, declined):
        shop.line(order, item_type="bundles", sku_code=None, bundle_code="KIT", quantity=1)

    place(approved, declined, before=lambda: statements.append(stock("MUG")))

    # Each order has a line of one mug, too.
    assert statements == [(10, 6)]
    assert stock("MUG") == (7, 0)
    assert find_violations() == []


@pytest.mark.parametrize("made_here", [True, False])
def test_cancelling_returns_the_pieces(shop, stock, made_here):
    shop.sku("MUG", stock=10)
    shop.bundle("KIT", {"MUG": 2})
    source = order_of(shop, ("KIT", 3), status="approved")
    order = target_of(copy_one(source, **PLACE)) if made_here else source
    change(Order, order, status="approved")

    with begin() as db:
        cancel_orders(db, select(table_of(Order).c.id).filter_by(id=order), utc_now())

    assert stock("MUG") == (10 if made_here else 16, 0)


def test_a_sku_that_is_no_longer_sold_is_named_with_its_bundle(shop):
    shop.sku("MUG", purchasable=False)
    shop.bundle("KIT", {"MUG": 1, "GONE": 1})

    result = copy_one(order_of(shop, ("KIT", 1)))

    assert result.errors_log == {
        "line_items": [
            "bundle KIT: SKU GONE is no longer in the catalogue",
            "bundle KIT: SKU MUG is not purchasable",
        ]
    }


def test_the_bundle_is_that_of_the_orders_mode(shop, stock):
    shop.sku("MUG", stock=10)
    shop.bundle("KIT", {"MUG": 1}, mode="test")

    result = copy_one(order_of(shop, ("KIT", 1)), **PLACE)

    assert result.status == "completed"
    assert stock("MUG") == (10, 0)


@pytest.mark.parametrize(
    ("parts", "values", "ships"),
    [
        ({"EBOOK": 1, "SONG": 1}, {}, False),
        ({"EBOOK": 1, "MUG": 1}, {}, True),
        ({"MUG": 1}, {"do_not_ship": True}, False),
        ({}, {}, True),
        ({}, {"do_not_ship": True}, False),
    ],
)
def test_a_bundle_ships_if_one_of_its_skus_ships(shop, parts, values, ships):
    shop.sku("MUG")
    shop.sku("EBOOK", do_not_ship=True)
    shop.sku("SONG", do_not_ship=True)
    shop.bundle("KIT", parts, **values)

    result = copy_one(order_of(shop, ("KIT", 1), shipping_address_id=None), **PLACE)

    if ships:
        assert result.errors_log == {"shipping_address": ["the order has no shipping address"]}
    else:
        target = shop.row(Order, id=target_of(result))
        assert (target.status, target.fulfillment_status) == ("placed", "not_required")


def test_a_bundle_unknown_to_the_catalogue_ships_as_its_source_did(shop):
    placed = order_of(shop, ("KIT", 1), shipping_address_id=None)
    cart = order_of(shop, ("KIT", 1), shipping_address_id=None, status="pending", placed_at=None)

    again, first = copy(placed, cart, **PLACE)

    target = shop.row(Order, id=target_of(again))
    assert (target.status, target.fulfillment_status) == ("placed", "not_required")
    assert first.errors_log == {"shipping_address": ["the order has no shipping address"]}
    assert [row.status for row in shop.rows(OrderFactory)] == ["completed", "failed"]
