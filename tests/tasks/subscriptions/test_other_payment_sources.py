"""Renewals whose payment needs another payment source, or the customer."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from order_factory.models.database.engine import reading
from order_factory.models.tables import (
    CustomerPaymentSource,
    Event,
    Order,
    OrderFactory,
    PaymentSource,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from order_factory.tasks.subscriptions.outcomes import count_waiting_copies
from tests.support.copying import change
from tests.support.paying import make_payable_order
from tests.support.subscriptions import FEBRUARY, run_due, subscribe

DAY = timedelta(days=1)


pytestmark = pytest.mark.usefixtures("verified")


def statuses(shop):
    return [row.status for row in shop.rows(OrderFactory)]


@pytest.mark.parametrize("fallback", ["off", "newest_valid"])
def test_a_refused_card_is_replaced_by_another_of_the_wallet(shop, ledger, fallback):
    order = make_payable_order(shop, "tok_decline_expired_card")
    customer = shop.row(Order, id=order).customer_id
    shop.payment_source(wallet_of=customer, gateway="test", payment_source_token="tok_approve")
    subscribe(shop, order, retry_after="1d", payment_source_fallback=fallback)

    run_due(FEBRUARY)
    run_due(FEBRUARY + DAY)

    expected = ["failed", "completed"] if fallback == "newest_valid" else ["failed"]
    assert statuses(shop) == expected
    assert len(ledger.charges()) == len(expected) - 1
    assert len([row for row in shop.rows(Order) if row.order_factory_id]) == 1


def test_a_renewal_that_waits_is_announced_once(shop, ledger):
    key = subscribe(shop, make_payable_order(shop, "tok_decline_expired_card"), retry_after="1d 1d")

    for days in range(3):
        run_due(FEBRUARY + days * DAY)

    (waiting,) = shop.rows(OrderFactory, order_subscription_id=key)
    assert waiting.waits_for_payment_source
    assert len(shop.rows(Event, name="order_factories.wait")) == 1
    with reading() as db:
        assert count_waiting_copies(db, waiting.batch_id) == 1


def test_a_confirmed_payment_is_not_charged_again(shop, ledger):
    order = make_payable_order(shop, "tok_decline_authentication_required")
    subscribe(shop, order, retry_after="1d 1d 1d")
    run_due(FEBRUARY)
    transaction = shop.row(Transaction)
    # The customer confirms at the gateway; the shop says so by an update of the wallet.
    with closing(sqlite3.connect(ledger.file)) as db:
        db.execute("UPDATE charges SET succeeded = 1, error_code = NULL, token = 'confirmed'")
        db.commit()
    change(CustomerPaymentSource, shop.row(CustomerPaymentSource).id, updated_at=utc_now())

    run_due(FEBRUARY + DAY)

    assert statuses(shop) == ["failed", "completed"]
    assert ledger.charges() == [("authorize", 12_50)]
    first, second = shop.rows(Transaction)
    assert (first.id, first.status) == (transaction.id, "failed")
    assert (second.status, second.token) == ("succeeded", "confirmed")


def test_an_unconfirmed_payment_waits_or_another_card_pays(shop, ledger):
    order = make_payable_order(shop, "tok_decline_authentication_required")
    subscribe(shop, order, retry_after="1d 1d 1d")
    run_due(FEBRUARY)
    change(CustomerPaymentSource, shop.row(CustomerPaymentSource).id, updated_at=utc_now())
    run_due(FEBRUARY + DAY)
    assert statuses(shop) == ["failed", "failed"]

    card = shop.row(Order, id=order).payment_source_id
    moment = utc_now()
    change(PaymentSource, card, payment_source_token="tok_approve", updated_at=moment)
    run_due(FEBRUARY + 2 * DAY)

    assert statuses(shop) == ["failed", "failed", "completed"]
    # Both unconfirmed payments were cancelled before the card was charged.
    assert sorted(ledger.charges()) == [("authorize", 12_50), ("void", 12_50), ("void", 12_50)]
