"""The flows that change orders: by a list or a filter, run again after anything."""

from typing import Any

import pytest

from order_factory.flows import capture_orders, order_factory, place_orders, refund_orders
from order_factory.flows.cancel_orders import cancel_orders
from order_factory.models.errors import InvalidRequest, SelectionInvalid
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.results.copies import OrderFactoryPreview
from order_factory.models.results.orders import OrdersRefused, OrdersWaiting
from order_factory.models.tables import Order, StockItem
from tests.support.copying import change, read_database
from tests.support.orders import make_open_order
from tests.support.verifying import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


def statuses(shop):
    return [(row.status, row.payment_status) for row in shop.rows(Order)]


def test_orders_are_placed_captured_and_refunded_over_http(shop, ledger):
    orders = [make_open_order(shop) for _ in range(5)]
    declined = make_open_order(shop, "tok_decline")
    names = [shop.number_of(key) for key in (*orders, declined)]

    placed = place_orders(", ".join(names), batch_size=2)
    # As the forms of the deployments give them: a text, and the fields of the filter.
    form: dict[str, Any] = {"orders_where": {"include_copies": True, "mode": "live"}}
    captured = capture_orders(**form)
    refunded = refund_orders(names[:2], amount_cents=2_50, idempotency_key="first")
    again = refund_orders(names[:2], amount_cents=2_50, idempotency_key="first")
    cancelled = cancel_orders(names[4])

    assert (placed.orders_count, placed.done, placed.refused, placed.waiting) == (6, 5, 1, 0)
    (problem,) = placed.problems
    assert problem.message == "the payment was declined: Your card was declined."
    assert (captured.orders_count, captured.done) == (5, 5)
    assert (refunded.done, again.done, cancelled.done) == (2, 2, 1)
    assert statuses(shop) == [
        *[("placed", "partially_refunded")] * 2,
        *[("placed", "paid")] * 2,
        ("cancelled", "paid"),
        ("pending", "unpaid"),
    ]
    assert [kind for kind, _ in ledger.charges()].count("refund") == 2
    assert ledger.repeats() == 0
    assert find_violations() == []


def test_orders_without_an_answer_are_finished_by_the_next_run(shop, ledger):
    from order_factory.models.tables import PaymentSource

    order = make_open_order(shop, "tok_timeout_before")
    name = shop.number_of(order)

    with pytest.raises(OrdersWaiting, match="Run it again"):
        place_orders([name])
    assert statuses(shop) == [("placing", "unpaid")]
    change(PaymentSource, shop.row(PaymentSource).id, payment_source_token="tok_approve")

    assert place_orders([name]).done == 1
    assert ledger.charges() == [("authorize", 12_50)]
    assert find_violations() == []


def test_wrong_orders_are_refused_before_anything_is_changed(shop, ledger):
    order = make_open_order(shop, billing_address_id=None)

    with pytest.raises(SelectionInvalid):
        place_orders(["nonsensical", shop.number_of(order)])
    with pytest.raises(InvalidRequest, match="either orders or orders_where"):
        place_orders()
    with pytest.raises(OrdersRefused, match="the order has no billing address"):
        place_orders([shop.number_of(order)])

    assert statuses(shop) == [("pending", "unpaid")]


def test_a_filter_places_pending_copies_or_nothing_without_a_match(shop, ledger):
    order = make_open_order(shop, market_name="Europe")
    other = make_open_order(shop, market_name="Asia")

    assert place_orders(orders_where=OrderFilter(market="Europe")).done == 1
    assert place_orders(orders_where=OrderFilter(market="Europe")).orders_count == 0

    assert shop.row(Order, id=order).status == "placed"
    assert shop.row(Order, id=other).status == "pending"


def test_a_dry_run_of_one_copy_changes_nothing(shop, ledger):
    order = shop.order(lines=[("MUG", 1, 12_50), ("RARE", 5, 1_00)])
    change(StockItem, shop.rows(StockItem)[-1].id, quantity=3)
    before = read_database()

    preview = order_factory(shop.number_of(order), skip_errors=True, dry_run=True)

    assert isinstance(preview, OrderFactoryPreview)
    assert preview.differences
    assert (preview.status, preview.errors_count, preview.dry_run) == ("completed", 1, True)
    assert str(preview.differences[0]) == (
        "line_items: RARE: 5 -> none (SKU RARE: 5 wanted, 3 in stock)"
    )
    assert read_database() == before
    with pytest.raises(InvalidRequest, match="A dry run needs a source_order"):
        order_factory(shop.number_of(order), dry_run=True, idempotency_key="x")
