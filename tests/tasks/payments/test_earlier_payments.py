"""An order that is paid again has one payment, whatever the customer does with the earlier one."""

import sqlite3
from contextlib import closing

import pytest

from order_factory.gateways.protocol import GatewayError
from order_factory.gateways.testing import TestGateway
from order_factory.models.tables import Order, PaymentSource, Transaction
from order_factory.models.tables.base import utc_now
from tests.support.copying import change
from tests.support.orders import act, ask_gateways, open_order

ASKS = "tok_decline_authentication_required"

pytestmark = pytest.mark.usefixtures("verified")


@pytest.fixture
def waiting(shop, ledger):
    """Make an order whose payment waits for the customer to confirm it."""

    def make(token=ASKS):
        order = open_order(shop, token)
        act("place", order)
        ask_gateways()
        assert shop.row(Transaction).customer_action is not None
        return order

    return make


def confirm(ledger):
    with closing(sqlite3.connect(ledger.file)) as db:
        db.execute("UPDATE charges SET succeeded = 1, error_code = NULL, token = 'confirmed'")
        db.commit()


def pay_again(shop, order, token="tok_approve"):
    card = shop.row(Order, id=order).payment_source_id
    change(PaymentSource, card, payment_source_token=token, updated_at=utc_now())
    act("place", order)
    return ask_gateways()


def test_the_earlier_payment_is_cancelled_before_another_card_pays(shop, ledger, waiting):
    order = waiting()

    assert pay_again(shop, order) == []

    assert ledger.charges() == [("void", 12_50), ("authorize", 12_50)]
    assert [row.customer_action for row in shop.rows(Transaction)] == [None, None]
    assert shop.row(Order, id=order).status == "placed"


def test_a_confirmed_payment_of_the_same_amount_pays(shop, ledger, waiting):
    order = waiting()
    confirm(ledger)

    assert pay_again(shop, order) == []

    assert ledger.charges() == [("authorize", 12_50)]
    assert shop.rows(Transaction)[-1].token == "confirmed"


def test_a_confirmed_payment_of_another_amount_is_voided(shop, ledger, waiting):
    order = waiting()
    confirm(ledger)
    shop.line(order, item_type="adjustments", unit_amount_cents=1_00)
    shop.sum_up(order)

    assert pay_again(shop, order) == []

    assert ledger.charges() == [("authorize", 12_50), ("void", 12_50), ("authorize", 13_50)]


def test_nothing_is_paid_while_the_earlier_payment_cannot_be_cancelled(shop, ledger, waiting):
    order = waiting(f"{ASKS}_tok_void_fails")

    pay_again(shop, order)

    assert ledger.charges() == []
    first, second = shop.rows(Transaction)
    assert first.customer_action is not None
    assert (second.status, second.error_code) == ("failed", "earlier_payment_open")
    assert shop.row(Order, id=order).status == "pending"


def test_a_crash_after_the_cancellation_pays_once(shop, ledger, waiting, monkeypatch):
    order = waiting()

    def die(_gateway, _request):
        raise GatewayError("test", "was asked by a process that died")

    with monkeypatch.context() as crash:
        crash.setattr(TestGateway, "authorize", die)
        pay_again(shop, order)
    assert (ledger.charges(), shop.row(Order, id=order).status) == ([("void", 12_50)], "placing")

    assert ask_gateways() == []

    assert ledger.charges() == [("void", 12_50), ("authorize", 12_50)]
    assert ledger.repeats() == 0
