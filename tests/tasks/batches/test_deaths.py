"""An order that ends its process each time is given up, with the reason."""

import os

import pytest

from order_factory.models.tables import Order, OrderFactory
from order_factory.tasks.batches.deaths import DEATHS_ALLOWED, count_deaths, reduce_size
from order_factory.tasks.copy_orders import GIVING_UP, copy_order
from tests.support.copying import change, make_batch, request_copy
from tests.support.crashes.forked import ForkedProcess
from tests.support.verifying import find_violations

MESSAGE = (
    "could not be copied: the process that copied it died 3 times; "
    "see the logs of the worker or the service"
)


def die_while_copying(batch):
    with count_deaths(OrderFactory.batch_id == batch):
        os._exit(9)


def deaths(shop):
    return [row.deaths for row in shop.rows(OrderFactory)]


@pytest.mark.slow
def test_only_a_dead_process_leaves_a_mark_on_the_first_order(shop):
    batch = make_batch([request_copy(shop.order()), request_copy(shop.order())])

    def fail():
        with count_deaths(OrderFactory.batch_id == batch) as first:
            assert first == (shop.rows(OrderFactory)[0].id, 0)
            assert deaths(shop) == [1, 0]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert deaths(shop) == [0, 0]

    dying = ForkedProcess(die_while_copying, batch)
    dying.join()

    assert dying.exitcode == 9
    assert deaths(shop) == [1, 0]
    with count_deaths(OrderFactory.batch_id == batch) as first:
        assert first is not None
        assert first[1] == 1
    assert deaths(shop) == [1, 0]


def test_no_order_is_marked_if_none_is_left(shop):
    with count_deaths(OrderFactory.id == 1) as first:
        assert first is None


def test_the_suspect_orders_are_halved_after_each_death():
    assert [reduce_size(times, 10_000) for times in range(4)] == [10_000, 50, 1, 1]
    assert reduce_size(1, 20) == 20


def test_an_abandoned_order_shows_the_reason(shop):
    key = request_copy(shop.order())
    change(OrderFactory, key, deaths=DEATHS_ALLOWED)

    report = copy_order.fn(key, GIVING_UP, follow=False)

    row = shop.row(OrderFactory)
    assert report.closed == 1
    assert (row.status, row.errors_log) == ("failed", {"source_order": [MESSAGE]})
    assert len(shop.rows(Order)) == 1
    assert find_violations() == []
