"""Copying a recorded batch: in parts, one after the other or several at a time, or as a whole."""

from dataclasses import dataclass, field
from time import monotonic, perf_counter, sleep

from prefect.runtime import flow_run

from order_factory.flows.runners import ChosenRunner
from order_factory.flows.runners.job import Job, Parts
from order_factory.flows.support.stop_signals import Stop, StopReason, stopping
from order_factory.models.database.engine import begin, reading
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
from order_factory.tasks.payments.claiming import Scope
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
    with begin() as db:
        start_batch(db, job.batch_id, flow_run.id)
        left = count_to_copy(db, job.batch_id)
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
    with begin() as db:
        finish_batch(db, job.batch_id)
        if copied.stopped:
            abort_batch(db, str(flow_run.id))
    return copied


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
    began = perf_counter()
    try:
        report = authorize_payments(Scope(job.batch_id), stop.is_set)
    except OrderFactoryError as error:
        copied.problems.append(str(error))
    else:
        copied.closed += report.closed
        copied.problems += report.problems
        if report.closed:
            copied.times.add("authorize payments", report.closed, perf_counter() - began)


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
            with reading() as db:
                left = count_to_copy(db, job.batch_id)
            if left < known:
                moved_at = monotonic()
            elif not _others_let_go(job, stop, moved_at + HELD_SECONDS):
                return


def _others_let_go(job: Job, stop: Stop, until: float) -> bool:
    """Wait for the runs that hold all that is left; False where they hold it for too long."""
    report_progress("wait for other runs", 0, None)
    while monotonic() < until and not stop.is_set():
        sleep(SECONDS_BETWEEN_LOOKS)
        with begin() as db:
            if has_free(db, job.batch_id) or not count_to_copy(db, job.batch_id):
                return True
    return False
