"""Copying a recorded batch: in parts, one or several at a time, or in one transaction."""

from dataclasses import dataclass, field
from time import monotonic, perf_counter, sleep

from prefect.runtime import flow_run
from sqlalchemy import Connection

from order_factory.flows.runners import ChosenRunner
from order_factory.flows.runners.job import Job, Parts
from order_factory.flows.support.stop_signals import Stop, StopReason, watch_for_stop
from order_factory.models.database.retrying import read, write
from order_factory.models.errors import DatabaseNotReady, OrderFactoryError, PrefectAway
from order_factory.models.results.progress import report_progress
from order_factory.models.results.step_times import StepTimes
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.batches.records import (
    abort_batch,
    count_to_copy,
    count_to_place,
    finish_batch,
    has_free_factory,
    start_batch,
)
from order_factory.tasks.copy_orders import BatchReport, place_orders_again
from order_factory.tasks.copy_whole_batch import copy_whole_batch
from order_factory.tasks.payments.claiming import Scope, count_due, has_free_payment
from order_factory.tasks.prefect_ui.background_calls import BackgroundCalls
from order_factory.tasks.prefect_ui.progress import BackgroundProgress

# Longer than the database keeps the locks of a machine that is gone (see `models.database.engine`).
LOCK_SECONDS = 60.0
POLL_SECONDS = 0.5


@dataclass
class CopyOutcome:
    """The outcome of a run over a batch: finished factories, seconds, and problems.

    `copied` also counts the factories that wait for a payment gateway.
    """

    closed: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    copied: int = 0
    stopped: StopReason | None = None
    times: StepTimes = field(default_factory=StepTimes)


def copy_recorded(
    job: Job, runner: ChosenRunner, calls: BackgroundCalls, *, in_one_transaction: bool
) -> CopyOutcome:
    """Copy the unfinished orders of the batch and record how the batch ended.

    Target orders of failed renewals are placed first. After all orders are copied, this run
    authorizes the payments, for every runner. The progress is shown with `calls`.
    """
    remaining = write(lambda db: _start(db, job.batch_id))
    copied, started = CopyOutcome(), perf_counter()
    with watch_for_stop(str(flow_run.id)) as stop:
        _place_again(job, stop, copied)
        if in_one_transaction:
            _copy_whole(job, remaining, stop, copied)
        else:
            _copy_parts(job, remaining, runner, stop, copied, BackgroundProgress(calls))
        if stop.reason is None:
            _authorize_payments(job, stop, copied)
        copied.stopped = stop.reason
    copied.seconds = perf_counter() - started
    write(lambda db: _finish(db, job.batch_id, aborted=copied.stopped is not None))
    return copied


def _start(db: Connection, batch_id: int) -> int:
    start_batch(db, batch_id, flow_run.id)
    return count_to_copy(db, batch_id)


def _finish(db: Connection, batch_id: int, *, aborted: bool) -> None:
    finish_batch(db, batch_id)
    if aborted:
        abort_batch(db, str(flow_run.id))


def _place_again(job: Job, stop: Stop, copied: CopyOutcome) -> None:
    """Place the target orders of failed renewals, and wait for those that other runs place."""
    moved_at = monotonic()
    while stop.reason is None and read(lambda db: count_to_place(db, job.batch_id)):
        try:
            report = place_orders_again(job.batch_id, job.size)
        except OrderFactoryError as error:
            copied.problems.append(str(error))
            return
        copied.times.add_all(report.times)
        copied.closed += report.closed
        copied.copied += report.closed + report.awaiting
        copied.problems += [f"order factory {key} could not be finished" for key in report.stuck]
        if report.stuck:
            return
        if report.copied:
            moved_at = monotonic()
        elif monotonic() < moved_at + LOCK_SECONDS:
            sleep(POLL_SECONDS)
        else:
            return


def _copy_whole(job: Job, remaining: int, stop: Stop, copied: CopyOutcome) -> None:
    if remaining:
        try:
            report = copy_whole_batch(job.batch_id, job.size, stop.is_set)
        except OrderFactoryError as error:
            copied.problems.append(str(error))
        else:
            copied.closed += report.closed
            copied.times.add_all(report.times)


def _authorize_payments(job: Job, stop: Stop, copied: CopyOutcome) -> None:
    """Authorize all payments, and wait for those that other runs authorize."""
    scope = Scope(job.batch_id)
    moved_at, remaining = monotonic(), -1
    while True:
        began = perf_counter()
        try:
            report = authorize_payments(scope, stop.is_set)
        except OrderFactoryError as error:
            copied.problems.append(str(error))
            return
        copied.closed += report.closed
        copied.problems += report.problems
        if report.closed:
            copied.times.add("authorize payments", report.closed, perf_counter() - began)
        if not report.left or report.problems or stop.reason is not None:
            return
        if report.left != remaining:
            moved_at, remaining = monotonic(), report.left
        if not _wait_for_payments(scope, stop, moved_at + LOCK_SECONDS):
            return


def _wait_for_payments(scope: Scope, stop: Stop, deadline: float) -> bool:
    """Wait until another run's payment is answered or released; False when time is up."""
    report_progress("wait for the payments of other runs", 0, None)
    due_before = read(lambda db: count_due(db, scope))
    while monotonic() < deadline and not stop.is_set():
        sleep(POLL_SECONDS)
        if read(lambda db: count_due(db, scope)) != due_before or read(
            lambda db: has_free_payment(db, scope)
        ):
            return True
    return False


def _copy_parts(
    job: Job,
    remaining: int,
    runner: ChosenRunner,
    stop: Stop,
    copied: CopyOutcome,
    progress: BackgroundProgress,
) -> None:
    """Copy rounds of parts until nothing is left or no progress is made."""
    total = remaining + copied.copied
    progress.start(f"Batch {job.reference}")
    report_progress("copy orders", 0, total)
    moved_at = monotonic()
    parts = Parts(0, 0)
    with runner.open(job, stop) as copy_parts:
        while remaining and stop.reason is None:
            remaining_before = remaining
            copied_before, problems_before = copied.copied, len(copied.problems)
            parts = job.parts(remaining, parts.first + parts.count)
            for outcome in copy_parts(parts):
                if isinstance(outcome, BatchReport):
                    copied.times.add_all(outcome.times)
                    copied.closed += outcome.closed
                    copied.copied += outcome.closed + outcome.awaiting
                    copied.problems += [
                        f"order factory {key} could not be finished" for key in outcome.stuck
                    ]
                else:
                    copied.problems.append(str(outcome))
                report_progress("copy orders", copied.copied, total)
                progress.show(copied.copied, total)
                if isinstance(outcome, DatabaseNotReady | PrefectAway):
                    return  # every other part would wait just as long
            if copied.copied == copied_before and len(copied.problems) > problems_before:
                return  # the problem is permanent: the next round would fail, too
            remaining = read(lambda db: count_to_copy(db, job.batch_id))
            if remaining < remaining_before:
                moved_at = monotonic()
            elif not _wait_for_orders(job, stop, moved_at + LOCK_SECONDS):
                return


def _wait_for_orders(job: Job, stop: Stop, deadline: float) -> bool:
    """Wait until other runs release or finish the orders that are left; False when time is up."""
    report_progress("wait for other runs", 0, None)
    while monotonic() < deadline and not stop.is_set():
        sleep(POLL_SECONDS)
        if write(
            lambda db: has_free_factory(db, job.batch_id) or not count_to_copy(db, job.batch_id)
        ):
            return True
    return False
