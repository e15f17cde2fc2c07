"""Copying many orders."""

from collections.abc import Iterator
from math import ceil
from time import perf_counter
from typing import Annotated, Any, cast

from prefect.futures import PrefectFuture, as_completed
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field, PlainValidator

from flows.shop_flow import shop_flow
from models.engine import begin, reading
from models.errors import DatabaseNotReady
from models.order_filters import OrderFilter
from models.progress import report_progress
from models.requests import CopyOptions, Text
from models.results import BatchUnfinished, BulkResult
from models.schema import require_schema
from tasks.artifacts import show_progress, show_result, start_progress
from tasks.batch_records import (
    count_unfinished,
    finish_batch,
    read_batch,
    start_batch,
)
from tasks.copy_batch import BatchReport, copy_batch
from tasks.publishing import publish_batch
from tasks.reports import page_path, write_page, write_report
from tasks.reports import report_path as place_of_report
from tasks.selections.finding import find_or_record
from tasks.selections.reading import Orders, accept_orders

BATCH_SIZE = 5_000


def _run_name() -> str:
    reference = flow_run.parameters.get("reference")
    return f"copy batch {str(reference)[:64]}" if reference else "copy a batch"


@shop_flow(name="bulk-order-factory", flow_run_name=_run_name)
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
        workers: How many transactions run at a time; more than one pays on PostgreSQL only.
        report_path: Report file, .csv, .parquet or .xlsx, one row per copy; a page with the same
            name goes beside it. Leave it empty for one under var/reports.
    """
    require_schema()
    reference = reference or f"bulk-{flow_run.id}"
    place = place_of_report(report_path, reference)
    options = CopyOptions(
        place_target_order=place_target_order, reuse_wallet=reuse_wallet, skip_errors=skip_errors
    )
    batch_id = find_or_record(reference, options, orders, orders_where, failed_of)
    started = perf_counter()
    copied, problems = _copy_all(batch_id, reference, batch_size, workers)
    seconds = perf_counter() - started
    with begin() as db:
        finish_batch(db, batch_id)
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
    return cast(BulkResult, _ended(result, problems))


def _copy_all(batch_id: int, reference: str, size: int, workers: int) -> tuple[int, list[str]]:
    """Copy what is unfinished, some transactions at a time; copies made, and what went wrong."""
    with begin() as db:
        total = left = start_batch(db, batch_id, flow_run.id)
    artifact = start_progress(reference)
    report_progress("copy orders", 0, total)
    done, problems = 0, []
    while left:
        closed = 0
        for outcome in _reports(batch_id, size, ceil(left / size), workers):
            if isinstance(outcome, BatchReport):
                closed += outcome.closed
                problems += [f"order factory {name} could not be closed" for name in outcome.stuck]
            else:
                problems.append(str(outcome))
            report_progress("copy orders", done + closed, total)
            show_progress(artifact, done + closed, total)
            if isinstance(outcome, DatabaseNotReady):
                return done + closed, problems  # every other part would wait for it as long
        done += closed
        # What is left was held by other runs or met a fault: another round pays while one moves.
        with reading() as db:
            left = count_unfinished(db, batch_id) if closed else 0
    return done, problems


def _reports(batch_id: int, size: int, parts: int, workers: int) -> Iterator[Any]:
    """Each part's report, or the exception that it ended with, as they come in."""
    runner: ThreadPoolTaskRunner[BatchReport] = ThreadPoolTaskRunner(max_workers=workers)
    with runner:
        futures: list[PrefectFuture[BatchReport]] = [
            runner.submit(copy_batch, {"batch_id": batch_id, "part": part, "size": size})
            for part in range(1, parts + 1)
        ]
        for future in as_completed(futures):
            yield future.result(raise_on_failure=False)


def _ended(result: BulkResult, problems: list[str]) -> Any:
    """The result, or the Prefect state that tells how the batch ended."""
    if result.pending or result.in_progress:
        unfinished = BatchUnfinished(result, problems)
        return Failed(message=str(unfinished), data=unfinished)
    if result.errors:
        told = f"{result.completed} of {result.orders_count} orders copied, {result.failed} failed"
        return Completed(name="CompletedWithErrors", message=told, data=result)
    return result
