"""A subscription that is cancelled before its renewal is paid for is not charged."""

import pytest
from sqlalchemy import select

from order_factory.gateways.protocol import Answer
from order_factory.gateways.registry import gateway
from order_factory.models.database.engine import begin, reading
from order_factory.models.database.process_locks import hold_process_lock
from order_factory.models.tables import (
    Event,
    Order,
    OrderFactory,
    OrderSubscription,
    PaymentSource,
    StockItem,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.records import finish_batch, start_batch
from order_factory.tasks.payments.claiming import Scope, claim_due
from order_factory.tasks.subscriptions.outcomes import record_outcomes
from order_factory.tasks.subscriptions.recording import record_due_periods
from order_factory.tasks.subscriptions.transitions import Trigger
from order_factory.tasks.verify import verify
from tests.support.copying import authorize, change, copy_batch
from tests.support.paying import make_payable_order
from tests.support.subscriptions import LATE_AFTER, apply, subscribe_due

ENDED = "the order subscription was cancelled or deactivated before the payment was "


def record_renewal(shop, token):
    """A renewal that is recorded: its subscription, its batch."""
    gateway("test")  # opens its ledger
    key = subscribe_due(shop, make_payable_order(shop, token))
    with begin() as db:
        batch = record_due_periods(db, Mode.LIVE, utc_now(), LATE_AFTER)
        assert batch is not None
        start_batch(db, batch.id, None)
    return key, batch.id


def finish(shop, key, batch):
    """Finish the batch; returns the factory, and the violations that `verify` finds."""
    with begin() as db:
        finish_batch(db, batch)
        record_outcomes(db, batch, utc_now())
    with reading() as db:
        assert [each.name for each in verify(db).invariants if each.violations] == []
    return shop.row(OrderFactory, order_subscription_id=key)


@pytest.mark.parametrize("trigger", [Trigger.CANCEL, Trigger.DEACTIVATE])
@pytest.mark.parametrize("token", ["tok_approve", "tok_timeout_before"])
def test_an_unwanted_payment_is_not_requested(shop, ledger, trigger, token):
    key, batch = record_renewal(shop, token)
    copy_batch(batch)
    if token != "tok_approve":
        assert authorize(batch) != [], "the gateway is away"
    apply(key, trigger)
    for source in shop.rows(PaymentSource):
        change(PaymentSource, source.id, payment_source_token="tok_approve")  # it is back

    assert authorize(batch) == []

    copy = finish(shop, key, batch)
    target = shop.row(Order, id=copy.target_order_id)
    assert (copy.status, copy.failed_at, copy.completed_at) == ("aborted", None, None)
    assert copy.errors_log == {"order_subscription": [f"{ENDED}authorized; nothing was charged"]}
    assert (target.status, target.payment_status) == ("cancelled", "unpaid")
    assert ledger.charges() == []
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000, 0)
    assert shop.rows(Event, order_factory_id=copy.id)[-1].name == "order_factories.abort"
    subscription = shop.row(OrderSubscription, id=key)
    assert (subscription.errors_count, subscription.running_batch_id) == (0, None)


def test_an_earlier_authorization_is_found_and_voided(shop, ledger):
    key, batch = record_renewal(shop, "tok_approve")
    copy_batch(batch)
    with hold_process_lock() as me:
        with begin() as db:
            (due,) = claim_due(db, Scope(batch), 10, me.number(), [])
        gateway("test").authorize(due.request)  # and the process dies
    apply(key, Trigger.CANCEL)

    assert authorize(batch) == []

    copy = finish(shop, key, batch)
    target = shop.row(Order, id=copy.target_order_id)
    assert copy.status == "aborted"
    assert copy.errors_log == {"order_subscription": [f"{ENDED}decided; it was voided"]}
    assert (target.status, target.payment_status) == ("cancelled", "voided")
    assert ledger.charges() == [("authorize", 12_50), ("void", 12_50)]
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000, 0)


def test_a_pending_charge_is_voided(shop, ledger, monkeypatch):
    """The subscription is cancelled between the question and the answer."""
    key, batch = record_renewal(shop, "tok_approve")
    copy_batch(batch)
    approve = type(gateway("test")).authorize

    def approve_and_cancel(self, request):
        answer = approve(self, request)
        apply(key, Trigger.CANCEL)
        return answer

    monkeypatch.setattr(type(gateway("test")), "authorize", approve_and_cancel)

    assert authorize(batch) == []

    assert finish(shop, key, batch).status == "aborted"
    assert ledger.charges() == [("authorize", 12_50), ("void", 12_50)]


def test_a_payment_that_cannot_be_voided_is_reported_and_the_order_remains(
    shop, ledger, monkeypatch
):
    key, batch = record_renewal(shop, "tok_void_fails")
    copy_batch(batch)
    approve = type(gateway("test")).authorize

    def approve_and_cancel(self, request):
        answer = approve(self, request)
        apply(key, Trigger.CANCEL)
        return answer

    monkeypatch.setattr(type(gateway("test")), "authorize", approve_and_cancel)

    authorize(batch)

    copy = finish(shop, key, batch)
    assert copy.status == "completed"
    words = f"{ENDED}decided, and it could not be voided; the order is placed"
    assert copy.errors_log == {"order_subscription": [words]}
    assert shop.row(Order, id=copy.target_order_id).status == "placed"
    assert {row.type: row.status for row in shop.rows(Transaction)} == {
        "authorizations": "succeeded",
        "voids": "failed",
    }


def test_pending_copies_are_aborted(shop, ledger):
    key, batch = record_renewal(shop, "tok_approve")

    apply(key, Trigger.CANCEL)

    assert copy_batch(batch) == []
    copy = finish(shop, key, batch)
    assert (copy.status, copy.target_order_id) == ("aborted", None)
    names = [event.name for event in shop.rows(Event, order_factory_id=copy.id)]
    assert names == ["order_factories.create", "order_factories.abort"]
    with reading() as db:
        assert db.scalar(select(Transaction.id)) is None


def test_a_card_declined_after_the_end_of_the_subscription_is_reported_as_declined(
    shop, ledger, monkeypatch
):
    key, batch = record_renewal(shop, "tok_approve")
    copy_batch(batch)

    def cancel_and_decline(self, request):
        apply(key, Trigger.CANCEL)
        return Answer(succeeded=False, error_code="card_declined", message="No.")

    monkeypatch.setattr(type(gateway("test")), "authorize", cancel_and_decline)

    authorize(batch)

    copy = finish(shop, key, batch)
    assert (copy.status, {*copy.errors_log}) == ("failed", {"payment_source", "status"})
