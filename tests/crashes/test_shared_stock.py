"""Batches that select the same orders at the same time, with stock for only some of them."""

import time
from collections import Counter
from typing import Any

import pytest

from order_factory.models.tables import CopyError, Order
from tests.support.crashes.nights import Outcome, job, outcome, selection
from tests.support.crashes.processes import workers

pytestmark = pytest.mark.slow


def test_two_batches_of_the_same_orders_sell_no_piece_twice(shop):
    asked = orders_to_place(shop, count=12, mugs=17)

    with workers(*[job(name, asked, size=3) for name in ("one", "two") * 2]) as all_four:
        for worker in all_four:
            worker.go()
        closed = [worker.closed() for worker in all_four]

    assert sum(closed) == 24
    ended = outcome("one", "two")
    assert Counter(ended.statuses) == {"completed": 17, "failed": 7}
    assert_sold(shop, ended, mugs=17, caps_left=6)


def test_stock_that_one_batch_has_counted_is_not_there_for_the_next(shop):
    asked = orders_to_place(shop, count=6, mugs=8)
    counted = job("one", asked, size=6, stop_at="after check_orders")

    with workers(counted, job("two", asked, size=6)) as (first, second):
        assert first.go().stopped_at() == "after check_orders"
        second.go()
        time.sleep(0.5)  # enough for the second to count too, if nothing held it back
        first.go()
        closed = [first.closed(), second.closed()]

    assert closed == [6, 6]
    ended = outcome("one", "two")
    assert ended.statuses == ["completed"] * 8 + ["failed"] * 4
    assert_sold(shop, ended, mugs=8, caps_left=24)


def orders_to_place(shop, count, mugs):
    """A selection of orders of one mug and two caps each; there are 40 caps."""
    shop.sku("MUG", stock=mugs)
    shop.sku("CAP", stock=40)
    customer = shop.customer()
    held: dict[str, Any] = {
        "customer_id": customer,
        "payment_source_id": shop.payment_source(wallet_of=customer),
    }
    # Half of them name the SKUs the other way round, which must not lock the batches up.
    pairs = [[("MUG", 1, 12_50), ("CAP", 2, 9_00)], [("CAP", 2, 9_00), ("MUG", 1, 12_50)]]
    sources = [shop.order(lines=pairs[nth % 2], **held) for nth in range(count)]
    return selection([{"source_order": order, "place_target_order": True} for order in sources])


def assert_sold(shop, ended: Outcome, mugs, caps_left):
    """So many orders are placed, the mugs are gone, and the others say so."""
    assert {order.status for order in shop.rows(Order) if order.order_factory_id} == {"placed"}
    assert (ended.copies, ended.stock) == (mugs, {"MUG": 0, "CAP": caps_left})
    assert {error.message for error in shop.rows(CopyError)} == {"SKU MUG: 1 wanted, 0 in stock"}
    assert ended.violations == []
