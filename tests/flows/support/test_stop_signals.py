"""Stopping a batch on request: after the current transaction, and to be finished later."""

import os
import signal
import time
from pathlib import Path

import pytest
from prefect import get_client
from prefect.states import Cancelling

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.support import stop_signals
from order_factory.models.results.copies import BatchAborted, BatchInterrupted
from order_factory.models.tables import OrderFactory, OrderFactoryBatch
from order_factory.tasks.copying.recipe import STEPS
from tests.support.verifying import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def numbers(shop):
    return [shop.number_of(shop.order()) for _ in range(6)]


@pytest.fixture
def during_second_batch(monkeypatch):
    """Returns a function that sets what happens while the second batch is copied."""

    def put(happens):
        batches = []

        def step(_db, _batch):
            batches.append(1)
            if len(batches) == 2:
                happens()
            return 0

        STEPS.insert(4, step)

    return put


def _state_of_run(shop):
    with get_client(sync_client=True) as client:
        return client.read_flow_run(shop.row(OrderFactoryBatch).flow_run_id).state


def _assert_stopped_after_two_batches(shop):
    statuses = [row.status for row in shop.rows(OrderFactory)]
    assert statuses == ["completed"] * 4 + ["pending"] * 2
    assert shop.row(OrderFactoryBatch).status == "aborted"
    assert find_violations() == []


def _assert_resumed(shop):
    result = bulk_order_factory(reference="night")
    assert (result.status, result.completed, result.copied_in_this_run) == ("completed", 6, 2)
    assert find_violations() == []


def test_a_run_cancelled_in_prefect_can_be_resumed(shop, numbers, monkeypatch, during_second_batch):
    def cancel():
        with get_client(sync_client=True) as client:
            run = shop.row(OrderFactoryBatch).flow_run_id
            client.set_flow_run_state(run, Cancelling())
        time.sleep(2)  # until the run has looked

    monkeypatch.setattr(stop_signals, "POLL_SECONDS", 0.1)
    during_second_batch(cancel)

    with pytest.raises(BatchAborted) as aborted:
        bulk_order_factory(numbers, reference="night", batch_size=2)

    assert str(aborted.value) == (
        "2 of 6 copies are not finished (it was cancelled in Prefect); start the batch 'night' "
        "again to finish them"
    )
    assert _state_of_run(shop).name == "Cancelled"
    assert Path("var/reports/night.csv").read_text().count("pending") == 2
    _assert_stopped_after_two_batches(shop)
    _assert_resumed(shop)


def test_ctrl_c_can_be_followed_by_a_resume(shop, numbers, during_second_batch):
    before = signal.getsignal(signal.SIGINT)
    during_second_batch(lambda: os.kill(os.getpid(), signal.SIGINT))

    with pytest.raises(BatchInterrupted, match="it was stopped with Ctrl-C"):
        bulk_order_factory(numbers, reference="night", batch_size=2)

    assert signal.getsignal(signal.SIGINT) is before
    assert _state_of_run(shop).name == "Cancelled"
    _assert_stopped_after_two_batches(shop)
    _assert_resumed(shop)


def test_ctrl_c_in_the_last_batch_leaves_nothing_to_resume(shop, numbers, during_second_batch):
    during_second_batch(lambda: os.kill(os.getpid(), signal.SIGINT))

    result = bulk_order_factory(numbers, reference="night", batch_size=3)

    assert (result.status, result.completed) == ("completed", 6)


def test_a_second_ctrl_c_does_not_wait_for_the_report(shop, numbers, during_second_batch):
    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    during_second_batch(twice)

    with pytest.raises(KeyboardInterrupt):
        bulk_order_factory(numbers, reference="night", batch_size=2)

    assert not Path("var/reports/night.csv").exists()
    assert _state_of_run(shop).name == "Crashed"
    _assert_stopped_after_two_batches(shop)
    _assert_resumed(shop)
