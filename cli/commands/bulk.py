"""`order-factory bulk`: copy many orders."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import uuid4

import typer

from order_factory.cli.copy_options import add_copy_options
from order_factory.cli.failures import FAILED
from order_factory.cli.options import (
    AsJson,
    BatchSize,
    Debug,
    Mode,
    Verbose,
    Workers,
    get_terminal,
)
from order_factory.cli.selection_options import (
    AllOrders,
    FailedOf,
    File,
    OrderNames,
    Resume,
    add_order_filter,
    filter_fields,
    order_filter,
    require_one,
)
from order_factory.tasks.reports.formats import ENDINGS_IN_WORDS

if TYPE_CHECKING:
    from order_factory.models.results.copies import BulkResult


@add_order_filter
@add_copy_options
def bulk(
    context: typer.Context,
    file: File = None,
    order: OrderNames = None,
    all_orders: AllOrders = False,
    *,
    mode: Mode = "live",
    failed_of: FailedOf = None,
    resume: Resume = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="TEXT",
            help="Name of the batch. Orders are not copied twice under the same name.",
            show_default="the current time",
        ),
    ] = None,
    error_policy: Annotated[
        Literal["reject_failed", "skip_errors", "reject_everything"],
        typer.Option(
            "--error-policy",
            help="When orders have errors: copy the others, also copy their valid parts, or copy "
            "nothing.",
        ),
    ] = "reject_failed",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Report how the batch would end, and change nothing.",
        ),
    ] = False,
    batch_size: BatchSize = None,
    workers: Workers = 1,
    runner: Annotated[
        Literal["threads", "dask", "workers", "flow-runs", "flow_runs"],
        typer.Option(
            "--runner",
            help="Run the batch in threads, a Dask cluster, Prefect workers, or a flow run per order.",
        ),
    ] = "threads",
    dask_address: Annotated[
        str | None,
        typer.Option(
            "--dask-address",
            metavar="ADDRESS",
            help="Scheduler of a running Dask cluster, such as tcp://host:8786.",
            show_default="a cluster of --workers processes on this machine",
        ),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="PATH",
            help=f"Report file with one row per order ({ENDINGS_IN_WORDS}). An .html page is "
            "written next to it.",
            show_default="a file under var/reports",
        ),
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Copy many orders: from a file, by number, by a filter, or all.

    Orders with errors fail, the others are copied. The report has a row for each order. Ctrl-C
    stops after the current transactions; --resume finishes the batch. --failed-of retries the
    failed copies of a batch. The exit code is 1 if any copy failed.
    """
    fields = filter_fields(options)
    chosen = {
        "FILE": file,
        "--order": order,
        "--all-orders": all_orders,
        "--failed-of": failed_of,
        "--resume": resume,
    }
    require_one(chosen, fields)
    _require_file(file)
    from order_factory.cli.copy_options import check_options
    from order_factory.cli.flow_runs import run_flow, start_prefect
    from order_factory.cli.program import command_line
    from order_factory.cli.views.batches import describe_batch, suggest_after_batch
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.models.results.copies import BatchFailed, BatchInterrupted, BatchUnfinished
    from order_factory.models.values.statuses import Mode
    from order_factory.tasks.batches.records import require_batch
    from order_factory.tasks.reports.paths import report_path, require_writable
    from order_factory.tasks.selections.finding import check_orders
    from order_factory.tasks.selections.reading import accept_orders

    terminal = get_terminal(context)
    options["skip_errors"] |= error_policy == "skip_errors"
    _refuse_mode(mode, failed_of or resume)
    _refuse_with_resume(resume, reference, options, error_policy)
    _refuse_without_dask(runner, dask_address)
    name = resume or reference or f"bulk-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    # Check everything before Prefect starts, which takes seconds.
    require_writable(report_path(report, name))
    request = check_options(options | {"reference": reference})
    require_schema()
    if earlier := resume or failed_of:
        with reading() as db:
            require_batch(db, earlier)
    terminal.on_interrupt = lambda: describe_resume(name)
    selection: dict[str, Any] = {
        "orders": file or order,
        "orders_where": (
            # A batch that exists under this reference is resumed, even when no order matches now.
            order_filter(fields | {"mode": mode}, must_fit=reference is None)
            if all_orders or fields
            else None
        ),
        "failed_of": failed_of,
    }
    if given_orders := accept_orders(file or order or None):
        selection["mode"] = mode
        check_orders(name, given_orders, request, Mode(mode))
    start_prefect(terminal)
    from order_factory.flows.bulk_order_factory import bulk_order_factory

    given: dict[str, Any] = {
        "error_policy": error_policy,
        "dry_run": dry_run,
        "workers": workers,
        "runner": runner.replace("-", "_"),
        "dask_address": dask_address,
        "report_path": report,
        **options,
        **selection,
    }
    if batch_size is not None:
        given["batch_size"] = batch_size
    try:
        result = run_flow(
            terminal,
            "recording the orders to copy",
            lambda: bulk_order_factory(reference=name, **given),
        )
    except BatchInterrupted:
        raise KeyboardInterrupt from None
    except BatchFailed as failed:
        result = failed.result
    except BatchUnfinished as unfinished:
        result = unfinished.result
        terminal.note(f"{unfinished}.")
    if result.report_path is None and result.id:
        again = command_line("batch", result.reference, "--report", "PATH")
        terminal.note(f"The report could not be written. To write it elsewhere, run `{again}`.")
    terminal.show(document(result), *describe_batch(result), suggest_after_batch(result))
    if result.completed < result.orders_count:
        raise typer.Exit(FAILED)


def describe_resume(reference: str) -> str:
    """The message after Ctrl-C: the state of the batch, and the command that finishes it."""
    from order_factory.cli.program import command_line
    from order_factory.models.database.engine import reading
    from order_factory.models.errors import BatchNotFound
    from order_factory.tasks.batches.records import require_batch

    try:
        with reading() as db:
            require_batch(db, reference)
    except BatchNotFound:
        return "Stopped before anything was recorded. Nothing was changed."
    again = command_line("bulk", "--resume", reference)
    return (
        "Stopped. Each order was copied completely or not at all. "
        f"To finish the batch, run `{again}`."
    )


def document(result: "BulkResult") -> dict[str, Any]:
    """The result as the JSON document of `--json`."""
    speed = round(result.orders_per_second, 1)
    return result.model_dump(mode="json") | {"orders_per_second": speed}


def _refuse_with_resume(
    resume: str | None, reference: str | None, options: dict[str, Any], error_policy: str
) -> None:
    from order_factory.models.errors import InvalidRequest
    from order_factory.models.requests.copies import CopyOptions

    own = CopyOptions(**options) != CopyOptions() or error_policy != "reject_failed"
    if resume and (reference or own):
        raise InvalidRequest(
            f"The batch {resume!r} has its own reference and options. Use --resume without others."
        )


def _refuse_mode(mode: str, batch: str | None) -> None:
    from order_factory.models.errors import InvalidRequest

    if batch is not None and mode != "live":
        raise InvalidRequest(f"The batch {batch!r} has its own mode. Omit --mode.")


def _refuse_without_dask(runner: str, dask_address: str | None) -> None:
    from order_factory.models.errors import InvalidRequest

    if dask_address is not None and runner != "dask":
        raise InvalidRequest("--dask-address needs --runner dask.")


def _require_file(file: str | None) -> None:
    from order_factory.cli.program import command_line
    from order_factory.models.errors import InvalidRequest

    if file is None or Path(file).is_file():
        return
    problem = f"The file {file!r} does not exist. Give a file that lists orders."
    if not Path(file).suffix and Path(file).name == file:
        # Most likely the number of an order.
        problem = (
            f"The file {file!r} does not exist. If it is an order's number, use "
            f"`{command_line('copy', file)}` or `{command_line('bulk', '--order', file)}`."
        )
    raise InvalidRequest(problem)
