"""Workers that are killed while they pay: every order is paid once, by any worker."""

import random
import time
from collections import Counter

import pytest

from order_factory.models.tables import (
    Coupon,
    GiftCard,
    GiftCardUse,
    Order,
    Promotion,
    StockItem,
    Transaction,
)
from tests.support.crashes.nights import make_job, make_selection, read_outcome
from tests.support.crashes.processes import Worker, drain_to_end, start_workers
from tests.support.paying import make_payable_order
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow

ORDERS, ROUNDS = 60, 6


def orders_to_pay(shop, count):
    tokens = ["tok_approve", "tok_timeout_after", "tok_decline"]
    shop.coupon("SPRING")
    sources = [
        make_payable_order(shop, tokens[nth % 3], coupon_code="SPRING") for nth in range(count)
    ]
    return make_selection([{"source_order": key, "place_target_order": True} for key in sources])


def test_three_workers_killed_at_random_times_pay_each_order_once(shop, ledger):
    chance = random.Random(20_260_116)
    selection = orders_to_pay(shop, ORDERS)

    for _ in range(ROUNDS):
        with start_workers(*[make_job("night", selection, size=10)] * 3) as three:
            for worker in three:
                worker.go()
            for worker in three:
                time.sleep(chance.uniform(0, 0.3))
                worker.kill()
        assert find_violations() == []
    drain_to_end(make_job("night", selection, size=10))

    paid = ORDERS * 2 // 3
    assert Counter(read_outcome("night").statuses) == {"completed": paid, "failed": ORDERS - paid}
    assert ledger.charges() == [("authorize", 12_50)] * paid
    assert ledger.repeats() == 0
    assert {row.status for row in shop.rows(Transaction)} == {"succeeded", "failed"}
    placed = [order for order in shop.rows(Order, payment_status="authorized")]
    assert len(placed) == len({order.number for order in placed}) == paid
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000 - paid, 0)
    # What was declined has given its coupon back, once.
    assert shop.row(Coupon).usage_count == shop.row(Promotion).total_usage_count == paid
    assert find_violations() == []


@pytest.mark.parametrize("token", ["tok_approve", "tok_timeout_after"])
def test_a_run_killed_after_the_gateway_call_pays_once(shop, ledger, token):
    source = make_payable_order(shop, token)
    selection = make_selection([{"source_order": source, "place_target_order": True}])

    with Worker(make_job("night", selection, size=1, stop_at="called")) as worker:
        assert worker.go().wait_for_stop() == "called"
        assert [order.status for order in shop.rows(Order)] == ["placed", "placing"]

    assert find_violations() == []
    assert drain_to_end(make_job("night", selection, size=1)) == 1
    assert ledger.charges() == [("authorize", 12_50)]
    assert ledger.repeats() == 0
    assert [order.status for order in shop.rows(Order)] == ["placed", "placed"]


@pytest.mark.parametrize(
    ("token", "charges", "left"),
    [("tok_approve", [("authorize", 10_00)], 60_00), ("tok_decline", [], 100_00)],
)
@pytest.mark.parametrize("stage", ["asking", "called"])
def test_a_run_killed_between_gift_card_and_payment_pays_once(
    shop, ledger, token, charges, left, stage
):
    shop.gift_card("CARD-2026", 100_00)
    source = make_payable_order(shop, token, lines=[("MUG", 1, 50_00)])
    shop.redeem(source, "CARD-2026", 40_00)
    selection = make_selection([{"source_order": source, "place_target_order": True}])

    with Worker(make_job("night", selection, size=1, stop_at=stage)) as worker:
        assert worker.go().wait_for_stop() == stage
        assert shop.row(GiftCard).balance_cents == 60_00
        assert shop.row(GiftCardUse).status == "reserved"

    assert find_violations() == []
    assert drain_to_end(make_job("night", selection, size=1)) == 1
    assert ledger.charges() == charges
    assert shop.row(GiftCard).balance_cents == left
    assert shop.row(GiftCardUse).status == ("taken" if charges else "released")
    assert find_violations() == []
