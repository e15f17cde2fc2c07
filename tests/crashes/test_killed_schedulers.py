"""Schedulers that are killed while they run subscriptions: no period is lost or copied twice."""

import random
import signal
import time
from datetime import timedelta
from functools import partial

import pytest

from order_factory.models.tables import Order, OrderFactory, OrderSubscription
from tests.support.crashes.forked import ForkedProcess
from tests.support.subscriptions import START, make_placeable_order, run_due, subscribe
from tests.support.verifying import find_violations

pytestmark = pytest.mark.slow

SUBSCRIPTIONS, DAYS = 40, 5


def test_killed_schedulers_lose_no_period_and_copy_none_twice(shop):
    order = make_placeable_order(shop)
    for _ in range(SUBSCRIPTIONS):
        subscribe(shop, order, frequency="daily", catch_up="all")
    chance = random.Random(7)
    wrong, ended = [], []

    for day in range(1, DAYS + 1):
        now = START + timedelta(days=day)
        for _ in range(2):
            two = [ForkedProcess(partial(run_due, now, limit=7)) for _ in range(2)]
            time.sleep(chance.uniform(0.05, 0.6))
            for process in two:
                process.kill()
                process.join()
                ended.append(process.exitcode)
            wrong += find_violations()
    run_due(START + timedelta(days=DAYS))

    assert -signal.SIGKILL in ended
    assert wrong == []
    assert find_violations() == []
    assert len(shop.rows(OrderFactory)) == SUBSCRIPTIONS * DAYS
    assert len(shop.rows(Order)) == 1 + SUBSCRIPTIONS * DAYS
    rows = shop.rows(OrderSubscription)
    assert {(row.status, row.occurrencies, row.errors_count) for row in rows} == {
        ("active", DAYS, 0)
    }
