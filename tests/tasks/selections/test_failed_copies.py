"""Trying the failed copies of an earlier batch again."""

from typing import Any

import pandas as pd
import pytest

from order_factory.models.errors import BatchNotFound, InvalidRequest, SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.tables import Event, Order, OrderFactory, OrderFactoryBatch
from order_factory.models.values.copy_options import OPTIONS
from tests.support.at_once import run_together
from tests.support.copying import change, copy_batch, find_or_record

ROWS: list[dict[str, Any]] = [
    {"source_order": "valid"},
    {
        "source_order": "gone",
        "reference": "one",
        "metadata": {"gift": True},
        "reuse_wallet": False,
        "ignore_invalid_coupon": True,
        "stock": "ignore",
    },
    {"source_order": "unpayable", "place_target_order": True},
    {"source_order": "gone", "reference": "two", "reference_origin": "web"},
]


@pytest.fixture
def night(shop):
    """The batch `night`, done: one copied, two failed, one copied and not placed; its key."""
    shop.order(number="valid")
    shop.order(number="gone", catalogued=False, lines=[("GONE", 1, 5_00)])
    shop.order(number="unpayable")
    batch_id = find_or_record("night", CopyOptions(), orders=pd.DataFrame(ROWS))
    copy_batch(batch_id)
    return batch_id


def factories(shop, batch_id):
    return shop.rows(OrderFactory, batch_id=batch_id)


def test_a_failed_copy_is_requested_again_with_the_same_options(shop, night):
    batch_id = find_or_record("again", CopyOptions(), failed_of="night")

    batch = shop.row(OrderFactoryBatch, id=batch_id)
    failed = [row for row in factories(shop, night) if row.target_order_id is None]
    retries = factories(shop, batch_id)
    carried = ("mode", "type", "source_order_id", "reference", "reference_origin", "metadata")
    assert [row.status for row in factories(shop, night)] == [
        "completed",
        "failed",
        "failed",
        "failed",
    ]
    assert [row.retry_of_id for row in retries] == [row.id for row in failed]
    for name in (*carried, *OPTIONS):
        assert [getattr(row, name) for row in retries] == [getattr(row, name) for row in failed]
    assert {row.status for row in retries} == {"pending"}
    assert (batch.orders_count, batch.mode) == (2, "live")
    assert batch.selection == (
        "2 failed copies of batch 'night'; 1 left out, copied but not placed: place it instead"
    )
    created = shop.rows(Event, name="order_factories.create")
    assert [row.order_factory_id for row in created[-2:]] == [row.id for row in retries]


def test_a_retry_copies_the_order_after_the_cause_is_fixed(shop, night):
    shop.sku("GONE")
    batch_id = find_or_record("again", CopyOptions(), failed_of="night")

    copy_batch(batch_id)

    assert [row.status for row in factories(shop, batch_id)] == ["completed", "completed"]
    assert len(shop.rows(Order)) == 3 + 4


def test_given_options_apply_to_every_retry(shop, night):
    options = CopyOptions(skip_errors=True)

    batch_id = find_or_record("again", options, failed_of="night")

    retries = factories(shop, batch_id)
    assert [row.skip_errors for row in retries] == [True, True]
    assert [row.reuse_wallet for row in retries] == [False, True]


def test_each_failed_copy_is_retried_once(shop, night):
    first = find_or_record("again", CopyOptions(), failed_of="night")
    same_batch = find_or_record("again", CopyOptions(), failed_of="night")

    with pytest.raises(SelectionInvalid) as raised:
        find_or_record("once more", CopyOptions(), failed_of="night")

    assert same_batch == first
    assert raised.value.args[1][0].split("; ") == [
        "batch 'night' has no failed copy to try again",
        "1 left out, copied but not placed: place it instead",
        "2 left out, tried again already",
    ]
    assert len(shop.rows(OrderFactory)) == 6
    assert len(shop.rows(OrderFactoryBatch)) == 2


def test_a_retry_that_failed_is_tried_again_by_its_own_batch(shop, night):
    first = find_or_record("again", CopyOptions(), failed_of="night")
    copy_batch(first)

    second = find_or_record("once more", CopyOptions(), failed_of="again")

    assert [row.retry_of_id for row in factories(shop, second)] == [
        row.id for row in factories(shop, first)
    ]


def test_two_concurrent_retries_copy_each_order_once(shop, night):
    refused = []

    def retry(reference):
        try:
            find_or_record(reference, CopyOptions(), failed_of="night")
        except SelectionInvalid:
            refused.append(reference)

    run_together(lambda: retry("left"), lambda: retry("right"))

    assert len(refused) == 1
    assert len(shop.rows(OrderFactory)) == 6


def test_later_failures_are_left_to_a_later_retry(shop, night):
    find_or_record("again", CopyOptions(), failed_of="night")
    done, *_ = factories(shop, night)
    change(OrderFactory, done.id, status="failed", target_order_id=None)

    batch_id = find_or_record("once more", CopyOptions(), failed_of="night")

    assert [row.retry_of_id for row in factories(shop, batch_id)] == [done.id]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"failed_of": "never"}, BatchNotFound, "No batch has the reference 'never'"),
        (
            {"failed_of": "night", "orders_where": OrderFilter()},
            InvalidRequest,
            "Give only one of orders, orders_where, failed_of; not orders_where and failed_of.",
        ),
    ],
)
def test_wrong_calls_are_refused(shop, night, given, error, message):
    with pytest.raises(error, match=message):
        find_or_record("again", CopyOptions(), **given)

    assert len(shop.rows(OrderFactoryBatch)) == 1
