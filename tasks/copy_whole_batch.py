"""A batch in one transaction: to keep all of it or nothing, or to see how it would end."""

from collections.abc import Callable

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.engine import begin
from order_factory.models.database.key_sequences import drawn_keys, give_keys_back
from order_factory.models.database.retrying import read, until_it_passes
from order_factory.models.errors import OrderFactoryError
from order_factory.models.results.copies import BulkResult
from order_factory.models.results.progress import report_progress
from order_factory.models.tables.base import utc_now
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.tasks.batches.chunking import even_size
from order_factory.tasks.batches.records import (
    count_to_copy,
    error_policy_of,
    finish_batch,
    start_batch,
)
from order_factory.tasks.copying.engine import copy_claimed
from order_factory.tasks.outcomes.error_spool import Faults
from order_factory.tasks.outcomes.rejection import reject_batch
from order_factory.tasks.payments.answers import settle_as_approved
from order_factory.tasks.payments.claiming import Scope
from order_factory.tasks.selections.finding import Record
from order_factory.tasks.working_set.claims import claim_pending
from order_factory.tasks.working_set.step import explained

# Whether to begin no further part, because the run was told to stop.
Stopped = Callable[[], bool]
# What is read of a batch before its transaction ends: its key, and how many factories were closed.
Account = Callable[[Connection, int, int], BulkResult]


class BatchTakenBack(OrderFactoryError):
    """Takes why: the transaction of the whole batch was rolled back, and all of it is pending."""

    status, code = 409, "order_factory_batch_taken_back"
    detail = "all of it was taken back: {}"


class _Rehearsed(Exception):
    """Rolls the transaction back, and carries what was read of it."""

    def __init__(self, result: BulkResult) -> None:
        super().__init__(result)
        self.result = result


@task(name="copy whole batch", task_run_name="copy whole batch", cache_policy=NO_CACHE)
def copy_whole_batch(batch_id: int, size: int, stopped: Stopped) -> int:
    """Copy all unfinished factories of a batch, `size` at a time, and commit all of them or none.

    Returns how many it closed; more of them wait for a payment gateway, which cannot be asked
    before the commit. With the policy `reject_everything` and one error, nothing is
    copied: the copies with errors fail, the others are aborted. Raises `BatchTakenBack` where it
    could not be done as a whole, and `TryAgain` when a fault of the database did not pass; all are
    still pending then.
    """

    def attempt() -> int:
        try:
            with begin() as db:
                return _copy_whole(db, batch_id, size, stopped)
        except DBAPIError as error:
            # Prefect logs what a task raises: it must not quote a row.
            raise explained(error, "batch") from None

    return until_it_passes(attempt)


@task(name="dry run", task_run_name="dry run", cache_policy=NO_CACHE)
def rehearse_batch(record: Record, size: int, stopped: Stopped, account: Account) -> BulkResult:
    """How the batch would end: recorded, copied and accounted for, then rolled back.

    Payments are taken as approved, without asking a gateway.

    The database is as before, the next keys of its tables included, unless others draw keys at
    the same time. Raises what `record` does, and what `copy_whole_batch` does.
    """
    keys = read(drawn_keys)
    try:
        return until_it_passes(lambda: _rehearse(record, size, stopped, account))
    finally:
        give_keys_back(keys)


def _rehearse(record: Record, size: int, stopped: Stopped, account: Account) -> BulkResult:
    try:
        with begin() as db:
            batch_id = record(db)
            start_batch(db, batch_id, flow_run.id)
            closed = _copy_whole(db, batch_id, size, stopped)
            # Asks no gateway: nothing may be left of a rehearsal.
            while more := settle_as_approved(db, Scope(batch_id), flow_run.id):
                closed += more
            finish_batch(db, batch_id)
            raise _Rehearsed(account(db, batch_id, closed))
    except _Rehearsed as rehearsed:
        return rehearsed.result
    except DBAPIError as error:
        raise explained(error, "batch") from None


def _copy_whole(db: Connection, batch_id: int, size: int, stopped: Stopped) -> int:
    began_at = utc_now()
    with Faults() as faults:
        copied = db.begin_nested()
        closed = _copy_parts(db, batch_id, size, stopped)
        rejects = error_policy_of(db, batch_id) == ErrorPolicy.REJECT_EVERYTHING
        if rejects and faults.collect(db, batch_id):
            copied.rollback()
            reject_batch(db, batch_id, faults, began_at, flow_run.id)
        else:
            copied.commit()
    return closed


def _copy_parts(db: Connection, batch_id: int, size: int, stopped: Stopped) -> int:
    total, done, closed = count_to_copy(db, batch_id), 0, 0
    report_progress("copy orders", done, total)
    while done < total:
        claimed = claim_pending(db, batch_id, even_size(total, size))
        if not claimed:
            raise BatchTakenBack("another run holds some of its copies")
        copied = copy_claimed(db, claimed, flow_run.id)
        if copied.stuck:
            names = ", ".join(public_id(Resource.order_factories, key) for key in copied.stuck)
            raise BatchTakenBack(f"order factory {names} could not be closed")
        done += claimed
        closed += copied.closed
        report_progress("copy orders", done, total)
        if done < total and stopped():
            raise BatchTakenBack("it was told to stop")
    return closed
