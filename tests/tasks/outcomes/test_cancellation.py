"""Cancelling the source order after its copy is made: the void, and the returned stock."""

import pytest

from order_factory.models.tables import (
    Order,
    OrderFactory,
    Sku,
    StockItem,
    StockReservation,
    Transaction,
)
from tests.support.copying import (
    authorize,
    change,
    copy,
    copy_batch,
    copy_one,
    make_batch,
    request_copy,
    target_of,
)
from tests.support.paying import make_payable_order, place
from tests.support.verifying import find_violations

NOT_CANCELLED = "the source order was not cancelled: "


def pieces(shop, code="MUG"):
    (sku,) = shop.rows(Sku, code=code)
    return sum(place.quantity - place.reserved for place in shop.rows(StockItem, sku_id=sku.id))


def test_the_source_is_cancelled_and_its_stock_returned(shop):
    source = shop.order(lines=[("MUG", 2, 12_50), ("MUG", 1, 0)], payment_status="unpaid")

    result = copy_one(source, cancel_source_order=True)

    cancelled = shop.row(Order, id=source)
    assert (result.status, result.errors_log) == ("completed", None)
    assert (cancelled.status, cancelled.payment_status) == ("cancelled", "unpaid")
    assert cancelled.cancelled_at == cancelled.updated_at
    assert pieces(shop) == 1003
    assert find_violations() == []


def test_an_order_that_was_never_placed_returns_no_stock(shop):
    source = shop.order(status="pending", placed_at=None, payment_status="unpaid")

    copy_one(source, cancel_source_order=True)

    assert shop.row(Order, id=source).status == "cancelled"
    assert pieces(shop) == 1000


def test_stock_returns_to_its_stock_items(shop, ledger):
    mug = shop.sku("MUG", stock=3)
    shop.add(StockItem, sku_id=mug, stock_location="attic", quantity=3)
    (first,) = place(make_payable_order(shop, lines=[("MUG", 4, 1_00)]))
    assert [each.quantity for each in shop.rows(StockItem)] == [0, 2]
    change(StockItem, [each.id for each in shop.rows(StockItem)], quantity=9)

    copy_one(target_of(first), cancel_source_order=True)  # its copy is not placed
    void_all(shop)

    assert [each.quantity for each in shop.rows(StockItem)] == [12, 10]
    assert {each.status for each in shop.rows(StockReservation)} == {"released"}


def test_an_authorized_source_is_voided_first(shop, ledger):
    (first,) = place(make_payable_order(shop, lines=[("MUG", 2, 12_50)]))
    source = target_of(first)

    (result,) = place(source, cancel_source_order=True)

    cancelled = shop.row(Order, id=source)
    assert (result.status, result.errors_log) == ("completed", None)
    assert result.target_order.status == "placed"
    assert (cancelled.status, cancelled.payment_status) == ("cancelled", "voided")
    assert [(row.type, row.status) for row in shop.rows(Transaction)] == [
        ("authorizations", "succeeded"),
        ("authorizations", "succeeded"),
        ("voids", "succeeded"),
    ]
    assert ledger.charges() == [("authorize", 25_00), ("authorize", 25_00), ("void", 25_00)]
    assert pieces(shop) == 998
    assert find_violations() == []


def test_a_refused_void_leaves_the_source_and_the_copy_is_complete(shop, ledger):
    (first,) = place(make_payable_order(shop, "tok_void_fails"))
    source = target_of(first)
    card = shop.row(Order, id=source).payment_source_id
    assert card is not None

    (result,) = place(source, cancel_source_order=True)

    message = "its payment could not be voided: The authorization cannot be voided any more."
    assert (result.status, result.target_order.status) == ("completed", "placed")
    assert result.errors_log == {"source_order": [NOT_CANCELLED + message]}
    assert (shop.row(Order, id=source).status, result.errors_count) == ("placed", 1)
    assert pieces(shop) == 998
    assert find_violations() == []


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (
            {"fulfillment_status": "fulfilled"},
            NOT_CANCELLED + "it is being fulfilled or was already",
        ),
        (
            {"payment_status": "authorized"},
            NOT_CANCELLED + "its payment was not authorized here, and cannot be voided here",
        ),
    ],
)
def test_a_source_that_cannot_be_cancelled_is_reported_and_the_copy_is_complete(shop, values, why):
    source = shop.order(**values)
    before = shop.row(Order, id=source)

    result = copy_one(source, cancel_source_order=True)

    assert (result.status, result.errors_log) == ("completed", {"source_order": [why]})
    assert shop.row(Order, id=source) == before
    assert find_violations() == []


def test_of_two_copies_the_first_cancels_the_source(shop):
    source = shop.order()

    first, second = copy(source, source, cancel_source_order=True)

    assert (first.status, first.errors_log) == ("completed", None)
    assert second.errors_log == {
        "source_order": [NOT_CANCELLED + "another copy of it has cancelled it"]
    }
    assert pieces(shop) == 1001


def test_a_source_whose_copy_fails_or_is_not_placed_is_not_cancelled(shop, ledger):
    failing = shop.order(billing_address_id=None)
    declined, excused = (
        make_payable_order(shop, "tok_decline"),
        make_payable_order(shop, "tok_decline"),
    )

    copy_one(failing, cancel_source_order=True)
    place(declined, cancel_source_order=True)
    (message,) = place(excused, cancel_source_order=True, skip_errors=True)

    assert {shop.row(Order, id=key).status for key in (failing, declined, excused)} == {"placed"}
    assert message.errors_log["source_order"] == [NOT_CANCELLED + "its copy was not placed"]
    assert find_violations() == []


def test_the_source_is_not_cancelled_before_the_copy_is_paid(shop, ledger):
    source = make_payable_order(shop)
    factory = request_copy(source, place_target_order=True, cancel_source_order=True)

    copy_batch(make_batch([factory]))

    assert shop.row(Order, id=source).status == "placed"
    assert find_violations() == []


def void_all(shop):
    """Ask the gateway about all that is still to be voided."""
    for transaction in shop.rows(Transaction, status="unknown"):
        authorize(shop.row(OrderFactory, id=transaction.order_factory_id).batch_id)
