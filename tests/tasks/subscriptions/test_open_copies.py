"""A copy that waits for its gateway while the next periods of its subscription come."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from order_factory.models.database.engine import begin, reading
from order_factory.models.tables import Order, OrderFactory, OvertakenBatch, PaymentSource
from order_factory.models.values.statuses import Mode
from order_factory.tasks.subscriptions.recording import record_due_periods
from tests.support.copying import change
from tests.support.paying import make_payable_order
from tests.support.subscriptions import (
    LATE_AFTER,
    START,
    list_periods,
    read_subscription,
    run_due,
    subscribe,
)

DAY = timedelta(days=1)


def silent(shop, **options):
    """A daily subscription with a first copy that waits for the gateway, which does not answer."""
    order = make_payable_order(shop, "tok_timeout_before")
    key = subscribe(shop, order, frequency="daily", **options)
    run_due(START + DAY)
    return key


def find_overtaken_batches():
    with reading() as db:
        return db.execute(select(OvertakenBatch)).all()


def answer_from_now_on(shop):
    for card in shop.rows(PaymentSource):
        change(PaymentSource, card.id, payment_source_token="tok_approve")


@pytest.mark.parametrize("catch_up", ["one", "all", "none"])
def test_no_period_is_lost_while_a_copy_waits_for_its_gateway(shop, ledger, catch_up):
    key = silent(shop, catch_up=catch_up)
    for day in range(2, 5):
        run_due(START + day * DAY)
    waiting = read_subscription(shop, key)
    answer_from_now_on(shop)

    run_due(START + 5 * DAY)

    after = read_subscription(shop, key)
    assert (waiting.status, waiting.occurrencies) == ("running", 0)
    assert waiting.next_run_at == START + 5 * DAY
    assert list_periods(shop, key) == [START + day * DAY for day in range(1, 6)]
    assert (after.status, after.occurrencies, after.errors_count) == ("active", 5, 0)
    assert (after.running_batch_id, after.succeeded_on_last_run) == (None, True)
    assert find_overtaken_batches() == []
    assert [row.status for row in shop.rows(Order) if row.order_factory_id] == ["placed"] * 5
    assert len(ledger.charges()) == 5


def test_the_next_period_waits_for_an_open_copy_on_request(shop, ledger):
    key = silent(shop, while_open="wait", catch_up="all")
    for day in range(2, 5):
        run_due(START + day * DAY)
    waiting = read_subscription(shop, key)
    answer_from_now_on(shop)

    run_due(START + 5 * DAY)

    assert (waiting.status, waiting.next_run_at) == ("running", START + 2 * DAY)
    assert list_periods(shop, key) == [START + day * DAY for day in range(1, 6)]
    assert read_subscription(shop, key).occurrencies == 5
    assert len(ledger.charges()) == 5


def test_batches_are_counted_in_any_order(shop, ledger):
    key = silent(shop)
    run_due(START + 2 * DAY)
    first, second = shop.rows(OrderFactory)
    change_card(shop, second)
    run_due(START + 2 * DAY)
    between = read_subscription(shop, key)
    change_card(shop, first)

    run_due(START + 2 * DAY)

    after = read_subscription(shop, key)
    assert (between.status, between.occurrencies) == ("running", 1)
    assert between.running_batch_id == first.batch_id
    assert (after.status, after.occurrencies, after.running_batch_id) == ("active", 2, None)
    assert find_overtaken_batches() == []


def change_card(shop, factory):
    target = shop.row(Order, id=factory.target_order_id)
    change(PaymentSource, target.payment_source_id, payment_source_token="tok_approve")


def test_a_run_counts_copies_with_an_older_open_copy(shop):
    silent(shop)
    subscribe(shop, frequency="daily", starts_at=START + 2 * DAY)

    with begin() as db:
        batch = record_due_periods(db, Mode.LIVE, START + 2 * DAY, LATE_AFTER)

    assert batch is not None
    assert batch.overlapping == 1
