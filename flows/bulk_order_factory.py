"""Copying many orders."""

import signal
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Unpack, cast

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import TerminationSignal
from prefect.runtime import deployment, flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field, PlainValidator
from sqlalchemy import Connection

from order_factory.flows.runners import ChosenRunner, choose_runner
from order_factory.flows.runners.copy_recorded import Copied, copy_recorded
from order_factory.flows.runners.job import Job
from order_factory.flows.support.end_states import ended
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.flows.support.stop_signals import StopReason, stopping
from order_factory.models.database.retrying import read, write
from order_factory.models.database.schema import require_schema
from order_factory.models.errors import InvalidRequest, NothingSelected
from order_factory.models.requests.copies import CopyOptions, Text
from order_factory.models.requests.order_filters import OrderFilter
from order_factory.models.results.copies import (
    BatchAborted,
    BatchFailed,
    BatchInterrupted,
    BatchUnfinished,
    BulkResult,
)
from order_factory.models.values.copy_options import CopyOptionArguments
from order_factory.models.values.error_policies import ErrorPolicy
from order_factory.models.values.runners import Runner
from order_factory.models.values.statuses import Mode
from order_factory.tasks.batches.chunking import BATCH_SIZE
from order_factory.tasks.batches.records import abort_batch, error_policy_of
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.copy_whole_batch import BatchTakenBack, rehearse_batch
from order_factory.tasks.outcomes.account import (
    BatchAccount,
    Run,
    account_for,
    read_batch_account,
)
from order_factory.tasks.reports import report_path as place_of_report
from order_factory.tasks.selections.finding import Record, recorder
from order_factory.tasks.selections.reading import Orders, accept_orders


def _run_name() -> str:
    reference = flow_run.parameters.get("reference")
    return f"copy batch {str(reference)[:64]}" if reference else "copy a batch"


def _name_of_batch() -> str:
    """A name that tells what started the run and when: `nightly-20261130-020000-1a2b3c4d`.

    The same for each attempt of a run, so that a retry finds the batch of the attempt before.
    """
    begins_at = flow_run.scheduled_start_time
    ending = str(flow_run.id).replace("-", "")[-8:]
    return f"{deployment.name or 'bulk'}-{begins_at:%Y%m%d-%H%M%S}-{ending}"


def _mark_aborted(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A hook, which Prefect calls by these names: the run is over, so its batch is not going on.

    Only the record says so. A run that goes on with the batch asks nothing of it.
    """
    write(lambda db: abort_batch(db, str(flow_run.id)))


@shop_flow(
    name="bulk-order-factory",
    flow_run_name=_run_name,
    on_cancellation=[_mark_aborted],
    on_crashed=[_mark_aborted],
)
def bulk_order_factory(
    orders: Annotated[
        Orders | None,
        PlainValidator(accept_orders, json_schema_input_type=str | list[str] | None),
    ] = None,
    reference: Text | None = None,
    orders_where: OrderFilter | None = None,
    failed_of: Text | None = None,
    *,
    mode: Mode = Mode.LIVE,
    error_policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED,
    dry_run: bool = False,
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE,
    workers: Annotated[int, Field(ge=1, le=16)] = 1,
    report_path: Text | None = None,
    runner: Runner = "threads",
    dask_address: Text | None = None,
    **options: Unpack[CopyOptionArguments],
) -> BulkResult:
    """Copy many orders in batches, and account for every one of them.

    `orders` is a list of numbers or public ids, a DataFrame, or a file; frames and files have the
    column `source_order` and may have each copy option, `reference`, `reference_origin` and
    `metadata` for each copy. The copy options given here are for the rows that have none of their
    own. Instead of `orders`, `orders_where` takes the orders that fit a filter, and `failed_of` tries the failed copies of an earlier batch
    again, with what was asked for then. All copies are recorded as pending before the first is
    made. Orders that cannot be copied fail, the others are copied:
    the state is then named `CompletedWithErrors`. Where none is copied the run fails with
    `BatchFailed`; where no order fits the filter it completes. Where copies are left unfinished the run fails
    with `BatchUnfinished`, and starting the batch again under its reference finishes them.

    Cancelling the run in Prefect, Ctrl-C and SIGTERM stop it after the transactions in hand: what
    is unfinished stays pending, the batch is `aborted` until it is started again. The run then
    ends `Cancelled` and a plain call raises `BatchAborted` (`BatchInterrupted` after Ctrl-C);
    after SIGTERM it ends as Prefect ends it.

    Raises `SelectionInvalid`, `InvalidRequest`, `BatchNotFound`, `DatabaseNotReady`: nothing was
    changed then.

    Args:
        orders: Numbers or ids of the orders, in a text with commas or spaces between them or as a
            list; or the path of a CSV, Parquet, XLSX or JSON Lines file that names them. Leave it
            empty to finish the batch of the reference.
        reference: The batch's own name; started again under it, the batch goes on. Leave it empty
            for a name of its own for every run.
        orders_where: Which orders of the database to copy, instead of naming them.
        failed_of: Reference of an earlier batch whose failed copies are tried again, each once.
        mode: Whether the numbers are those of live orders or of test orders. A public id names an
            order of either mode; with test, only a test order. A filter has its own mode.
        error_policy: What happens when some orders have errors. reject_failed copies the others,
            skip_errors copies the valid parts of those too, reject_everything copies nothing.
        dry_run: Only tell how the batch would end. All of it is done and then rolled back, and the
            database is as before.
        batch_size: How many orders are copied in one transaction, at most.
        workers: How many transactions (with flow_runs, orders) run at a time; more than one pays
            on PostgreSQL only.
        report_path: Report file, such as night.csv or night.xlsx, one row per copy; a page with the same
            name goes beside it. Leave it empty for one under var/reports.
        runner: What runs them: threads of this process, a Dask cluster, Prefect workers, or, for
            a small batch, a flow run of each order.
        dask_address: The scheduler of a running Dask cluster. Leave it empty for one of `workers`
            processes on this machine.
    """
    require_schema()
    chosen = choose_runner(runner, dask_address)
    if (dry_run or error_policy == ErrorPolicy.REJECT_EVERYTHING) and runner != "threads":
        raise InvalidRequest(
            "A dry run, and the error policy reject_everything, are one transaction: give them no "
            "other runner than threads."
        )
    if reference is None and orders is None and orders_where is None and failed_of is None:
        raise InvalidRequest(
            "Say which orders to copy (orders, orders_where or failed_of), or give the reference "
            "of a batch to finish."
        )
    reference = reference or _name_of_batch()
    if error_policy == ErrorPolicy.SKIP_ERRORS:
        options["skip_errors"] = True
    request = CopyOptions(**options)
    place = place_of_report(report_path, f"{reference}-dry-run" if dry_run else reference)
    record = recorder(reference, request, error_policy, orders, orders_where, failed_of, mode)
    try:
        if dry_run:
            return cast(BulkResult, _rehearse(record, batch_size, place))
        began = perf_counter()
        batch_id, policy = _record(record, chosen)
        as_a_whole = policy == ErrorPolicy.REJECT_EVERYTHING
    except NothingSelected as nothing:
        if orders_where is None:
            raise
        return cast(BulkResult, _nothing_to_copy(reference, nothing))
    del record, orders  # a frame or a file's rows are as large as the batch
    recorded_in = perf_counter() - began
    copied = copy_recorded(
        Job(batch_id, reference, batch_size, workers), chosen, as_a_whole=as_a_whole
    )
    began = perf_counter()
    account = read(
        lambda db: read_batch_account(
            db, batch_id, closed=copied.closed, seconds=copied.seconds, report=place
        )
    )
    run = Run(batches=[account])
    run.times.add("record orders", account.result.orders_count, recorded_in)
    run.times.add_all(copied.times)
    run.times.add("write report", account.result.orders_count, perf_counter() - began)
    account_for(run)
    return cast(BulkResult, _ended(account.result, copied))


def _nothing_to_copy(reference: str, nothing: NothingSelected) -> Any:
    """A night on which no order fits is no failure."""
    result = BulkResult.empty(reference)
    return Completed(message=f"{nothing.args[1][0]}; nothing was copied", data=result)


def _record(record: Record, chosen: ChosenRunner) -> tuple[int, ErrorPolicy]:
    """The key of the recorded batch and its error policy; a batch that is there is found again."""

    def find_or_record(db: Connection) -> tuple[int, ErrorPolicy]:
        batch_id = record(db)
        chosen.accept(db, batch_id)
        return batch_id, error_policy_of(db, batch_id)

    return write(find_or_record)


def _rehearse(record: Record, batch_size: int, place: Path) -> Any:
    """The state that tells how the batch would end; the report and the page are written."""
    started = perf_counter()

    def read(db: Connection, batch_id: int, report: BatchReport) -> BatchAccount:
        return read_batch_account(
            db,
            batch_id,
            closed=report.closed,
            seconds=perf_counter() - started,
            report=place,
            dry_run=True,
        )

    with stopping(str(flow_run.id)) as stop:
        try:
            account, report = rehearse_batch(record, batch_size, stop.is_set, read)
        except BatchTakenBack as error:
            if stop.reason == StopReason.INTERRUPTED:
                raise KeyboardInterrupt from None
            if stop.reason == StopReason.TERMINATED:
                raise TerminationSignal(signal.SIGTERM) from None
            if stop.reason is None:
                raise
            return Cancelled(message="The dry run was stopped; nothing was changed.", data=error)
    run = Run(batches=[account])
    run.times.add_all(report.times)
    account_for(run)
    return Completed(name="DryRun", message=account.result.outcome, data=account.result)


def _ended(result: BulkResult, copied: Copied) -> Any:
    """The result, or the Prefect state that tells how the batch ended.

    Raises `TerminationSignal` where the run was stopped by one: Prefect knows whose it was.
    """
    unfinished = result.pending + result.in_progress
    if copied.stopped and unfinished:
        if copied.stopped == StopReason.TERMINATED:
            raise TerminationSignal(signal.SIGTERM)
        interrupted = copied.stopped == StopReason.INTERRUPTED
        kind = BatchInterrupted if interrupted else BatchAborted
        aborted = kind(result, [copied.stopped.value, *copied.problems])
        return Cancelled(message=str(aborted), data=aborted)
    if unfinished:
        left = BatchUnfinished(result, copied.problems)
        return Failed(message=str(left), data=left)
    if result.is_rejected:
        return Failed(name="Rejected", message=result.outcome, data=BatchFailed(result))
    return ended(
        result.outcome,
        result,
        completed=result.completed,
        failed=result.failed,
        errors=bool(result.errors),
        failure=BatchFailed(result),
    )
