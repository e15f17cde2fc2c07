"""Batches that select the same orders at the same time, with stock for only some of them."""

from collections import Counter
from typing import Any

from models import CopyError, Order
from tests.crashes.nights import job, outcome, selection
from tests.crashes.processes import workers


def test_two_batches_of_the_same_orders_sell_no_piece_twice(shop):
    shop.sku("MUG", stock=17)
    shop.sku("CAP", stock=40)
    customer = shop.customer()
    held: dict[str, Any] = {
        "customer_id": customer,
        "payment_source_id": shop.payment_source(wallet_of=customer),
    }
    # Half of them name the SKUs the other way round, which must not lock the batches up.
    pairs = [[("MUG", 1, 12_50), ("CAP", 2, 9_00)], [("CAP", 2, 9_00), ("MUG", 1, 12_50)]]
    sources = [shop.order(lines=pairs[nth % 2], **held) for nth in range(12)]
    asked = selection([{"source_order": order, "place_target_order": True} for order in sources])

    with workers(*[job(name, asked, size=3) for name in ("one", "two") * 2]) as all_four:
        for worker in all_four:
            worker.go()
        closed = [worker.closed() for worker in all_four]

    assert sum(closed) == 24
    ended = outcome("one", "two")
    assert Counter(ended.statuses) == {"completed": 17, "failed": 7}
    assert {order.status for order in shop.rows(Order) if order.order_factory_id} == {"placed"}
    assert (ended.copies, ended.stock) == (17, {"MUG": 0, "CAP": 6})
    assert {error.message for error in shop.rows(CopyError)} == {"SKU MUG: 1 wanted, 0 in stock"}
    assert ended.violations == []
