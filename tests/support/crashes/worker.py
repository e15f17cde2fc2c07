"""What a worker process does: it drains a batch as the bulk flow does, without Prefect's server."""

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
from tests.support.crashes.stages import Reached, tell_stages

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Job:
    """A batch to drain, so many orders a transaction, and where to stop: the nth time there.

    Without a `selection` the batch is recorded already, and may have orders to place again.
    """

    reference: str
    selection: Selection | None
    size: int
    stop_at: str = "never"
    nth: int = 1


def work(jobs: tuple[Job, ...], parent: Connection) -> None:
    """Drain the batches once the parent says so, in turn; tell it how many each one closed.

    Where a job is to stop it tells the stage, and waits to be killed or told to go on.
    """
    passed: list[str] = []

    def reached(stage: str) -> None:
        passed.append(stage)
        if stage == stop_at and passed.count(stage) == nth:
            parent.send(stage)
            parent.recv()

    stop_at, nth = "", 0
    tell_stages(reached)
    parent.recv()
    for job in jobs:
        stop_at, nth = job.stop_at, job.nth
        passed.clear()
        parent.send(drain(job, reached))


def drain(job: Job, reached: Reached) -> int:
    """Record the batch where it is not yet, and copy all that is unfinished; factories closed."""
    with begin() as db:
        if job.selection is None:
            batch_id = require_batch(db, job.reference)
        else:
            batch_id = record_rows(db, job.reference, job.selection)
        reached("recording")
    reached("recorded")
    with begin() as db:
        left = start_batch(db, batch_id, None)
    reached("started")
    closed = 0
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left:
        assert time.monotonic() < deadline, f"{left} factories are held by nobody knows whom"
        report = _copy(batch_id, job.size, again=job.selection is None)
        paid = authorize_payments.fn(Scope(batch_id))
        if report.closed:
            reached("committed")
        elif not report.awaiting and not paid.closed:
            time.sleep(0.02)  # others hold what is left, or a dead process' connection does
        closed += report.closed + paid.closed
        with reading() as db:
            left = count_unfinished(db, batch_id)
    with begin() as db:
        finish_batch(db, batch_id)
        reached("finishing")
    reached("finished")
    return closed


def _copy(batch_id: int, size: int, *, again: bool) -> BatchReport:
    """One transaction that has something to do."""
    if again and (placed := place_orders_again.fn(batch_id, size)).copied:
        return placed
    return copy_batch.fn(batch_id, 1, size)
