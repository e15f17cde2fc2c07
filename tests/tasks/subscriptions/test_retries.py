"""Failed renewals: passing errors are retried, recorded, and never placed twice."""

from datetime import UTC, datetime, timedelta

import pytest

from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    CustomerPaymentSource,
    Order,
    OrderFactory,
    OrderSubscription,
    PaymentSource,
    Sku,
    StockItem,
    Transaction,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.values.retry_delays import check_retry_after, parse_delays
from order_factory.tasks.subscriptions.templates import rebuild_template
from order_factory.tasks.subscriptions.transitions import Trigger, apply_trigger
from tests.support.copying import change
from tests.support.paying import make_payable_order
from tests.support.subscriptions import make_placeable_order, read_subscription, run_due, subscribe

FEBRUARY = datetime(2026, 2, 28, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def attempts(shop, key):
    """The attempts at the first period: their number, status, and days until they are repeated."""
    copies = shop.rows(OrderFactory, order_subscription_id=key, period_at=FEBRUARY)
    return [
        (row.attempt, row.status, row.retry_at and (row.retry_at - FEBRUARY) / DAY)
        for row in copies
    ]


def sold_out(shop):
    """An order with a SKU that is out of stock."""
    shop.sku("RARE", stock=0)
    return make_placeable_order(shop, lines=[("RARE", 1, 12_50)])


def restock(shop):
    change(StockItem, shop.row(StockItem, sku_id=shop.row(Sku, code="RARE").id).id, quantity=9)


def test_a_renewal_is_retried_after_each_delay_until_it_succeeds(shop):
    key = subscribe(shop, sold_out(shop), retry_after="1d 3d 5d")
    lists = []
    for days in (0, 0.5, 1, 3, 4):
        if days == 4:
            restock(shop)
        run_due(FEBRUARY + days * DAY)
        lists.append(attempts(shop, key))

    assert lists[0] == [(1, "failed", 1)]
    assert lists[1] == lists[0]
    assert lists[2] == [(1, "failed", None), (2, "failed", 4)]
    assert lists[3] == lists[2]
    assert lists[4] == [(1, "failed", None), (2, "failed", None), (3, "completed", None)]
    after = read_subscription(shop, key)
    assert (after.occurrencies, after.errors_count, after.succeeded_on_last_run) == (1, 2, True)
    assert (after.status, after.next_run_at) == ("active", datetime(2026, 3, 31, 9, tzinfo=UTC))
    first, second, third = shop.rows(OrderFactory)
    assert [first.retry_of_id, second.retry_of_id, third.retry_of_id] == [
        None,
        first.id,
        second.id,
    ]
    assert [row.status for row in shop.rows(Order) if row.order_factory_id] == ["placed"]


@pytest.mark.parametrize(
    ("after_failure", "status", "next_run_at"),
    [("keep", "active", datetime(2026, 3, 31, 9, tzinfo=UTC)), ("deactivate", "inactive", None)],
)
def test_a_permanent_failure_keeps_or_deactivates_the_subscription(
    shop, after_failure, status, next_run_at
):
    key = subscribe(shop, sold_out(shop), retry_after="1d", after_failure=after_failure)
    run_due(FEBRUARY)
    meanwhile = read_subscription(shop, key).status

    run_due(FEBRUARY + DAY)

    after = read_subscription(shop, key)
    assert meanwhile == "active"
    assert (after.status, after.next_run_at) == (status, next_run_at)
    assert (after.errors_count, after.succeeded_on_last_run) == (2, False)
    assert attempts(shop, key) == [(1, "failed", None), (2, "failed", None)]


def test_permanent_errors_are_not_retried(shop):
    order = make_placeable_order(shop)
    change(Sku, shop.row(Sku, code="MUG").id, purchasable=False)
    key = subscribe(shop, order, retry_after="1d", after_failure="deactivate")

    run_due(FEBRUARY)
    run_due(FEBRUARY + DAY)

    assert attempts(shop, key) == [(1, "failed", None)]
    assert read_subscription(shop, key).status == "inactive"


def unpaid(shop, **options):
    """A subscription whose copy cannot be placed, since the card was taken out of the wallet."""
    order = make_placeable_order(shop)
    saved = shop.row(CustomerPaymentSource)
    change(CustomerPaymentSource, saved.id, customer_id=shop.customer())
    change(Order, order, payment_source_id=None)
    key = subscribe(shop, order, retry_after="1d 1d", **options)
    run_due(FEBRUARY)
    return key, order, saved


def test_the_order_that_could_not_be_placed_is_placed_by_the_retry(shop):
    key, order, saved = unpaid(shop)
    made = shop.row(OrderFactory).target_order_id
    before = shop.row(Order, id=made).status
    customer = shop.row(Order, id=order).customer_id
    change(CustomerPaymentSource, saved.id, customer_id=customer)
    change(Order, order, payment_source_id=saved.payment_source_id)

    run_due(FEBRUARY + DAY)

    assert before == "pending"
    assert attempts(shop, key) == [(1, "failed", None), (2, "completed", None)]
    first, second = shop.rows(OrderFactory)
    assert (first.target_order_id, second.target_order_id) == (None, made)
    (copy,) = [row for row in shop.rows(Order) if row.order_factory_id]
    assert (copy.id, copy.status, copy.order_factory_id) == (made, "placed", second.id)


def test_a_declined_payment_is_retried_and_paid_once(shop, ledger):
    order = make_payable_order(shop, "tok_decline")
    card = shop.row(Order, id=order).payment_source_id
    key = subscribe(shop, order, retry_after="1d 3d")
    run_due(FEBRUARY)
    change(PaymentSource, card, payment_source_token="tok_approve")

    run_due(FEBRUARY + DAY)

    assert attempts(shop, key) == [(1, "failed", None), (2, "completed", None)]
    (copy,) = [row for row in shop.rows(Order) if row.order_factory_id]
    assert (copy.status, copy.payment_status) == ("placed", "authorized")
    payments = shop.rows(Transaction)
    assert [(row.status, row.order_id) for row in payments] == [
        ("failed", copy.id),
        ("succeeded", copy.id),
    ]
    assert len({row.idempotency_key for row in payments}) == 2
    assert ledger.charges() == [("authorize", 12_50)]


def test_an_order_that_was_cancelled_in_between_is_copied_again(shop, ledger):
    order = make_payable_order(shop, "tok_decline")
    card = shop.row(Order, id=order).payment_source_id
    key = subscribe(shop, order, retry_after="1d 3d")
    run_due(FEBRUARY)
    change(Order, shop.row(OrderFactory).target_order_id, status="cancelled", cancelled_at=FEBRUARY)
    change(PaymentSource, card, payment_source_token="tok_approve")

    run_due(FEBRUARY + DAY)

    assert attempts(shop, key) == [(1, "failed", None), (2, "completed", None)]
    copies = [row for row in shop.rows(Order) if row.order_factory_id]
    assert [row.status for row in copies] == ["cancelled", "placed"]
    assert ledger.charges() == [("authorize", 12_50)]


def test_a_retry_needs_its_stock_again(shop, ledger):
    order = make_payable_order(shop, "tok_decline")
    sku = shop.row(Sku, code="MUG")
    key = subscribe(shop, order, retry_after="1d 1d")
    run_due(FEBRUARY)
    (stock,) = shop.rows(StockItem, sku_id=sku.id)
    change(StockItem, stock.id, quantity=0)

    run_due(FEBRUARY + DAY)

    again = shop.rows(OrderFactory)[1]
    assert attempts(shop, key)[1] == (2, "failed", 2)
    assert "line_items" in again.errors_log
    assert shop.row(Order, id=again.target_order_id).status == "pending"
    assert ledger.charges() == []


def test_a_retry_does_not_charge_a_card_removed_from_the_wallet(shop, ledger):
    order = make_payable_order(shop, "tok_decline")
    key = subscribe(shop, order, retry_after="1d")
    run_due(FEBRUARY)
    change(CustomerPaymentSource, shop.row(CustomerPaymentSource).id, customer_id=shop.customer())

    run_due(FEBRUARY + DAY)

    again = shop.rows(OrderFactory)[1]
    assert attempts(shop, key)[1] == (2, "failed", None)
    assert again.errors_log.keys() == {"payment_source", "status"}
    assert shop.row(Order, id=again.target_order_id).payment_source_id is None
    assert [row.status for row in shop.rows(Transaction)] == ["failed"]


@pytest.mark.parametrize(
    ("reason", "cancelled"),
    [("expired_card", []), ("authentication_required", [("void", 12_50)])],
)
def test_a_refused_payment_waits_for_another_payment_source(shop, ledger, reason, cancelled):
    order = make_payable_order(shop, f"tok_decline_{reason}")
    key = subscribe(shop, order, retry_after="1d 1d", starts_at=utc_now(), at=utc_now())
    period = read_subscription(shop, key).next_run_at
    run_due(period)
    run_due(period + DAY)
    waiting = shop.row(OrderFactory)
    customer = shop.row(Order, id=order).customer_id
    shop.payment_source(wallet_of=customer, payment_source_token="tok_approve", gateway="test")
    saved = shop.rows(CustomerPaymentSource)[-1].id
    change(OrderSubscription, key, customer_payment_source_id=saved)
    with begin() as db:
        rebuild_template(db, key, utc_now())

    run_due(period + 2 * DAY)

    copies = shop.rows(OrderFactory, order_subscription_id=key, period_at=period)
    assert (waiting.status, waiting.retry_at) == ("failed", None)
    assert waiting.waits_for_payment_source
    assert [row.status for row in copies] == ["failed", "completed"], copies[-1].errors_log
    assert not copies[0].waits_for_payment_source
    (copy,) = [row for row in shop.rows(Order) if row.order_factory_id]
    assert (copy.status, copy.payment_status) == ("placed", "authorized")
    assert ledger.charges() == [*cancelled, ("authorize", 12_50)]


def test_a_subscription_stays_running_until_its_payment_is_answered(shop, ledger):
    order = make_payable_order(shop, "tok_timeout_before")
    card = shop.row(Order, id=order).payment_source_id
    key = subscribe(shop, order, retry_after="1d")
    run_due(FEBRUARY)
    before = read_subscription(shop, key)
    copied_card = shop.row(PaymentSource, copied_from_id=card).id
    change(PaymentSource, copied_card, payment_source_token="tok_approve")

    run_due(FEBRUARY)

    after = read_subscription(shop, key)
    assert (before.status, before.occurrencies) == ("running", 0)
    assert (after.status, after.occurrencies, after.errors_count) == ("active", 1, 0)
    assert attempts(shop, key) == [(1, "completed", None)]
    assert ledger.charges() == [("authorize", 12_50)]


def test_an_order_that_was_placed_since_is_not_copied_again(shop):
    key, _, _ = unpaid(shop)
    target = shop.row(OrderFactory).target_order_id
    change(Order, target, status="placed", placed_at=FEBRUARY + DAY / 2, number="by hand")

    run_due(FEBRUARY + DAY)

    assert attempts(shop, key) == [(1, "failed", None)]
    assert shop.row(Order, id=target).status == "placed"


def test_an_order_that_is_being_placed_waits(shop):
    key, _, _ = unpaid(shop)
    target = shop.row(OrderFactory).target_order_id
    change(Order, target, status="placing")

    run_due(FEBRUARY + DAY)

    assert attempts(shop, key) == [(1, "failed", 1)]
    assert shop.row(Order, id=target).status == "placing"


@pytest.mark.parametrize("trigger", [Trigger.DEACTIVATE, Trigger.CANCEL])
def test_copies_of_a_stopped_subscription_are_not_retried(shop, trigger):
    key = subscribe(shop, sold_out(shop), retry_after="1d")
    run_due(FEBRUARY)
    with begin() as db:
        apply_trigger(db, key, trigger, FEBRUARY)

    run_due(FEBRUARY + DAY)

    assert attempts(shop, key) == [(1, "failed", None)]


def test_a_retry_and_the_next_period_are_copied_in_one_run(shop):
    key = subscribe(shop, sold_out(shop), frequency="daily", retry_after="1d", starts_at=FEBRUARY)
    run_due(FEBRUARY)
    restock(shop)

    run_due(FEBRUARY + DAY)

    after = read_subscription(shop, key)
    assert attempts(shop, key) == [(1, "failed", None), (2, "completed", None)]
    assert len(shop.rows(OrderFactory, period_at=FEBRUARY + DAY, status="completed")) == 1
    assert (after.occurrencies, after.errors_count) == (2, 1)


def test_an_expired_subscription_stays_active_until_its_last_retry(shop):
    key = subscribe(
        shop, sold_out(shop), retry_after="3d", expires_at=FEBRUARY + timedelta(hours=1)
    )
    run_due(FEBRUARY)
    run_due(FEBRUARY + DAY)
    before = read_subscription(shop, key).status
    restock(shop)

    run_due(FEBRUARY + 3 * DAY)

    assert before == "active"
    assert attempts(shop, key)[1][1] == "completed"
    assert read_subscription(shop, key).status == "inactive"


def test_delays_are_read_and_kept_as_they_are_written():
    assert parse_delays("12h, 1d") == (timedelta(hours=12), timedelta(days=1))
    assert parse_delays(None) == ()
    assert [check_retry_after(text) for text in ("1d,  3d", " ")] == ["1d 3d", None]


@pytest.mark.parametrize("text", ["1", "d", "0h", "1w", "-1d", "367d", "1d " * 11])
def test_an_invalid_list_of_delays_is_refused(text):
    with pytest.raises(ValueError, match="must be"):
        check_retry_after(text)
