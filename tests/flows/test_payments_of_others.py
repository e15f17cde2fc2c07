"""Payments of other runs: waited for, taken over after a death, reported after too long."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.runners import copy_recorded
from order_factory.gateways.registry import forget_gateways
from order_factory.models.database.engine import begin
from order_factory.models.database.process_locks import hold_process_lock
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.results.copies import BatchUnfinished
from order_factory.models.results.progress import show_progress_with
from order_factory.tasks.payments.claiming import Scope, claim_due
from tests.support.copying import copy_batch, find_or_record
from tests.support.paying import TestLedger, make_payable_order
from tests.support.verifying import find_violations

pytestmark = pytest.mark.usefixtures("prefect")
ORDERS = 4


@pytest.fixture(autouse=True)
def ledger(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("ORDER_FACTORY_TEST_GATEWAY_LATENCY_MS", "50")
    forget_gateways()
    yield TestLedger(tmp_path / "ledger.db")
    forget_gateways()


@pytest.fixture
def night(shop):
    """A batch with copied orders that are not paid yet."""
    numbers = [shop.number_of(make_payable_order(shop)) for _ in range(ORDERS)]
    batch = find_or_record("night", CopyOptions(place_target_order=True), numbers)
    copy_batch(batch)
    return batch


def resume(waits=None):
    def listen(step, _done, _total):
        if waits is not None and step == "wait for the payments of other runs":
            waits.set()

    with show_progress_with(listen):
        return bulk_order_factory(reference="night")


def take_one(batch, lock):
    with begin() as db:
        assert len(claim_due(db, Scope(batch), 1, lock.number(), [])) == 1


def test_a_waiting_run_claims_the_payment_of_a_run_that_died(night, ledger):
    waits = Event()
    with ThreadPoolExecutor(1) as pool:
        with hold_process_lock() as lock:
            take_one(night, lock)
            result = pool.submit(resume, waits)
            assert waits.wait(60)

        assert result.result(60).completed == ORDERS

    assert ledger.charges() == [("authorize", 12_50)] * ORDERS
    assert find_violations() == []


def test_two_concurrent_resumes_of_a_batch_both_succeed(night, ledger):
    with ThreadPoolExecutor(2) as pool:
        results = [ended.result(120) for ended in [pool.submit(resume) for _ in range(2)]]

    assert [result.completed for result in results] == [ORDERS, ORDERS]
    assert sum(result.copied_in_this_run for result in results) == ORDERS
    assert ledger.charges() == [("authorize", 12_50)] * ORDERS
    assert ledger.repeats() == 0
    assert find_violations() == []


def test_a_payment_claimed_for_too_long_is_reported(night, monkeypatch):
    monkeypatch.setattr(copy_recorded, "LOCK_SECONDS", 1.0)

    with hold_process_lock() as lock:
        take_one(night, lock)
        with pytest.raises(BatchUnfinished, match="1 of 4 copies are not finished") as unfinished:
            resume()

    result = unfinished.value.result
    assert (result.completed, result.in_progress) == (ORDERS - 1, 1)
