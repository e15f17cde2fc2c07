"""Processes that are killed while they place, capture, refund or cancel: done exactly once."""

import pytest

from order_factory.models.tables import Order, StockItem, Transaction
from tests.support.crashes.order_changes import STAGES, killed_while_changing
from tests.support.orders import act, acted, ask_gateways, open_order
from tests.support.verifying import violations

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
    orders = [open_order(shop) for _ in STAGES]
    for earlier in BEFORE[change]:
        assert acted(earlier, *orders) == []

    for order, stage in zip(orders, STAGES, strict=True):
        killed_while_changing(change, order, stage)
        assert violations() == [], stage
        # What was recorded is done by whoever asks the gateways; what was not is asked for again.
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
    assert violations() == []


def test_a_killed_cancellation_voids_a_payment_that_waits_for_the_customer_once(shop, ledger):
    orders = [open_order(shop, "tok_decline_authentication_required") for _ in STAGES]
    assert acted("place", *orders) == []
    assert all(row.customer_action for row in shop.rows(Transaction))

    for order, stage in zip(orders, STAGES, strict=True):
        killed_while_changing("cancel", order, stage)
        assert violations() == [], stage
        assert ask_gateways() == []
        assert act("cancel", order, name="once") == [], stage
        assert ask_gateways() == []

    assert [kind for kind, _ in ledger.charges()] == ["void"] * len(orders)
    assert ledger.repeats() == 0
    assert {row.status for row in shop.rows(Order)} == {"cancelled"}
    voids = shop.rows(Transaction, type="voids")
    assert [row.status for row in voids] == ["succeeded"] * len(orders)
    assert violations() == []
