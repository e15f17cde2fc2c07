"""Paying: an order is placed when its gateway has said yes, and never paid twice."""

import pytest

from order_factory.gateways.protocol import Answer
from order_factory.gateways.registry import forget_gateways, gateway
from order_factory.models.database.engine import begin
from order_factory.models.database.process_locks import hold_process_lock
from order_factory.models.tables import (
    Event,
    Order,
    OrderFactory,
    PaymentMethod,
    PaymentSource,
    StockItem,
    StockReservation,
    Transaction,
)
from order_factory.tasks.outcomes.answers import record_answers
from order_factory.tasks.payments.claiming import Scope, claim_due
from tests.support.copying import (
    authorize,
    change,
    copy_batch,
    factory_of,
    make_batch,
    read_results,
    request_copy,
    target_of,
)
from tests.support.paying import make_payable_order, place
from tests.support.verifying import find_violations

CANNOT = ["cannot transition from pending to placed"]


def test_an_order_is_placed_once_its_payment_is_authorized(shop, ledger):
    source = make_payable_order(shop, lines=[("MUG", 2, 12_50)])
    factory = request_copy(source, place_target_order=True)
    batch = make_batch([factory])

    copy_batch(batch)

    (result,) = read_results([factory])
    transaction = shop.row(Transaction)
    assert (result.status, result.target_order.status, result.completed_at) == (
        "in_progress",
        "placing",
        None,
    )
    assert (transaction.type, transaction.status, transaction.amount_cents) == (
        "authorizations",
        "unknown",
        25_00,
    )
    assert (transaction.currency_code, transaction.gateway) == ("EUR", "test")
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000, 2)
    assert find_violations() == []

    assert authorize(batch) == []

    (result,) = read_results([factory])
    target = shop.row(Order, id=target_of(result))
    assert (result.status, result.errors_log) == ("completed", None)
    assert (target.status, target.payment_status, target.number) == (
        "placed",
        "authorized",
        f"OF{target.id}",
    )
    assert target.placed_at == result.completed_at
    assert shop.row(Transaction).status == "succeeded"
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (998, 0)
    assert shop.row(StockReservation).status == "taken"
    names = [event.name for event in shop.rows(Event)]
    assert names == [
        "order_factories.create",
        "order_factories.start",
        "authorizations.create",
        "orders.authorize",
        "orders.place",
        "order_factories.complete",
    ]
    assert ledger.charges() == [("authorize", 25_00)]
    assert find_violations() == []


def test_a_declined_card_leaves_the_order_pending_and_says_why(shop, ledger):
    source = make_payable_order(shop, "tok_decline_insufficient_funds", lines=[("MUG", 2, 12_50)])

    (result,) = place(source)

    target = shop.row(Order, id=target_of(result))
    assert result.status == "failed"
    assert result.errors_log == {
        "payment_source": ["the payment was declined: Your card has insufficient funds."],
        "status": CANNOT,
    }
    assert (target.status, target.payment_status) == ("pending", "unpaid")
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000, 0)
    assert shop.row(StockReservation).status == "released"
    assert shop.row(Transaction).error_code == "insufficient_funds"
    assert find_violations() == []


def test_with_skip_errors_a_declined_copy_completes_and_says_why(shop, ledger):
    (result,) = place(make_payable_order(shop, "tok_decline"), skip_errors=True)

    assert (result.status, result.errors_count) == ("completed", 2)
    assert result.target_order.status == "pending"
    assert find_violations() == []


def test_a_call_carried_out_before_the_timeout_is_not_repeated(shop, ledger):
    (result,) = place(make_payable_order(shop, "tok_timeout_after"))

    assert result.target_order.status == "placed"
    assert ledger.charges() == [("authorize", 12_50)]
    assert (ledger.calls("authorize"), ledger.calls("lookup")) == (1, 1)


def test_a_call_not_carried_out_before_the_timeout_is_made_once(shop, ledger):
    (result,) = place(make_payable_order(shop, "tok_timeout_before_once"))

    assert result.target_order.status == "placed"
    assert ledger.charges() == [("authorize", 12_50)]
    assert (ledger.calls("authorize"), ledger.calls("lookup")) == (2, 1)


@pytest.mark.parametrize("token", ["tok_timeout_before", "tok_unreachable"])
def test_an_unanswered_order_stays_placing_and_is_continued(shop, ledger, token):
    source = make_payable_order(shop, token)
    factory = request_copy(source, place_target_order=True)
    batch = make_batch([factory])
    copy_batch(batch)

    (detail,) = authorize(batch)

    (result,) = read_results([factory])
    assert "stays in placing: the payment gateway test" in detail
    assert (result.status, result.target_order.status) == ("in_progress", "placing")
    assert find_violations() == []

    saved = shop.row(Order, id=target_of(result)).payment_source_id
    change(PaymentSource, saved, payment_source_token="tok_approve")  # the gateway is back

    assert authorize(batch) == []
    assert read_results([factory])[0].target_order.status == "placed"
    assert ledger.charges() == [("authorize", 12_50)]


def test_a_gateway_that_does_not_answer_is_paused(shop, ledger):
    factories = [
        request_copy(make_payable_order(shop, "tok_unreachable"), place_target_order=True)
        for _ in range(40)
    ]
    batch = make_batch(factories)
    copy_batch(batch)

    problems = authorize(batch)

    assert problems[-1] == "the payment gateway test cannot be reached; the orders stay in placing"
    assert len(problems) < 10
    assert {result.status for result in read_results(factories)} == {"in_progress"}


def test_unanswered_payments_do_not_delay_the_others(shop, ledger, monkeypatch):
    """Silent cards are older than all others, and more than a run has patience with."""
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_CONCURRENCY", "2")
    forget_gateways()
    silent = [
        request_copy(make_payable_order(shop, "tok_timeout_before"), place_target_order=True)
        for _ in range(30)
    ]
    good = [request_copy(make_payable_order(shop), place_target_order=True) for _ in range(12)]
    batch = make_batch(silent + good)
    copy_batch(batch)

    problems = authorize(batch)

    assert {result.status for result in read_results(good)} == {"completed"}
    assert {result.status for result in read_results(silent)} == {"in_progress"}
    assert problems[-1].endswith("the orders stay in placing"), "it was left alone in the end"
    # Those that were not asked for that reason count as never taken up.
    unasked = [row for row in shop.rows(Transaction) if not row.calls]
    assert len(unasked) > 0
    assert {row.claimed_by for row in unasked} == {None}
    assert find_violations() == []

    later = request_copy(make_payable_order(shop), place_target_order=True)
    change(OrderFactory, later, batch_id=batch)
    copy_batch(batch)
    authorize(batch)

    assert read_results([later])[0].status == "completed"


def test_a_payment_of_a_run_that_died_after_the_call_is_looked_up(shop, ledger):
    factory = request_copy(make_payable_order(shop), place_target_order=True)
    batch = make_batch([factory])
    copy_batch(batch)
    with hold_process_lock() as me:
        (due,) = _claim(batch, me.number())
        gateway("test").authorize(due.request)
        assert authorize(batch) == [], "another process is at it"
        assert shop.row(Transaction).status == "unknown"

    assert authorize(batch) == []

    assert read_results([factory])[0].target_order.status == "placed"
    assert ledger.charges() == [("authorize", 12_50)]
    assert (ledger.calls("authorize"), ledger.calls("lookup")) == (1, 1)


def test_an_order_by_bank_transfer_is_placed_at_once_and_stays_unpaid(shop, ledger):
    method = shop.add(PaymentMethod, payment_source_type="wire_transfers", gateway="manual")
    source = shop.order(payment_method_id=method)

    (result,) = place(source)

    target = shop.row(Order, id=target_of(result))
    assert (result.status, target.status, target.payment_status) == (
        "completed",
        "placed",
        "unpaid",
    )
    assert shop.rows(Transaction) == []


def test_a_gateway_that_is_not_set_up_is_reported(shop, ledger):
    example, stripe = (
        make_payable_order(shop, gateway="example"),
        make_payable_order(shop, gateway="stripe"),
    )

    results = place(example, stripe)

    assert [result.errors_log["payment_source"] for result in results] == [
        ["the payment gateway example is not set up: use one of manual, stripe, test"],
        ["the payment gateway stripe is not set up: set ORDER_FACTORY_STRIPE_API_KEY"],
    ]
    assert shop.rows(Transaction) == []
    assert find_violations() == []


def test_many_orders_end_each_in_its_own_way(shop, ledger):
    tokens = ["tok_approve", "tok_decline", "tok_timeout_after", "tok_approve"] * 8
    sources = [make_payable_order(shop, token, lines=[("MUG", 1, 10_00)]) for token in tokens]

    ended = place(*sources)

    expected = ["failed" if token == "tok_decline" else "completed" for token in tokens]
    assert [result.status for result in ended] == expected
    assert ledger.charges() == [("authorize", 10_00)] * expected.count("completed")
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000 - 24, 0)
    assert len({result.target_order.number for result in ended}) == len(tokens)
    assert find_violations() == []


def test_an_answer_that_comes_twice_changes_nothing(shop, ledger):
    (result,) = place(make_payable_order(shop))
    before = shop.rows(OrderFactory), shop.rows(Order), shop.rows(Event)

    with begin() as db:
        assert (
            record_answers(db, {shop.row(Transaction).id: Answer(False, message="no")}, None) == 0
        )

    assert (shop.rows(OrderFactory), shop.rows(Order), shop.rows(Event)) == before
    assert factory_of(result) == shop.row(OrderFactory).id


def _claim(batch, me):
    with begin() as db:
        return claim_due(db, Scope(batch), 10, me, [])
