"""Processes that are killed while they place, capture, refund or cancel: each change is made exactly once."""

import pytest

from order_factory.models.tables import Order, StockItem, Transaction
from tests.support.crashes.order_changes import STAGES, kill_while_changing
from tests.support.orders import act, ask_gateways, change_and_ask, make_open_order
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow

BEFORE = {"place": (), "capture": ("place",), "cancel": ("place",), "refund": ("place", "capture")}
CALLS = {"place": "authorize", "capture": "capture", "cancel": "void", "refund": "refund"}
AFTER = {
    "place": ("placed", "authorized"),
    "capture": ("placed", "paid"),
    "cancel": ("cancelled", "voided"),
    "refund": ("placed", "refunded"),
}


@pytest.mark.parametrize("change", CALLS)
def test_a_killed_change_is_made_exactly_once(shop, ledger, change):
    orders = [make_open_order(shop) for _ in STAGES]
    for earlier in BEFORE[change]:
        assert change_and_ask(earlier, *orders) == []

    for order, stage in zip(orders, STAGES, strict=True):
        kill_while_changing(change, order, stage)
        assert find_violations() == [], stage
        # Any process that calls the gateways completes recorded changes. The others are repeated.
        assert ask_gateways() == []
        assert act(change, order, name="once") == [], stage
        assert ask_gateways() == []

    kinds = [kind for kind, _ in ledger.charges()]
    assert kinds.count(CALLS[change]) == len(orders)
    assert ledger.repeats() == 0
    assert {(row.status, row.payment_status) for row in shop.rows(Order)} == {AFTER[change]}
    assert {row.status for row in shop.rows(Transaction)} == {"succeeded"}
    left = 1000 if change == "cancel" else 1000 - len(orders)
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (left, 0)
    assert find_violations() == []


def test_a_killed_cancellation_voids_a_payment_that_waits_for_the_customer_once(shop, ledger):
    orders = [make_open_order(shop, "tok_decline_authentication_required") for _ in STAGES]
    assert change_and_ask("place", *orders) == []
    assert all(row.customer_action for row in shop.rows(Transaction))

    for order, stage in zip(orders, STAGES, strict=True):
        kill_while_changing("cancel", order, stage)
        assert find_violations() == [], stage
        assert ask_gateways() == []
        assert act("cancel", order, name="once") == [], stage
        assert ask_gateways() == []

    assert [kind for kind, _ in ledger.charges()] == ["void"] * len(orders)
    assert ledger.repeats() == 0
    assert {row.status for row in shop.rows(Order)} == {"cancelled"}
    voids = shop.rows(Transaction, type="voids")
    assert [row.status for row in voids] == ["succeeded"] * len(orders)
    assert find_violations() == []
