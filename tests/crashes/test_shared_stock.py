"""Batches that select the same orders at the same time, with stock for only some of them."""

import random
import time
from collections import Counter
from typing import Any

import pytest

from order_factory.models.tables import CopyError, LineItem, Order, OrderFactory
from tests.support.crashes.nights import Outcome, make_job, make_selection, read_outcome
from tests.support.crashes.processes import drain_to_end, kill_at_stop, start_workers

pytestmark = pytest.mark.slow


def test_two_batches_of_the_same_orders_sell_no_piece_twice(shop):
    selection = orders_to_place(shop, count=12, mugs=17)

    with start_workers(
        *[make_job(name, selection, size=3) for name in ("one", "two") * 2]
    ) as all_four:
        for worker in all_four:
            worker.go()
        closed = [worker.wait_for_end() for worker in all_four]

    assert sum(closed) == 24
    ended = read_outcome("one", "two")
    assert Counter(ended.statuses) == {"completed": 17, "failed": 7}
    assert_sold(shop, ended, mugs=17, caps_left=6)


def test_stock_that_one_batch_has_counted_is_not_there_for_the_next(shop):
    selection = orders_to_place(shop, count=6, mugs=8)
    first_job = make_job("one", selection, size=6, stop_at="after check_orders")

    with start_workers(first_job, make_job("two", selection, size=6)) as (first, second):
        assert first.go().wait_for_stop() == "after check_orders"
        second.go()
        time.sleep(0.5)  # without a lock, the second would count in this time
        first.go()
        closed = [first.wait_for_end(), second.wait_for_end()]

    assert closed == [6, 6]
    ended = read_outcome("one", "two")
    assert ended.statuses == ["completed"] * 8 + ["failed"] * 4
    assert_sold(shop, ended, mugs=8, caps_left=24)


# Stages of the second transaction, one after the other.
STAGES = (
    "after check_orders",
    "within copy_line_items",
    "within place_target_orders",
    "copied",
    "committed",
)


def test_partial_copies_that_are_killed_share_the_pieces_as_in_a_model(shop):
    """Orders of every stock policy compete for three SKUs, four in a transaction."""
    draw = random.Random(17)
    stock = {"MUG": 25, "CAP": 12, "TEE": 6}
    wishes = [
        (
            [(code, draw.randint(1, 5)) for code in draw.sample(sorted(stock), draw.randint(1, 3))],
            draw.choice(["partial", "partial", "partial", "take", "ignore"]),
        )
        for _ in range(24)
    ]
    expected, left = sell_in_turn(wishes, stock)
    for code, pieces in stock.items():
        shop.sku(code, stock=pieces)
    customer = shop.customer()
    saved = shop.payment_source(wallet_of=customer)
    rows = [
        {
            "source_order": shop.order(
                lines=[(code, quantity, 5_00) for code, quantity in lines],
                customer_id=customer,
                payment_source_id=saved,
            ),
            "place_target_order": True,
            "stock": policy,
        }
        for lines, policy in wishes
    ]
    selection = make_selection(rows)

    for stage in STAGES:
        kill_at_stop(make_job("night", selection, size=4, stop_at=stage, nth=2))
    drain_to_end(make_job("night", selection, size=4))

    made = [
        [
            (line.sku_code, line.quantity)
            for line in shop.rows(LineItem, order_id=factory.target_order_id)
        ]
        if factory.target_order_id
        else None
        for factory in shop.rows(OrderFactory)
    ]
    assert made == expected
    assert (read_outcome("night").stock, read_outcome("night").violations) == (left, [])


def sell_in_turn(wishes, stock):
    """The lines of each copy, or None, and the pieces that are left at the end."""
    left = Counter(stock)
    copies: list[list[tuple[str, int]] | None] = []
    for lines, policy in wishes:
        if policy == "ignore":
            copies.append(lines)
            continue
        available = [(code, min(quantity, left[code])) for code, quantity in lines if left[code]]
        if policy == "take" and available != lines:
            copies.append(None)
            continue
        left.subtract(dict(available))
        copies.append(available or None)
    return copies, dict(left)


def orders_to_place(shop, count, mugs):
    """Make a selection of orders with one mug and two caps each. The stock has 40 caps."""
    shop.sku("MUG", stock=mugs)
    shop.sku("CAP", stock=40)
    customer = shop.customer()
    wallet: dict[str, Any] = {
        "customer_id": customer,
        "payment_source_id": shop.payment_source(wallet_of=customer),
    }
    # Half of them have the SKUs in the opposite order. The batches must not deadlock.
    pairs = [[("MUG", 1, 12_50), ("CAP", 2, 9_00)], [("CAP", 2, 9_00), ("MUG", 1, 12_50)]]
    sources = [shop.order(lines=pairs[nth % 2], **wallet) for nth in range(count)]
    return make_selection(
        [{"source_order": order, "place_target_order": True} for order in sources]
    )


def assert_sold(shop, ended: Outcome, mugs, caps_left):
    """Check the number of placed orders, the stock of mugs, and the errors of the others."""
    assert {order.status for order in shop.rows(Order) if order.order_factory_id} == {"placed"}
    assert (ended.copies, ended.stock) == (mugs, {"MUG": 0, "CAP": caps_left})
    assert {error.message for error in shop.rows(CopyError)} == {"SKU MUG: 1 wanted, 0 in stock"}
    assert ended.violations == []
