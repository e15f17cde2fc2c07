"""Copies that other runs hold, which only PostgreSQL lets happen: waited for, and taken if let go."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.flows.runners import copy_recorded
from order_factory.models.database.engine import begin
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.results.copies import BatchUnfinished
from order_factory.models.results.progress import show_progress_with
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.working_set.claims import claim_pending
from tests.support.copying import find_or_record

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect"),
    pytest.mark.parametrize("shop", ["postgres"], indirect=True),
]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def night(shop):
    numbers = [shop.number_of(shop.order()) for _ in range(3)]
    return find_or_record("night", CopyOptions(), numbers)


@pytest.fixture
def copying_thread():
    """The flow in a thread of its own: its result to come, and an event for when it waits."""
    waits = Event()

    def listen(step, _done, _total):
        if step == "wait for other runs":
            waits.set()

    def copy():
        with show_progress_with(listen):
            return bulk_order_factory(reference="night")

    with ThreadPoolExecutor(1) as pool:
        yield lambda: pool.submit(copy), waits


def test_orders_that_another_run_releases_are_copied(night, copying_thread):
    start, waits = copying_thread
    with begin() as db:
        claim_pending(db, night, 1)
        result = start()
        assert waits.wait(60)

    assert (result.result(60).completed, result.result().copied_in_this_run) == (3, 3)


def test_orders_that_another_run_is_copying_are_waited_for(night, copying_thread):
    start, waits = copying_thread
    with begin() as db:
        size = claim_pending(db, night, 1)
        result = start()
        assert waits.wait(60)
        copy_claimed(db, size, None)

    assert (result.result(60).completed, result.result().copied_in_this_run) == (3, 2)


def test_copies_that_another_run_holds_for_too_long_are_reported(night, monkeypatch):
    monkeypatch.setattr(copy_recorded, "LOCK_SECONDS", 1.0)

    with begin() as db:
        claim_pending(db, night, 1)
        with pytest.raises(BatchUnfinished, match="other runs hold them") as unfinished:
            bulk_order_factory(reference="night")

    assert (unfinished.value.result.completed, unfinished.value.result.pending) == (2, 1)
