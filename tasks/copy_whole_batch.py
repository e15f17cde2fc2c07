"""Copy a batch in one transaction: all or nothing, or as a dry run."""

from collections.abc import Callable
from dataclasses import replace

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.key_sequences import read_drawn_keys, return_keys
from order_factory.models.database.retrying import read, retry_transient
from order_factory.models.database.snapshots import begin_large
from order_factory.models.errors import OrderFactoryError
from order_factory.models.results.progress import report_progress
from order_factory.models.results.step_times import StepTimes
from order_factory.models.tables.base import utc_now
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.batches.chunking import compute_even_size
from order_factory.tasks.batches.records import (
    count_to_copy,
    finish_batch,
    read_error_policy,
    start_batch,
)
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.copying.engine import CopiedOrders, copy_claimed
from order_factory.tasks.outcomes.account import BatchAccount
from order_factory.tasks.outcomes.answers import record_approvals
from order_factory.tasks.outcomes.error_spool import ErrorSpool
from order_factory.tasks.outcomes.rejection import reject_batch
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.selections.finding import Record
from order_factory.tasks.working_set.claims import claim_pending
from order_factory.tasks.working_set.step import explain_error

# Whether the run was stopped, so that no further part starts.
Stopped = Callable[[], bool]
# It reads the result of a batch before its transaction ends. It gets the batch's key and the result
# of the copying.
Account = Callable[[Connection, int, BatchReport], BatchAccount]


class BatchRolledBack(OrderFactoryError):
    """The whole batch was rolled back and is pending. Argument: the reason."""

    status, code = 409, "order_factory_batch_taken_back"
    detail = "everything was rolled back: {}"


class _Rehearsed(Exception):
    """Rolls the transaction back, and carries its results."""

    def __init__(self, account: BatchAccount, report: BatchReport) -> None:
        super().__init__(account, report)
        self.account = account
        self.report = report


@task(name="copy whole batch", task_run_name="copy whole batch", cache_policy=NO_CACHE)
def copy_whole_batch(batch_id: int, size: int, stopped: Stopped) -> BatchReport:
    """Copy all unfinished factories of a batch, `size` at a time, and commit all of them or none.

    Returns the number of closed factories and the times of the steps. Further copies may wait for a
    payment gateway, which cannot be called before the commit. If a copy has an error and the policy
    is `reject_everything`, nothing is copied: the copies with errors fail, the others are aborted.
    Raises `BatchRolledBack` if the batch cannot be copied as a whole, and `TryAgain` if a database
    error persists; all factories are still pending then.
    """

    def attempt() -> BatchReport:
        try:
            with begin_large() as db:
                return _copy_whole(db, batch_id, size, stopped)
        except DBAPIError as error:
            # Prefect logs what a task raises: it must not quote a row.
            raise explain_error(error, "batch") from None

    return retry_transient(attempt)


@task(name="dry run", task_run_name="dry run", cache_policy=NO_CACHE)
def rehearse_batch(
    record: Record, size: int, stopped: Stopped, account: Account
) -> tuple[BatchAccount, BatchReport]:
    """Record and copy the batch, report its result, and roll it back.

    Payments count as approved, without a gateway call.

    The database stays unchanged, including the next keys of its tables, unless other connections
    insert rows at the same time. Raises the errors of `record` and `copy_whole_batch`.
    """
    keys = read(read_drawn_keys)
    try:
        return retry_transient(lambda: _rehearse(record, size, stopped, account))
    finally:
        return_keys(keys)


def _rehearse(
    record: Record, size: int, stopped: Stopped, account: Account
) -> tuple[BatchAccount, BatchReport]:
    try:
        with begin_large() as db:
            batch_id = record(db)
            start_batch(db, batch_id, flow_run.id)
            report = _copy_whole(db, batch_id, size, stopped)
            # No gateway is called, because a dry run must leave no trace.
            while more := record_approvals(db, Scope(batch_id), flow_run.id):
                report = replace(report, closed=report.closed + more)
            finish_batch(db, batch_id)
            raise _Rehearsed(account(db, batch_id, report), report)
    except _Rehearsed as rehearsed:
        return rehearsed.account, rehearsed.report
    except DBAPIError as error:
        raise explain_error(error, "batch") from None


def _copy_whole(db: Connection, batch_id: int, size: int, stopped: Stopped) -> BatchReport:
    began_at = utc_now()
    with ErrorSpool() as spool:
        copied = db.begin_nested()
        report = _copy_parts(db, batch_id, size, stopped)
        rejects = read_error_policy(db, batch_id) == ErrorPolicy.REJECT_EVERYTHING
        if rejects and spool.save_errors(db, batch_id):
            copied.rollback()
            reject_batch(db, batch_id, spool, began_at, flow_run.id)
        else:
            copied.commit()
    return report


@task(name="copy batch", task_run_name="copy batch {part}", cache_policy=NO_CACHE)
def copy_claimed_part(db: Connection, part: int, size: int) -> CopiedOrders:
    """Copy the claimed orders of the transaction. The steps of the first part are task runs."""
    try:
        followed = part == 1 and flow_run.id is not None
        return copy_claimed(db, size, flow_run.id, followed=followed, is_part=True)
    except DBAPIError as error:
        raise explain_error(error, "batch") from None


def _copy_parts(db: Connection, batch_id: int, size: int, stopped: Stopped) -> BatchReport:
    total, done, closed = count_to_copy(db, batch_id), 0, 0
    times, part = StepTimes(), 0
    report_progress("copy orders", done, total)
    while done < total:
        claimed = claim_pending(db, batch_id, compute_even_size(total, size))
        if not claimed:
            raise BatchRolledBack("another run holds some of its copies")
        part += 1
        copied = copy_claimed_part(db, part, claimed)
        times.add_all(copied.times)
        if copied.stuck:
            names = ", ".join(public_id(Resource.order_factories, key) for key in copied.stuck)
            raise BatchRolledBack(f"order factory {names} could not be finished")
        done += claimed
        closed += copied.closed
        report_progress("copy orders", done, total)
        if done < total and stopped():
            raise BatchRolledBack("the run was stopped")
    return BatchReport(closed, times=tuple(times))
