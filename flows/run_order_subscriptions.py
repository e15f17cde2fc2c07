"""Copying the orders of the subscriptions that are due."""

import signal
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, cast

from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Cancelled, Failed
from pydantic import Field
from sqlalchemy import Connection

from order_factory.flows.runners import choose_runner
from order_factory.flows.runners.copy_recorded import copy_recorded
from order_factory.flows.runners.job import Job
from order_factory.flows.support.end_states import ended
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
from order_factory.tasks.batches.records import start_batch
from order_factory.tasks.copy_orders import place_orders_again
from order_factory.tasks.outcomes.account import Run, account_for, read_batch_account
from order_factory.tasks.subscriptions.outcomes import running_batches, settle
from order_factory.tasks.subscriptions.recording import SubscriptionBatch, record_due
from order_factory.tasks.subscriptions.transitions import activate_those_ordered, expire


@shop_flow(name="run-order-subscriptions", flow_run_name="run order subscriptions")
def run_order_subscriptions(
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE,
    workers: Annotated[int, Field(ge=1, le=16)] = 1,
    late_after_hours: Annotated[int, Field(ge=1, le=8_784)] = 3,
) -> SubscriptionRun:
    """Copy the orders of all subscriptions that are due, each period once, and try failed ones again.

    What a run that died has left is finished first. Subscriptions whose source order was placed
    become active, and those that have expired, or whose source order was cancelled, inactive. At the end, batches and single copies whose
    flow run has died are taken over. Run it as often as you like, also twice at the same time: no
    period is copied twice, and none is lost.

    Ends `Completed` (named `CompletedWithErrors` when copies failed), or `Failed` when some are
    unfinished: the next run goes on with them. Raises `DatabaseNotReady`.

    Args:
        batch_size: How many orders are copied in one transaction, at most.
        workers: How many transactions run at a time; more than one pays on PostgreSQL only.
        late_after_hours: From how many hours on a period counts as missed, for the subscriptions
            that make up for none.
    """
    require_schema()
    late_after = timedelta(hours=late_after_hours)
    account = _Account(batch_size, workers)
    for batch in read(running_batches):
        account.carry_out(batch)
    now = utc_now()
    write(lambda db: activate_those_ordered(db, now))
    for mode in Mode:
        while account.goes_on() and (due := _record(mode, now, late_after, account.run.batches)):
            account.carry_out(due)
    write(lambda db: expire(db, utc_now()))
    account_for(account.copied)
    if account.goes_on():
        sweep()
    return cast(SubscriptionRun, _ended(account))


def _record(
    mode: Mode, now: datetime, late_after: timedelta, done: list[str]
) -> SubscriptionBatch | None:
    """The next batch of what is due; `done` are the references of those that were carried out."""
    attempts = 0

    def record(db: Connection) -> SubscriptionBatch | None:
        nonlocal attempts
        attempts += 1
        if attempts > 1:
            # The attempt before may have been kept, and only its answer lost.
            for batch in running_batches(db):
                if batch.reference not in done:
                    return batch
        return record_due(db, mode, now, late_after)

    return write(record)


@dataclass
class _Account:
    """What the run has come to so far, and what keeps it from going on."""

    size: int
    workers: int
    run: SubscriptionRun = field(default_factory=SubscriptionRun)
    problems: list[str] = field(default_factory=list)
    stopped: StopReason | None = None
    copied: Run = field(default_factory=Run)

    def goes_on(self) -> bool:
        return self.stopped is None

    def carry_out(self, batch: SubscriptionBatch) -> None:
        """Copy what is unfinished of a batch, and count what is ended of it."""
        if not self.goes_on():
            return
        self._place_again(batch)
        job = Job(batch.id, batch.reference, self.size, self.workers)
        copied = copy_recorded(job, choose_runner("threads"), as_a_whole=False)
        settled = write(lambda db: settle(db, batch.id, utc_now()))
        of_batch = read(
            lambda db: read_batch_account(
                db, batch.id, closed=copied.closed, seconds=copied.seconds
            )
        )
        self.copied.batches.append(of_batch)
        self.copied.times.add_all(copied.times)
        self.stopped = copied.stopped
        self.problems += copied.problems
        self._add(of_batch.result, settled, batch.overlapping)

    def _place_again(self, batch: SubscriptionBatch) -> None:
        """Place the orders of failed renewals again, as long as it gets on."""
        write(lambda db: start_batch(db, batch.id, flow_run.id))
        while True:
            placed = place_orders_again(batch.id, self.size)
            self.copied.times.add_all(placed.times)
            self.problems += [f"order factory {key} could not be closed" for key in placed.stuck]
            if placed.stuck or not placed.closed + placed.awaiting:
                return

    def _add(self, result: BulkResult, settled: int, overlapping: int) -> None:
        run = self.run
        self.run = SubscriptionRun(
            batches=[*run.batches, result.reference],
            subscriptions=run.subscriptions + settled,
            completed=run.completed + result.completed,
            failed=run.failed + result.failed,
            unfinished=run.unfinished + result.pending + result.in_progress,
            overlapping=run.overlapping + overlapping,
            seconds=run.seconds + result.seconds,
            errors=[*run.errors, *result.errors],
        )


def _ended(account: _Account) -> Any:
    """The result, or the Prefect state that tells how the run ended."""
    run, stopped = account.run, account.stopped
    if stopped == StopReason.TERMINATED:
        raise TerminationSignal(signal.SIGTERM)
    if stopped == StopReason.INTERRUPTED:
        raise KeyboardInterrupt
    if stopped is not None or run.unfinished:
        reasons = [*([stopped.value] if stopped else []), *account.problems]
        left = SubscriptionRunUnfinished(run, reasons)
        end = Cancelled if stopped else Failed
        return end(message=str(left), data=left)
    return ended(
        run.outcome,
        run,
        completed=run.completed,
        failed=run.failed,
        errors=bool(run.errors),
        failure=SubscriptionRunFailed(run),
    )
