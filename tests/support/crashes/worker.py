"""The work of a worker process: it drains a batch as the bulk flow does, without Prefect."""

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from order_factory.models.database.engine import begin, reading
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.batches.records import (
    count_unfinished,
    finish_batch,
    require_batch,
    start_batch,
)
from order_factory.tasks.copy_orders import BatchReport, copy_batch, place_orders_again
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.selections.checking import Selection
from order_factory.tasks.selections.recording import record_rows
from tests.support.crashes.stages import ReportStage, report_stages

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Job:
    """A batch to drain, with the size of a transaction, and the stage at which to stop.

    The worker stops when it reaches the stage for the `nth` time. Without a `selection`, the batch
    is recorded already, and may have orders to place again.
    """

    reference: str
    selection: Selection | None
    size: int
    stop_at: str = "never"
    nth: int = 1


def work(jobs: tuple[Job, ...], parent: Connection) -> None:
    """Wait for the parent, then drain the batches. Send it the number of closed factories of each.

    At the stop of a job, the worker sends the stage. Then it waits for the parent's next message.
    """
    reached: list[str] = []

    def report_stage(stage: str) -> None:
        reached.append(stage)
        if stage == stop_at and reached.count(stage) == nth:
            parent.send(stage)
            parent.recv()

    stop_at, nth = "", 0
    report_stages(report_stage)
    parent.recv()
    for job in jobs:
        stop_at, nth = job.stop_at, job.nth
        reached.clear()
        parent.send(drain(job, report_stage))


def drain(job: Job, report_stage: ReportStage) -> int:
    """Record the batch if it is new, and copy it to its end; returns the closed factories."""
    with begin() as db:
        if job.selection is None:
            batch_id = require_batch(db, job.reference)
        else:
            batch_id = record_rows(db, job.reference, job.selection)
        report_stage("recording")
    report_stage("recorded")
    with begin() as db:
        left = start_batch(db, batch_id, None)
    report_stage("started")
    closed = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left:
        assert time.monotonic() < deadline, f"{left} factories stay locked"
        report = _copy_part(batch_id, job.size, again=job.selection is None)
        paid = authorize_payments.fn(Scope(batch_id))
        if report.closed:
            report_stage("committed")
        elif not report.awaiting and not paid.closed:
            time.sleep(0.02)  # other workers or the connection of a dead one lock the others
        closed += report.closed + paid.closed
        with reading() as db:
            left = count_unfinished(db, batch_id)
    with begin() as db:
        finish_batch(db, batch_id)
        report_stage("finishing")
    report_stage("finished")
    return closed


def _copy_part(batch_id: int, size: int, *, again: bool) -> BatchReport:
    """Copy in one transaction: first the orders to place again, then the others."""
    if again and (placed := place_orders_again.fn(batch_id, size)).copied:
        return placed
    return copy_batch.fn(batch_id, 1, size)
