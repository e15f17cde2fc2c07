"""What a batch finished when."""

import pytest

from order_factory.models.database.engine import reading
from order_factory.tasks.reports.throughput import read_throughput
from tests.support.report_batches import Batch, at


@pytest.fixture(autouse=True)
def _few_buckets(monkeypatch):
    monkeypatch.setattr("order_factory.tasks.reports.throughput.MOST_BUCKETS", 5)


def throughput_of(batch):
    with reading() as db:
        return read_throughput(db, batch.id)


def figures(throughput):
    """Per stretch: when it began, and (seconds, orders) of its buckets."""
    return [
        (stretch[0].began_at, [(round(b.seconds, 6), round(b.orders, 6)) for b in stretch])
        for stretch in throughput.stretches
    ]


def test_the_orders_of_a_transaction_are_spread_over_its_time(shop):
    batch = Batch(shop)
    for _ in range(3):
        batch.copied(0, 6)
    batch.failed("SKU MUG: 5 wanted, 3 in stock", began=0, ended=6)
    batch.copied(6, 8)
    batch.pending()
    Batch(shop, "another", prefix="X").copied(0, 100)

    throughput = throughput_of(batch)

    # Four orders in six seconds, then one in two.
    assert figures(throughput) == [(at(0), [(2, 1.333333)] * 3 + [(2, 1)])]
    assert [round(b.per_second, 6) for b in throughput.stretches[0]] == [0.666667] * 3 + [0.5]
    assert (throughput.orders, throughput.seconds, throughput.pauses) == (5, 8, [])


def test_transactions_at_the_same_time_add_up(shop):
    batch = Batch(shop)
    batch.copied(0, 4)
    batch.copied(2, 4)

    assert figures(throughput_of(batch)) == [(at(0), [(1, 0.25), (1, 0.25), (1, 0.75), (1, 0.75)])]


def test_between_two_runs_the_batch_was_not_at_work(shop):
    batch = Batch(shop)
    batch.copied(0, 3)
    batch.copied(36_000, 36_003)

    throughput = throughput_of(batch)

    assert figures(throughput) == [
        (at(0), [(2, 0.666667), (1, 0.333333)]),
        (at(36_000), [(2, 0.666667), (1, 0.333333)]),
    ]
    assert throughput.pauses == [(at(3), at(36_000))]
    assert (throughput.orders, throughput.seconds) == (2, 6)


@pytest.mark.parametrize(
    ("ended", "began", "stretches"),
    [
        (10, 14, 1),  # four seconds are no pause
        (10, 16, 2),
        (200, 208, 1),  # nor is what is short beside the whole
        (100, 110, 1),
        (100, 111, 2),
    ],
)
def test_what_a_pause_is(shop, ended, began, stretches):
    batch = Batch(shop)
    batch.copied(0, ended)
    batch.copied(began, began + ended)

    assert len(throughput_of(batch).stretches) == stretches


def test_a_transaction_that_outlasts_the_next_bridges_the_gap(shop):
    batch = Batch(shop)
    batch.copied(0, 100)
    batch.copied(1, 2)
    batch.copied(90, 100)

    assert [len(stretch) for stretch in throughput_of(batch).stretches] == [4]


def test_a_copy_that_took_no_time_counts(shop):
    batch = Batch(shop)
    batch.copied(0, 0)

    throughput = throughput_of(batch)

    assert throughput.orders == 1
    assert throughput.seconds == pytest.approx(0.001, abs=1e-5)


def test_nothing_is_finished_yet(shop):
    batch = Batch(shop)
    batch.pending()

    assert throughput_of(batch).stretches == []
