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
from order_factory.flows.runners.copy_recorded import CopyOutcome, copy_recorded
from order_factory.flows.runners.job import Job
from order_factory.flows.support.end_states import choose_end_state
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.flows.support.stop_signals import StopReason, watch_for_stop
from order_factory.models.database.retrying import read, write
from order_factory.models.database.schema import require_schema
from order_factory.models.errors import InvalidRequest, NothingSelected
from order_factory.models.requests.copies import CopyOptions, Text
from order_factory.models.requests.order_filters import FormFilter
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
from order_factory.tasks.batches.records import abort_batch, read_error_policy
from order_factory.tasks.copy_orders import BatchReport
from order_factory.tasks.copy_whole_batch import BatchRolledBack, rehearse_batch
from order_factory.tasks.outcomes.account import (
    BatchAccount,
    Run,
    account_for,
    read_batch_account,
)
from order_factory.tasks.prefect_ui.background_calls import making_calls
from order_factory.tasks.reports.paths import report_path as resolve_report_path
from order_factory.tasks.reports.paths import require_writable
from order_factory.tasks.selections.finding import Record, make_recorder
from order_factory.tasks.selections.reading import Orders, accept_orders


def _run_name() -> str:
    reference = flow_run.parameters.get("reference")
    return f"copy batch {str(reference)[:64]}" if reference else "copy a batch"


def _make_reference() -> str:
    """A batch reference with deployment and start time: `nightly-20261130-020000-1a2b3c4d`.

    Each attempt of a flow run gets the same reference: a retry finds the batch again.
    """
    starts_at = flow_run.scheduled_start_time
    suffix = str(flow_run.id).replace("-", "")[-8:]
    return f"{deployment.name or 'bulk'}-{starts_at:%Y%m%d-%H%M%S}-{suffix}"


def _mark_aborted(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Mark the batch of a cancelled or crashed flow run as aborted.

    Prefect calls this hook with arguments of these names. A later run may still finish the batch.
    """
    write(lambda db: abort_batch(db, str(flow_run.id)))


@shop_flow(
    name="bulk-order-factory",
    flow_run_name=_run_name,
    on_cancellation=[_mark_aborted],
    on_crashed=[_mark_aborted],
    # For programmers, and for administrators as JSON input.
    not_in_form=("batch_size", "workers", "runner", "dask_address"),
)
def bulk_order_factory(
    orders: Annotated[
        Orders | None,
        PlainValidator(accept_orders, json_schema_input_type=str | None),
    ] = None,
    reference: Text | None = None,
    orders_where: FormFilter = None,
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
    """Copy many orders in batches, and report the outcome of each.

    `orders` is a list of numbers or public ids, a DataFrame, or a file. DataFrames and files need
    the column `source_order`. They may have a column for each copy option, `reference`,
    `reference_origin` and `metadata`. Where a row has no value, the copy option given here applies.
    Instead of `orders`, `orders_where` selects orders with a filter, and `failed_of` retries the
    failed copies of an earlier batch with their own options.

    All copies are recorded as pending before the first order is copied. When some orders fail, the
    state is named `CompletedWithErrors`. When no order is copied, the run fails with `BatchFailed`.
    When no order matches the filter, the run completes. When copies are left unfinished, the run
    fails with `BatchUnfinished`; run it again with the same reference to finish them.

    Cancelling the run in Prefect, Ctrl-C and SIGTERM stop it after the current transactions.
    Unfinished copies stay pending, and the batch is `aborted` until it is run again. The run ends
    `Cancelled`, and a plain call raises `BatchAborted` (`BatchInterrupted` after Ctrl-C). After
    SIGTERM, Prefect decides the state.

    Raises `SelectionInvalid`, `InvalidRequest`, `BatchNotFound`, `DatabaseNotReady` before anything
    is changed.

    Args:
        orders: Order numbers or ids with commas or spaces between them, or the path of a CSV,
            Parquet, XLSX or JSON Lines file. Leave it empty to finish the batch of the reference.
        reference: Name of the batch. Run it again with the same name to finish the batch. Leave it
            empty for a new name in every run.
        orders_where: Filter for the orders to copy, instead of a list. If every field has its
            default value, it is no filter.
        failed_of: Reference of an earlier batch. Its failed copies are retried, each once.
        mode: Whether the numbers are those of live orders or of test orders. A public id names an
            order of either mode; with test, only a test order. A filter has its own mode.
        error_policy: What happens when some orders have errors. reject_failed copies the others,
            skip_errors also copies the valid parts of these orders, reject_everything copies
            nothing.
        dry_run: Report how the batch would end, and change nothing in the database.
        batch_size: Copy at most this many orders in one transaction.
        workers: Number of transactions that run at the same time (orders, with the runner
            flow_runs). More than one is faster on PostgreSQL only.
        report_path: Report file with one row per copy, such as night.csv or night.xlsx. A page with
            the same name is written next to it. Leave it empty for a file under var/reports.
        runner: What runs the batch. threads of this process, a dask cluster, Prefect workers, or
            flow_runs (one flow run per order, for a small batch).
        dask_address: Address of the scheduler of a running Dask cluster. Leave it empty to start
            a cluster of `workers` processes on this machine.
    """
    require_schema()
    chosen = choose_runner(runner, dask_address)
    if (dry_run or error_policy == ErrorPolicy.REJECT_EVERYTHING) and runner != "threads":
        raise InvalidRequest(
            "A dry run and the error policy reject_everything need one transaction. "
            "Use the runner threads."
        )
    if reference is None and orders is None and orders_where is None and failed_of is None:
        raise InvalidRequest(
            "No orders are given. Give orders, orders_where or failed_of, or the reference of a "
            "batch to finish."
        )
    reference = reference or _make_reference()
    if error_policy == ErrorPolicy.SKIP_ERRORS:
        options["skip_errors"] = True
    request = CopyOptions(**options)
    report_file = resolve_report_path(report_path, f"{reference}-dry-run" if dry_run else reference)
    require_writable(report_file)
    record = make_recorder(reference, request, error_policy, orders, orders_where, failed_of, mode)
    try:
        if dry_run:
            return cast(BulkResult, _rehearse(record, batch_size, report_file))
        started = perf_counter()
        batch_id, policy = _record_batch(record, chosen)
        in_one_transaction = policy == ErrorPolicy.REJECT_EVERYTHING
    except NothingSelected as error:
        if orders_where is None:
            raise
        return cast(BulkResult, _complete_without_orders(reference, error))
    del record, orders  # a DataFrame or the rows of a file are as large as the batch
    recording_seconds = perf_counter() - started
    job = Job(batch_id, reference, batch_size, workers)
    with making_calls() as calls:
        copied = copy_recorded(job, chosen, calls, in_one_transaction=in_one_transaction)
        started = perf_counter()
        account = read(
            lambda db: read_batch_account(
                db,
                batch_id,
                closed=copied.closed,
                seconds=copied.seconds,
                report=report_file,
                calls=calls,
            )
        )
        run = Run(batches=[account])
        run.times.add("record orders", account.result.orders_count, recording_seconds)
        run.times.add_all(copied.times)
        run.times.add("write report", account.result.orders_count, perf_counter() - started)
        account_for(run)
    return cast(BulkResult, _make_end_state(account.result, copied))


def _complete_without_orders(reference: str, error: NothingSelected) -> Any:
    """The `Completed` state for a filter that matches no order. This is not a failure."""
    result = BulkResult.empty(reference)
    return Completed(message=f"{error.args[1][0]}; nothing was copied", data=result)


def _record_batch(record: Record, chosen: ChosenRunner) -> tuple[int, ErrorPolicy]:
    """The key of the batch and its error policy; an existing batch is found by its reference."""

    def find_or_record(db: Connection) -> tuple[int, ErrorPolicy]:
        batch_id = record(db)
        chosen.accept(db, batch_id)
        return batch_id, read_error_policy(db, batch_id)

    return write(find_or_record)


def _rehearse(record: Record, batch_size: int, report_file: Path) -> Any:
    """The state that says how the batch would end; writes the report and the page."""
    started = perf_counter()

    def read(db: Connection, batch_id: int, report: BatchReport) -> BatchAccount:
        return read_batch_account(
            db,
            batch_id,
            closed=report.closed,
            seconds=perf_counter() - started,
            report=report_file,
            dry_run=True,
        )

    with watch_for_stop(str(flow_run.id)) as stop:
        try:
            account, report = rehearse_batch(record, batch_size, stop.is_set, read)
        except BatchRolledBack as error:
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


def _make_end_state(result: BulkResult, copied: CopyOutcome) -> Any:
    """The Prefect state that says how the batch ended.

    Raises `TerminationSignal` when SIGTERM stopped the run: Prefect knows who sent it.
    """
    unfinished = result.pending + result.in_progress
    if copied.stopped and unfinished:
        if copied.stopped == StopReason.TERMINATED:
            raise TerminationSignal(signal.SIGTERM)
        interrupted = copied.stopped == StopReason.INTERRUPTED
        error_class = BatchInterrupted if interrupted else BatchAborted
        aborted = error_class(result, [copied.stopped.value, *copied.problems])
        return Cancelled(message=str(aborted), data=aborted)
    if unfinished:
        error = BatchUnfinished(result, copied.problems)
        return Failed(message=str(error), data=error)
    if result.is_rejected:
        return Failed(name="Rejected", message=result.outcome, data=BatchFailed(result))
    return choose_end_state(
        result.outcome,
        result,
        completed=result.completed,
        failed=result.failed,
        errors=bool(result.errors),
        failure=BatchFailed(result),
    )
