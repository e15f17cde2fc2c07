"""Processes that run `bulk_order_factory` and are ended by a signal before its end."""

import signal
import time
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from order_factory.flows.bulk_order_factory import bulk_order_factory
from order_factory.models.database.engine import begin
from order_factory.models.tables import OrderFactoryBatch
from tests.support.crashes.forked import ForkedProcess
from tests.support.crashes.nights import (
    make_expected_outcome,
    make_frame,
    make_selection,
    make_sources_of_all_kinds,
    read_outcome,
    read_statuses,
)
from tests.support.verifying import find_violations

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect")]

TIMES = 20


def test_a_flow_that_a_signal_ended_continues_under_its_reference(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    selection = make_selection(make_sources_of_all_kinds(shop), times=TIMES)
    make_frame(selection).to_json("night.jsonl", orient="records", lines=True)

    with flow_process("night.jsonl") as killed:
        at_kill = send_in_the_middle(killed, signal.SIGKILL)
    after_kill, wrong = left(), find_violations()
    with flow_process(None) as terminated:
        at_term = send_in_the_middle(terminated, signal.SIGTERM)
    after_term, wrong = left(), wrong + find_violations()
    told_after_term = shop.row(OrderFactoryBatch).status
    result = bulk_order_factory(reference="night")

    assert (killed.exitcode, after_kill) == (-signal.SIGKILL, at_kill)
    assert (terminated.exitcode, told_after_term) == (-signal.SIGTERM, "aborted")
    assert after_term in (at_term, at_term - 2), "it ends after the current transaction"
    assert wrong == []
    assert result.copied_in_this_run == after_term
    assert read_outcome("night") == make_expected_outcome(TIMES)


def test_a_killed_indivisible_batch_has_copied_nothing(shop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    valid = [{**row, "cancel_source_order": False} for row in make_sources_of_all_kinds(shop)[3:]]
    make_frame(make_selection(valid, times=4 * TIMES)).to_json(
        "night.jsonl", orient="records", lines=True
    )

    with flow_process("night.jsonl", error_policy="reject_everything") as killed:
        wait_until(killed, lambda: "in_progress" in [row.status for row in batches(shop)])
        time.sleep(0.3)
        killed.send_signal(signal.SIGKILL)
    after_kill, wrong = left(), find_violations()
    result = bulk_order_factory(reference="night")

    assert (killed.exitcode, after_kill, wrong) == (-signal.SIGKILL, 4 * TIMES, [])
    assert (result.completed, result.copied_in_this_run) == (4 * TIMES, 4 * TIMES)
    assert find_violations() == []


def batches(shop):
    return shop.rows(OrderFactoryBatch)


def wait_until(process, condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert not process.has_ended(), "it ended by itself"
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.01)


def copy(orders, options):
    bulk_order_factory(orders, reference="night", batch_size=2, **options)


@contextmanager
def flow_process(orders, **options):
    """A process that runs the flow. It ends with the block."""
    process = ForkedProcess(copy, orders, options)
    try:
        yield process
        process.join(60)
    finally:
        process.kill()
        process.join()


def send_in_the_middle(process, number):
    """Send the signal when the process has copied orders, and is blocked by a lock.

    Returns how many factories are unfinished at that moment.
    """
    before = left()
    wait_until(process, lambda: 0 < left() < (before or 4 * TIMES))
    with begin() as db:
        if db.dialect.name == "postgresql":
            db.execute(text("LOCK TABLE order_factories IN EXCLUSIVE MODE"))
        unfinished = left()
        process.send_signal(number)
        time.sleep(0.2)
    assert unfinished > 2, "it was sent too late"
    return unfinished


def left():
    """How many factories of the batch are unfinished."""
    return sum(status in ("pending", "in_progress") for status in read_statuses("night"))
