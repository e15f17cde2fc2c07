"""Workers that are killed while a retry places the order of a failed renewal again."""

import random
import time
from datetime import UTC, datetime, timedelta

import pytest

from order_factory.models.database.engine import begin
from order_factory.models.tables import (
    Coupon,
    Order,
    OrderFactory,
    PaymentSource,
    StockItem,
    Transaction,
)
from order_factory.models.values.statuses import Mode
from order_factory.tasks.subscriptions.outcomes import record_outcomes
from order_factory.tasks.subscriptions.recording import record_due_periods
from tests.support.copying import change
from tests.support.crashes.nights import make_job, read_statuses
from tests.support.crashes.processes import Worker, drain_to_end, kill_at_stop, start_workers
from tests.support.crashes.stages import BEFORE_COMMIT_OF_RETRY
from tests.support.paying import make_payable_order
from tests.support.subscriptions import LATE_AFTER, run_due, subscribe
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow

FEBRUARY = datetime(2026, 2, 28, 9, tzinfo=UTC)
LATER = FEBRUARY + timedelta(days=1)


@pytest.fixture
def retries(shop, ledger):
    """Make this number of declined renewals, and the batch that retries them."""
    shop.coupon("SPRING", usage_limit=100)

    def record(count, token="tok_approve"):
        cards = []
        for _ in range(count):
            order = make_payable_order(shop, "tok_decline", coupon_code="SPRING")
            subscribe(shop, order, retry_after="1d")
            cards.append(shop.row(Order, id=order).payment_source_id)
        run_due(FEBRUARY)
        assert {row.status for row in shop.rows(OrderFactory)} == {"failed"}
        change(PaymentSource, cards, payment_source_token=token)
        with begin() as db:
            batch = record_due_periods(db, Mode.LIVE, LATER, LATE_AFTER)
        assert batch is not None
        return batch

    return record


def assert_all_paid_once(shop, ledger, batch, count):
    with begin() as db:
        record_outcomes(db, batch.id, LATER)
    assert read_statuses(batch.reference) == ["completed"] * count
    assert ledger.charges() == [("authorize", 12_50)] * count
    assert ledger.repeats() == 0
    copies = [row for row in shop.rows(Order) if row.order_factory_id]
    assert [row.status for row in copies] == ["placed"] * count
    attempts = [(row.order_id, row.status) for row in shop.rows(Transaction)]
    assert sorted(attempts) == sorted(
        (row.id, status) for row in copies for status in ("failed", "succeeded")
    )
    assert (shop.row(StockItem).quantity, shop.row(StockItem).reserved) == (1000 - count, 0)
    assert shop.row(Coupon).usage_count == count
    assert find_violations() == []


def test_a_retry_killed_at_any_stage_pays_once(shop, ledger, retries):
    batch = retries(2)

    for stage in BEFORE_COMMIT_OF_RETRY:
        kill_at_stop(make_job(batch.reference, None, size=10, stop_at=stage))
        assert read_statuses(batch.reference) == ["pending"] * 2, stage
        assert find_violations() == [], stage
    assert ledger.charges() == []
    drain_to_end(make_job(batch.reference, None, size=10))

    assert_all_paid_once(shop, ledger, batch, 2)


@pytest.mark.parametrize("token", ["tok_approve", "tok_timeout_after"])
def test_a_retry_killed_after_the_gateway_call_pays_once(shop, ledger, retries, token):
    batch = retries(1, token)

    with Worker(make_job(batch.reference, None, size=10, stop_at="called")) as worker:
        assert worker.go().wait_for_stop() == "called"
        assert read_statuses(batch.reference) == ["in_progress"]
    assert find_violations() == []
    drain_to_end(make_job(batch.reference, None, size=10))

    assert_all_paid_once(shop, ledger, batch, 1)


def test_three_workers_killed_at_random_times_place_each_order_once(shop, ledger, retries):
    chance = random.Random(20_260_228)
    batch = retries(20)

    for _ in range(4):
        with start_workers(*[make_job(batch.reference, None, size=5)] * 3) as three:
            for worker in three:
                worker.go()
            for worker in three:
                time.sleep(chance.uniform(0, 0.2))
                worker.kill()
        assert find_violations() == []
    drain_to_end(make_job(batch.reference, None, size=5))

    assert_all_paid_once(shop, ledger, batch, 20)
