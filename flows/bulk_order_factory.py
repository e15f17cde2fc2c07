"""Copying many orders."""

import signal
from math import ceil
from time import perf_counter
from typing import Annotated, Any, cast

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field, PlainValidator

from flows.runners import ChosenRunner, choose_runner
from flows.runners.job import Job
from flows.shop_flow import shop_flow
from flows.stopping import StopReason, stopping
from models.engine import begin, reading
from models.errors import DatabaseNotReady
from models.order_filters import OrderFilter
from models.progress import report_progress
from models.requests import CopyOptions, Text
from models.results import BatchAborted, BatchInterrupted, BatchUnfinished, BulkResult
from models.runners import Runner
from models.schema import require_schema
from tasks.artifacts import show_progress, show_result, start_progress
from tasks.batch_records import (
    abort_batch,
    count_unfinished,
    finish_batch,
    read_batch,
    start_batch,
)
from tasks.copy_batch import BatchReport
from tasks.publishing import publish_batch
from tasks.reports import page_path, write_page, write_report
from tasks.reports import report_path as place_of_report
from tasks.selections.finding import find_or_record
from tasks.selections.reading import Orders, accept_orders

BATCH_SIZE = 5_000


def _run_name() -> str:
    reference = flow_run.parameters.get("reference")
    return f"copy batch {str(reference)[:64]}" if reference else "copy a batch"


def _mark_aborted(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """A hook, which Prefect calls by these names: the run is over, so its batch is not going on.

    Only the record says so. A run that goes on with the batch asks nothing of it.
    """
    with begin() as db:
        abort_batch(db, str(flow_run.id))


@shop_flow(
    name="bulk-order-factory",
    flow_run_name=_run_name,
    on_cancellation=[_mark_aborted],
    on_crashed=[_mark_aborted],
)
def bulk_order_factory(
    orders: Annotated[
        Orders | None,
        PlainValidator(accept_orders, json_schema_input_type=list[str] | str | None),
    ] = None,
    reference: Text | None = None,
    orders_where: OrderFilter | None = None,
    failed_of: Text | None = None,
    place_target_order: bool = False,
    reuse_wallet: bool = True,
    skip_errors: bool = False,
    batch_size: Annotated[int, Field(ge=1, le=100_000)] = BATCH_SIZE,
    workers: Annotated[int, Field(ge=1, le=16)] = 1,
    report_path: Text | None = None,
    runner: Runner = "threads",
    dask_address: Text | None = None,
) -> BulkResult:
    """Copy many orders in batches, and account for every one of them.

    `orders` is a list of numbers or public ids, a DataFrame, or a file; frames and files have the
    column `source_order` and may have `place_target_order`, `reuse_wallet`, `skip_errors`,
    `reference`, `reference_origin` and `metadata` for each copy. Instead of it, `orders_where`
    takes the orders that fit a filter, and `failed_of` tries the failed copies of an earlier batch
    again, with what was asked for then. All copies are recorded as pending before the first is
    made. Orders that cannot be copied fail, the others are copied:
    the state is then named `CompletedWithErrors`. Where copies are left unfinished the run fails
    with `BatchUnfinished`, and starting the batch again under its reference finishes them.

    Cancelling the run in Prefect, Ctrl-C and SIGTERM stop it after the transactions in hand: what
    is unfinished stays pending, the batch is `aborted` until it is started again. The run then
    ends `Cancelled` and a plain call raises `BatchAborted` (`BatchInterrupted` after Ctrl-C);
    after SIGTERM it ends as Prefect ends it.

    Raises `SelectionInvalid`, `InvalidRequest`, `BatchNotFound`, `DatabaseNotReady`: nothing was
    changed then.

    Args:
        orders: Numbers or ids of the orders, or the path of a CSV, Parquet, XLSX or JSON Lines
            file that names them. Leave it empty to finish the batch of the reference.
        reference: The batch's own name; started again under it, the batch goes on.
        orders_where: Which orders of the database to copy, instead of naming them.
        failed_of: Reference of an earlier batch whose failed copies are tried again, each once.
        place_target_order: Place the target orders, where a row does not say otherwise.
        reuse_wallet: Copy the saved payment sources, where a row does not say otherwise.
        skip_errors: Leave out what cannot be copied and copy the rest, where a row does not say
            otherwise.
        batch_size: How many orders are copied in one transaction.
        workers: How many transactions (with flow_runs, orders) run at a time; more than one pays
            on PostgreSQL only.
        report_path: Report file, .csv, .parquet or .xlsx, one row per copy; a page with the same
            name goes beside it. Leave it empty for one under var/reports.
        runner: What runs them: threads of this process, a Dask cluster, Prefect workers, or, for
            a small batch, a flow run of each order.
        dask_address: The scheduler of a running Dask cluster. Leave it empty for one of `workers`
            processes on this machine.
    """
    require_schema()
    chosen = choose_runner(runner, dask_address)
    reference = reference or f"bulk-{flow_run.id}"
    place = place_of_report(report_path, reference)
    options = CopyOptions(
        place_target_order=place_target_order, reuse_wallet=reuse_wallet, skip_errors=skip_errors
    )
    batch_id = find_or_record(reference, options, orders, orders_where, failed_of)
    with reading() as db:
        chosen.accept(db, batch_id)
    started = perf_counter()
    copied, problems, stopped = _copy_all(chosen, Job(batch_id, reference, batch_size, workers))
    seconds = perf_counter() - started
    with begin() as db:
        finish_batch(db, batch_id)
        if stopped:
            abort_batch(db, str(flow_run.id))
    with reading() as db:
        result = read_batch(db, batch_id)
        write_report(db, batch_id, place)
        page = page_path(place)
        own = {"seconds": seconds, "copied_in_this_run": copied}
        paths = {"report_path": str(place), "page_path": str(page)}
        result = result.model_copy(update=own | paths)
        write_page(db, batch_id, result, page)
    show_result(result)
    publish_batch(result)
    return cast(BulkResult, _ended(result, problems, stopped))


def _copy_all(runner: ChosenRunner, job: Job) -> tuple[int, list[str], StopReason | None]:
    """Copy what is unfinished; copies made, what went wrong, and why it stopped if it was told to.

    One round of parts follows the other while there is something left and something moves.
    """
    with begin() as db:
        total = left = start_batch(db, job.batch_id, flow_run.id)
    artifact = start_progress(job.reference)
    report_progress("copy orders", 0, total)
    done, problems = 0, []
    with stopping(str(flow_run.id)) as stop, runner.open(job, stop) as copy_parts:
        while left and stop.reason is None:
            closed = 0
            for outcome in copy_parts(ceil(left / job.size)):
                if isinstance(outcome, BatchReport):
                    closed += outcome.closed
                    problems += [
                        f"order factory {key} could not be closed" for key in outcome.stuck
                    ]
                else:
                    problems.append(str(outcome))
                report_progress("copy orders", done + closed, total)
                show_progress(artifact, done + closed, total)
                if isinstance(outcome, DatabaseNotReady):
                    # Every other part would wait for it as long.
                    return done + closed, problems, stop.reason
            done += closed
            # What is left was held by others or met a fault: another round pays while one moves.
            with reading() as db:
                left = count_unfinished(db, job.batch_id) if closed else 0
    return done, problems, stop.reason


def _ended(result: BulkResult, problems: list[str], stopped: StopReason | None) -> Any:
    """The result, or the Prefect state that tells how the batch ended.

    Raises `TerminationSignal` where the run was stopped by one: Prefect knows whose it was.
    """
    if stopped and (result.pending or result.in_progress):
        if stopped == StopReason.TERMINATED:
            raise TerminationSignal(signal.SIGTERM)
        interrupted = stopped == StopReason.INTERRUPTED
        kind = BatchInterrupted if interrupted else BatchAborted
        aborted = kind(result, [stopped.value, *problems])
        return Cancelled(message=str(aborted), data=aborted)
    if result.pending or result.in_progress:
        unfinished = BatchUnfinished(result, problems)
        return Failed(message=str(unfinished), data=unfinished)
    if result.errors:
        told = f"{result.completed} of {result.orders_count} orders copied, {result.failed} failed"
        return Completed(name="CompletedWithErrors", message=told, data=result)
    return result
