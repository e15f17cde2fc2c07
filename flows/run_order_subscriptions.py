"""Copying the orders of the subscriptions that are due."""

import signal
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, cast

from prefect.exceptions import TerminationSignal
from prefect.states import Cancelled, Failed
from pydantic import Field
from sqlalchemy import Connection

from order_factory.flows.runners import choose_runner
from order_factory.flows.runners.copy_recorded import copy_recorded
from order_factory.flows.runners.job import Job
from order_factory.flows.support.end_states import choose_end_state
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.flows.support.stop_signals import StopReason
from order_factory.flows.sweep_order_factories import sweep
from order_factory.models.database.retrying import read, write
from order_factory.models.database.schema import require_schema
from order_factory.models.results.copies import BulkResult
from order_factory.models.results.subscriptions import (
    SubscriptionRun,
    SubscriptionRunFailed,
    SubscriptionRunUnfinished,
)
from order_factory.models.tables.base import utc_now
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.chunking import BATCH_SIZE
from order_factory.tasks.outcomes.account import Run, account_for, read_batch_account
from order_factory.tasks.prefect_ui.background_calls import making_calls
from order_factory.tasks.prefect_ui.events import publish_waiting_for_payment
from order_factory.tasks.subscriptions.outcomes import (
    count_waiting_copies,
    find_running_batches,
    record_outcomes,
)
from order_factory.tasks.subscriptions.recording import SubscriptionBatch, record_due_periods
from order_factory.tasks.subscriptions.transitions import activate_placed, deactivate_expired


@shop_flow(name="run-order-subscriptions", flow_run_name="run order subscriptions")
def run_order_subscriptions(
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE,
    workers: Annotated[int, Field(ge=1, le=16)] = 1,
    late_after_hours: Annotated[int, Field(ge=1, le=8_784)] = 3,
) -> SubscriptionRun:
    """Copy the orders of all due subscriptions, each period once, and retry failed renewals.

    The batches of a run that died are finished first. A subscription becomes active when its source
    order is placed. It becomes inactive when it expires, or when its source order is cancelled. At
    the end, the run finishes the batches and single copies of dead flow runs. Several runs may work
    at the same time: each period is copied exactly once.

    Ends `Completed` (named `CompletedWithErrors` when copies failed), or `Failed` when some are
    unfinished: the next run finishes them. Raises `DatabaseNotReady`.

    Args:
        batch_size: Copy at most this many orders in one transaction.
        workers: Number of transactions that run at the same time. More than one is faster on
            PostgreSQL only.
        late_after_hours: A period counts as missed when it is this many hours late. Applies to
            subscriptions that skip missed periods.
    """
    require_schema()
    late_after = timedelta(hours=late_after_hours)
    progress = _Progress(batch_size, workers)
    for batch in read(find_running_batches):
        progress.run_batch(batch)
    now = utc_now()
    write(lambda db: activate_placed(db, now))
    for mode in Mode:
        while progress.may_continue() and (
            due := _record_due(mode, now, late_after, progress.run.batches)
        ):
            progress.run_batch(due)
    write(lambda db: deactivate_expired(db, utc_now()))
    account_for(progress.copied)
    if progress.may_continue():
        sweep()
    return cast(SubscriptionRun, _make_end_state(progress))


def _record_due(
    mode: Mode, now: datetime, late_after: timedelta, done: list[str]
) -> SubscriptionBatch | None:
    """Record and return the next due batch; `done` are the references of the batches that ran."""
    attempts = 0

    def record(db: Connection) -> SubscriptionBatch | None:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            # The previous attempt may have been committed before the connection was lost.
            for batch in find_running_batches(db):
                if batch.reference not in done:
                    return batch
        return record_due_periods(db, mode, now, late_after)

    return write(record)


@dataclass
class _Progress:
    """The outcome of the run so far, its problems, and the reason to stop, if there is one."""

    size: int
    workers: int
    run: SubscriptionRun = field(default_factory=SubscriptionRun)
    problems: list[str] = field(default_factory=list)
    stopped: StopReason | None = None
    copied: Run = field(default_factory=Run)

    def may_continue(self) -> bool:
        return self.stopped is None

    def run_batch(self, batch: SubscriptionBatch) -> None:
        """Copy the unfinished orders of a batch and add its outcome to the run."""
        if not self.may_continue():
            return
        job = Job(batch.id, batch.reference, self.size, self.workers)
        with making_calls() as calls:
            copied = copy_recorded(job, choose_runner("threads"), calls, in_one_transaction=False)
            renewals = write(lambda db: record_outcomes(db, batch.id, utc_now()))
            waiting = read(lambda db: count_waiting_copies(db, batch.id))
            publish_waiting_for_payment(batch.reference, waiting)
            account = read(
                lambda db: read_batch_account(
                    db, batch.id, closed=copied.closed, seconds=copied.seconds, calls=calls
                )
            )
        self.copied.batches.append(account)
        self.copied.times.add_all(copied.times)
        self.stopped = copied.stopped
        self.problems += copied.problems
        self._add_result(account.result, renewals, batch.overlapping, waiting)

    def _add_result(
        self, result: BulkResult, renewals: int, overlapping: int, waiting: int
    ) -> None:
        run = self.run
        self.run = SubscriptionRun(
            batches=[*run.batches, result.reference],
            subscriptions=run.subscriptions + renewals,
            completed=run.completed + result.completed,
            failed=run.failed + result.failed,
            unfinished=run.unfinished + result.pending + result.in_progress,
            overlapping=run.overlapping + overlapping,
            waiting=run.waiting + waiting,
            seconds=run.seconds + result.seconds,
            errors=[*run.errors, *result.errors],
        )


def _make_end_state(progress: _Progress) -> Any:
    """The Prefect state that says how the run ended."""
    run, stopped = progress.run, progress.stopped
    if stopped == StopReason.TERMINATED:
        raise TerminationSignal(signal.SIGTERM)
    if stopped == StopReason.INTERRUPTED:
        raise KeyboardInterrupt
    if stopped is not None or run.unfinished:
        reasons = [*([stopped.value] if stopped else []), *progress.problems]
        error = SubscriptionRunUnfinished(run, reasons)
        make_state = Cancelled if stopped else Failed
        return make_state(message=str(error), data=error)
    return choose_end_state(
        run.outcome,
        run,
        completed=run.completed,
        failed=run.failed,
        errors=bool(run.errors),
        failure=SubscriptionRunFailed(run),
    )
