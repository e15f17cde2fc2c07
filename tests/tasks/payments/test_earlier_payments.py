"""A payment that waits for the customer pays, or is cancelled at the gateway."""

import sqlite3
from contextlib import closing

import pytest

from order_factory.gateways.protocol import GatewayError
from order_factory.gateways.testing import TestGateway
from order_factory.models.tables import Order, PaymentSource, Transaction
from order_factory.models.tables.base import utc_now
from order_factory.tasks.subscriptions.transitions import Trigger
from tests.support.copying import change
from tests.support.orders import act, ask_gateways, make_open_order
from tests.support.paying import make_payable_order
from tests.support.subscriptions import FEBRUARY, apply, run_due, subscribe

ASKS = "tok_decline_authentication_required"

pytestmark = pytest.mark.usefixtures("verified")


@pytest.fixture
def make_waiting_order(shop, ledger):
    """Make an order with a payment that the customer must confirm."""

    def make(token=ASKS):
        order = make_open_order(shop, token)
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


def test_the_earlier_payment_is_cancelled_before_another_card_pays(
    shop, ledger, make_waiting_order
):
    order = make_waiting_order()

    assert pay_again(shop, order) == []

    assert ledger.charges() == [("void", 12_50), ("authorize", 12_50)]
    assert [row.customer_action for row in shop.rows(Transaction)] == [None, None]
    assert shop.row(Order, id=order).status == "placed"


def test_a_confirmed_payment_of_the_same_amount_pays_for_the_order(
    shop, ledger, make_waiting_order
):
    order = make_waiting_order()
    confirm(ledger)

    assert pay_again(shop, order) == []

    assert ledger.charges() == [("authorize", 12_50)]
    assert shop.rows(Transaction)[-1].token == "confirmed"


def test_a_confirmed_payment_of_another_amount_is_voided(shop, ledger, make_waiting_order):
    order = make_waiting_order()
    confirm(ledger)
    shop.line(order, item_type="adjustments", unit_amount_cents=1_00)
    shop.sum_up(order)

    assert pay_again(shop, order) == []

    assert ledger.charges() == [("authorize", 12_50), ("void", 12_50), ("authorize", 13_50)]


def test_nothing_is_paid_while_the_earlier_payment_cannot_be_cancelled(
    shop, ledger, make_waiting_order
):
    order = make_waiting_order(f"{ASKS}_tok_void_fails")

    pay_again(shop, order)

    assert ledger.charges() == []
    first, second = shop.rows(Transaction)
    assert first.customer_action is not None
    assert (second.status, second.error_code) == ("failed", "earlier_payment_open")
    assert shop.row(Order, id=order).status == "pending"


def test_a_crash_after_the_cancellation_pays_once(shop, ledger, make_waiting_order, monkeypatch):
    order = make_waiting_order()

    def die(_gateway, _request):
        raise GatewayError("test", "was asked by a process that died")

    with monkeypatch.context() as crash:
        crash.setattr(TestGateway, "authorize", die)
        pay_again(shop, order)
    assert (ledger.charges(), shop.row(Order, id=order).status) == ([("void", 12_50)], "placing")

    assert ask_gateways() == []

    assert ledger.charges() == [("void", 12_50), ("authorize", 12_50)]
    assert ledger.repeats() == 0


def cancel(shop, order):
    assert act("cancel", order) == []


def pay_by_hand(shop, order):
    """The money was taken at the door: a person places the order."""
    card = shop.row(Order, id=order).payment_source_id
    change(PaymentSource, card, gateway="manual", updated_at=utc_now())
    assert act("place", order) == []


def void_of(shop):
    (row,) = shop.rows(Transaction, type="voids")
    return row


ENDS = pytest.mark.parametrize(
    ("end", "status"), [(cancel, "cancelled"), (pay_by_hand, "placed")], ids=["cancel", "by_hand"]
)


@ENDS
@pytest.mark.parametrize("is_confirmed", [False, True])
def test_an_order_that_needs_no_payment_leaves_none_open(
    shop, ledger, make_waiting_order, end, status, is_confirmed
):
    order = make_waiting_order()
    if is_confirmed:
        confirm(ledger)
    end(shop, order)
    assert void_of(shop).status == "unknown", "it is committed before the call"

    assert ask_gateways() == []
    end(shop, order)
    assert ask_gateways() == []

    charged = [("authorize", 12_50)] if is_confirmed else []
    assert ledger.charges() == [*charged, ("void", 12_50)]
    message = "The customer had confirmed the payment. It was voided." if is_confirmed else None
    assert (void_of(shop).status, void_of(shop).message) == ("succeeded", message)
    assert shop.row(Transaction, type="authorizations").customer_action is None
    order_row = shop.row(Order, id=order)
    assert (order_row.status, order_row.payment_status) == (status, "unpaid")


@pytest.mark.parametrize("trigger", [Trigger.CANCEL, Trigger.DEACTIVATE])
def test_a_subscription_that_ends_leaves_no_payment_open(shop, ledger, trigger):
    key = subscribe(shop, make_payable_order(shop, ASKS), retry_after="1d")
    run_due(FEBRUARY)
    apply(key, trigger)

    assert ask_gateways() == []

    assert ledger.charges() == [("void", 12_50)]
    assert void_of(shop).status == "succeeded"
    assert shop.row(Transaction, type="authorizations").customer_action is None


def test_a_process_that_dies_around_the_call_cancels_once(
    shop, ledger, make_waiting_order, monkeypatch
):
    cancel(shop, make_waiting_order())
    do = TestGateway.void

    def die_before(_gateway, _request):
        raise GatewayError("test", "was asked by a process that died")

    def die_after(gateway, request):
        do(gateway, request)
        raise GatewayError("test", "answered a process that died")

    for dying in (die_before, die_after):
        with monkeypatch.context() as crash:
            crash.setattr(TestGateway, "void", dying)
            ask_gateways()
        assert void_of(shop).status == "unknown"

    assert ask_gateways() == []

    assert (ledger.charges(), void_of(shop).status) == ([("void", 12_50)], "succeeded")


def test_a_payment_that_cannot_be_cancelled_is_told(shop, ledger, make_waiting_order):
    order = make_waiting_order(f"{ASKS}_tok_void_fails")
    cancel(shop, order)

    ask_gateways()

    assert (void_of(shop).status, void_of(shop).error_code) == ("failed", "cannot_be_voided")
    assert shop.row(Transaction, type="authorizations").customer_action is not None
    assert shop.row(Order, id=order).status == "cancelled"
