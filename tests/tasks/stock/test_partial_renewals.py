"""Renewals with `stock = partial` deliver the remaining pieces, also in a retry."""

from datetime import UTC, datetime, timedelta

from order_factory.models.tables import (
    LineItem,
    Order,
    OrderFactory,
    PaymentSource,
    Sku,
    StockItem,
)
from tests.support.copying import change
from tests.support.paying import make_payable_order
from tests.support.subscriptions import make_placeable_order, run_due, subscribe
from tests.support.verifying import find_violations

FEBRUARY = datetime(2026, 2, 28, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def stock_of(shop, code):
    return shop.row(StockItem, sku_id=shop.row(Sku, code=code).id)


def test_a_renewal_delivers_the_remaining_pieces_and_the_next_waits(shop):
    shop.sku("RARE", stock=3)
    subscribe(
        shop,
        make_placeable_order(shop, lines=[("RARE", 5, 2_00)]),
        stock="partial",
        retry_after="20d 20d",
    )

    run_due(FEBRUARY)
    run_due(FEBRUARY + 31 * DAY)
    change(StockItem, stock_of(shop, "RARE").id, quantity=9)
    run_due(FEBRUARY + 60 * DAY)

    first, second, *others = shop.rows(OrderFactory)
    assert [row.status for row in (first, second)] == ["completed", "failed"]
    assert first.errors_log == {"line_items": ["SKU RARE: 5 wanted, 3 copied"]}
    assert second.errors_log == {
        "line_items": ["SKU RARE: 5 wanted, 0 in stock", "no line item is left to copy"]
    }
    assert any(row.retry_of_id == second.id and row.status == "completed" for row in others)
    made = shop.row(Order, id=first.target_order_id)
    assert (made.status, made.total_amount_cents) == ("placed", 6_00)
    assert find_violations() == []


def test_the_retry_of_a_declined_partial_renewal_keeps_its_pieces(shop, ledger):
    order = make_payable_order(shop, "tok_decline")
    (line,) = shop.rows(LineItem, order_id=order)
    change(LineItem, line.id, quantity=5, total_amount_cents=5 * line.unit_amount_cents)
    shop.sum_up(order)
    card = shop.row(Order, id=order).payment_source_id
    stock = stock_of(shop, "MUG")
    change(StockItem, stock.id, quantity=3)
    subscribe(shop, order, stock="partial", retry_after="1d 3d")

    run_due(FEBRUARY)
    between = stock_of(shop, "MUG")
    change(PaymentSource, card, payment_source_token="tok_approve")
    run_due(FEBRUARY + DAY)

    assert (between.quantity, between.reserved) == (3, 0)
    first, second = shop.rows(OrderFactory)
    assert (first.status, second.status) == ("failed", "completed")
    made = shop.row(Order, id=second.target_order_id)
    assert (made.status, made.total_amount_cents) == ("placed", 3 * line.unit_amount_cents)
    assert stock_of(shop, "MUG").quantity == 0
    assert ledger.charges() == [("authorize", 3 * line.unit_amount_cents)]
    assert find_violations() == []
