"""Orders in currencies of zero, two and three decimals are captured and refunded to the last unit."""

import pytest

from order_factory.models.tables import Order, Transaction
from tests.support.orders import change_and_ask, make_open_order

pytestmark = pytest.mark.usefixtures("verified")

AMOUNTS = {"JPY": 1_501, "EUR": 15_01, "KWD": 5_124}


def test_each_currency_is_captured_and_refunded_to_the_last_unit(shop, ledger):
    orders = {
        code: make_open_order(shop, lines=[("MUG", 1, cents)], currency_code=code)
        for code, cents in AMOUNTS.items()
    }

    for change in ("place", "capture"):
        assert change_and_ask(change, *orders.values()) == []
    for code, order in orders.items():
        # All but one unit, and then the rest.
        assert change_and_ask("refund", order, amount_cents=AMOUNTS[code] - 1) == []
        assert shop.row(Order, id=order).payment_status == "partially_refunded"
        assert change_and_ask("refund", order) == []

    for code, order in orders.items():
        rows = shop.rows(Transaction, order_id=order)
        amounts = [(row.type, row.amount_cents, row.currency_code) for row in rows]
        assert amounts == [
            ("authorizations", AMOUNTS[code], code),
            ("captures", AMOUNTS[code], code),
            ("refunds", AMOUNTS[code] - 1, code),
            ("refunds", 1, code),
        ]
        assert shop.row(Order, id=order).payment_status == "refunded"
    assert sorted(amount for kind, amount in ledger.charges() if kind == "refund") == sorted(
        [1, 1, 1, *(cents - 1 for cents in AMOUNTS.values())]
    )
