"""What a batch finished when."""

import pytest

from order_factory.models.database.engine import reading
from order_factory.tasks.reports.throughput import read_throughput
from tests.support.report_batches import Batch, time_at


@pytest.fixture(autouse=True)
def _few_commits(monkeypatch):
    monkeypatch.setattr("order_factory.tasks.reports.throughput.MOST_COMMITS", 4)


def throughput_of(batch):
    with reading() as db:
        return read_throughput(db, batch.id)


def figures(throughput):
    """(when, how many transactions, how many orders) of each commit."""
    return [(each.committed_at, each.transactions, each.orders) for each in throughput.commits]


def test_each_transaction_is_shown_at_the_time_of_its_commit(shop):
    batch = Batch(shop)
    for _ in range(3):
        batch.add_copy(0, 6)
    batch.add_failed("SKU MUG: 5 wanted, 3 in stock", began=0, ended=6)
    batch.add_copy(6, 8)
    batch.add_pending()
    Batch(shop, "another", prefix="X").add_copy(0, 100)

    throughput = throughput_of(batch)

    assert figures(throughput) == [(time_at(6), 1, 4), (time_at(8), 1, 1)]
    assert (throughput.orders, throughput.transactions) == (5, 2)
    assert (throughput.seconds, throughput.pauses, throughput.slice_seconds) == (8, [], None)


def test_many_transactions_are_counted_by_slices_of_time(shop):
    batch = Batch(shop)
    for ended in (1, 2, 3, 7, 8, 12):
        batch.add_copy(0, ended)
    batch.add_copy(7, 8)

    throughput = throughput_of(batch)

    # Three slices of four seconds.
    assert throughput.slice_seconds == 4
    assert figures(throughput) == [(time_at(3), 3, 3), (time_at(8), 2, 3), (time_at(12), 1, 1)]


def test_the_time_between_two_runs_is_a_pause(shop):
    batch = Batch(shop)
    batch.add_copy(0, 3)
    batch.add_copy(36_000, 36_003)

    throughput = throughput_of(batch)

    assert [(each.began_at, each.ended_at) for each in throughput.stretches] == [
        (time_at(0), time_at(3)),
        (time_at(36_000), time_at(36_003)),
    ]
    assert throughput.pauses == [(time_at(3), time_at(36_000))]
    assert (throughput.orders, throughput.seconds) == (2, 6)


def test_no_order_is_lost_on_the_way_into_the_slices(shop, monkeypatch):
    batch = Batch(shop)
    ends = [0, 0.001, 0.4, 0.4, 1, 7.25, 90, 90.1, 1_000.3, 1_000.303]
    for ended in ends:
        batch.add_copy(ended * 0.9, ended)

    for most in range(1, 12):
        monkeypatch.setattr("order_factory.tasks.reports.throughput.MOST_COMMITS", most)
        throughput = throughput_of(batch)
        assert (throughput.orders, throughput.transactions) == (len(ends), len({*ends})), most


@pytest.mark.parametrize(
    ("ended", "began", "stretches"),
    [
        (10, 14, 1),  # four seconds are no pause
        (10, 16, 2),
        (200, 208, 1),  # nor is a pause that is short compared with the whole run
        (100, 110, 1),
        (100, 111, 2),
    ],
)
def test_a_pause_has_a_minimum_length_and_share(shop, ended, began, stretches):
    batch = Batch(shop)
    batch.add_copy(0, ended)
    batch.add_copy(began, began + ended)

    assert len(throughput_of(batch).stretches) == stretches


def test_a_long_transaction_counts_as_work_between_two_others(shop):
    batch = Batch(shop)
    batch.add_copy(0, 100)
    batch.add_copy(1, 2)
    batch.add_copy(90, 100)

    assert len(throughput_of(batch).stretches) == 1


def test_a_copy_without_a_duration_is_counted(shop):
    batch = Batch(shop)
    batch.add_copy(0, 0)

    throughput = throughput_of(batch)

    assert throughput.orders == 1
    assert throughput.seconds == pytest.approx(0.001, abs=1e-5)


def test_a_batch_without_finished_orders_has_no_throughput(shop):
    batch = Batch(shop)
    batch.add_pending()

    assert (throughput_of(batch).stretches, throughput_of(batch).commits) == ([], [])
