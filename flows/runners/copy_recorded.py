"""Copying a recorded batch: in parts, one after the other or several at a time, or as a whole."""

from dataclasses import dataclass, field
from time import monotonic, perf_counter, sleep

from prefect.runtime import flow_run
from sqlalchemy import Connection

from order_factory.flows.runners import ChosenRunner
from order_factory.flows.runners.job import Job, Parts
from order_factory.flows.support.stop_signals import Stop, StopReason, stopping
from order_factory.models.database.retrying import read, write
from order_factory.models.errors import DatabaseNotReady, OrderFactoryError
from order_factory.models.results.progress import report_progress
from order_factory.models.results.step_times import StepTimes
from order_factory.tasks.authorize_payments import authorize_payments
from order_factory.tasks.batches.records import (
    abort_batch,
    count_to_copy,
    finish_batch,
    has_free,
    start_batch,
)
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.copy_whole_batch import copy_whole_batch
from order_factory.tasks.payments.claiming import Scope, count_due, has_free_payment
from order_factory.tasks.prefect_ui.artifacts import show_progress, start_progress

# Longer than the database keeps the rows of a machine that has vanished: see `order_factory.models.database.engine`.
HELD_SECONDS = 60.0
SECONDS_BETWEEN_LOOKS = 0.5


@dataclass
class Copied:
    """What a run did to a batch: factories closed, in how long, and what kept it from the rest.

    `copied` counts those that wait for a payment gateway, too.
    """

    closed: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)
    copied: int = 0
    stopped: StopReason | None = None
    times: StepTimes = field(default_factory=StepTimes)


def copy_recorded(job: Job, runner: ChosenRunner, *, as_a_whole: bool) -> Copied:
    """Copy what is unfinished of the batch, and say in its record how far it came.

    Payments are authorized once all is copied, by this run, whatever copied the orders.
    """
    left = write(lambda db: _start(db, job.batch_id))
    copied, started = Copied(), perf_counter()
    with stopping(str(flow_run.id)) as stop:
        if as_a_whole:
            _copy_whole(job, left, stop, copied)
        else:
            _copy_parts(job, left, runner, stop, copied)
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


def _copy_whole(job: Job, left: int, stop: Stop, copied: Copied) -> None:
    if left:
        try:
            report = copy_whole_batch(job.batch_id, job.size, stop.is_set)
        except OrderFactoryError as error:
            copied.problems.append(str(error))
        else:
            copied.closed = report.closed
            copied.times.add_all(report.times)


def _authorize_payments(job: Job, stop: Stop, copied: Copied) -> None:
    """Ask about all payments, and wait for those that other runs ask about."""
    scope = Scope(job.batch_id)
    moved_at, left = monotonic(), -1
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
        if report.left != left:
            moved_at, left = monotonic(), report.left
        if not _others_have_paid(scope, stop, moved_at + HELD_SECONDS):
            return


def _others_have_paid(scope: Scope, stop: Stop, until: float) -> bool:
    """Wait until a payment that others ask about is answered or free; False after too long."""
    report_progress("wait for the payments of other runs", 0, None)
    known = read(lambda db: count_due(db, scope))
    while monotonic() < until and not stop.is_set():
        sleep(SECONDS_BETWEEN_LOOKS)
        if read(lambda db: count_due(db, scope)) != known or read(
            lambda db: has_free_payment(db, scope)
        ):
            return True
    return False


def _copy_parts(job: Job, left: int, runner: ChosenRunner, stop: Stop, copied: Copied) -> None:
    """One round of parts follows the other while there is something left and something moves."""
    total = left
    artifact = start_progress(job.reference)
    report_progress("copy orders", 0, total)
    moved_at = monotonic()
    parts = Parts(0, 0)
    with runner.open(job, stop) as copy_parts:
        while left and stop.reason is None:
            known, copied_before, problems_before = left, copied.copied, len(copied.problems)
            parts = job.parts(left, parts.first + parts.count)
            for outcome in copy_parts(parts):
                if isinstance(outcome, BatchReport):
                    copied.times.add_all(outcome.times)
                    copied.closed += outcome.closed
                    copied.copied += outcome.closed + outcome.awaiting
                    copied.problems += [
                        f"order factory {key} could not be closed" for key in outcome.stuck
                    ]
                else:
                    copied.problems.append(str(outcome))
                report_progress("copy orders", copied.copied, total)
                show_progress(artifact, copied.copied, total)
                if isinstance(outcome, DatabaseNotReady):
                    return  # every other part would wait for it as long
            if copied.copied == copied_before and len(copied.problems) > problems_before:
                return  # what is left meets a fault that does not pass
            left = read(lambda db: count_to_copy(db, job.batch_id))
            if left < known:
                moved_at = monotonic()
            elif not _others_let_go(job, stop, moved_at + HELD_SECONDS):
                return


def _others_let_go(job: Job, stop: Stop, until: float) -> bool:
    """Wait for the runs that hold all that is left; False where they hold it for too long."""
    report_progress("wait for other runs", 0, None)
    while monotonic() < until and not stop.is_set():
        sleep(SECONDS_BETWEEN_LOOKS)
        if write(lambda db: has_free(db, job.batch_id) or not count_to_copy(db, job.batch_id)):
            return True
    return False
