"""`order-factory bulk`: copy many orders."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import uuid4

import typer

from cli.failures import FAILED
from cli.options import (
    AsJson,
    Debug,
    PlaceTargetOrder,
    ReuseWallet,
    SkipErrors,
    Verbose,
    terminal_of,
)

if TYPE_CHECKING:
    from models.results import BulkResult


def bulk(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            help="A .csv, .parquet, .xlsx or .jsonl file with the column source_order, and if "
            "wanted place_target_order, reuse_wallet, skip_errors, reference, reference_origin, "
            "metadata.",
            show_default=False,
        ),
    ] = None,
    order: Annotated[
        list[str] | None,
        typer.Option(
            "--order", metavar="ORDER", help="Number or id of an order; give it once per order."
        ),
    ] = None,
    all_orders: Annotated[
        bool,
        typer.Option(
            "--all-orders", help="Every placed (or approved) order that is itself no copy."
        ),
    ] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", min=1, metavar="N", help="Only the earliest so many; with --all-orders."
        ),
    ] = None,
    mode: Annotated[
        Literal["live", "test"],
        typer.Option("--mode", help="Live orders or test orders; with --all-orders."),
    ] = "live",
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume", metavar="REFERENCE", help="Finish the batch that has this reference."
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            "--reference",
            metavar="TEXT",
            help="The batch's own name; the same orders under the same name are not copied twice.",
            show_default="its time",
        ),
    ] = None,
    place_target_order: PlaceTargetOrder = False,
    reuse_wallet: ReuseWallet = True,
    skip_errors: SkipErrors = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            "--batch-size",
            metavar="N",
            min=1,
            max=100_000,
            help="Orders copied in one transaction.",
            show_default="5000",
        ),
    ] = None,
    workers: Annotated[
        int,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            max=16,
            help="Transactions at a time; more than one pays on PostgreSQL only.",
        ),
    ] = 1,
    runner: Annotated[
        Literal["threads", "dask", "workers", "flow-runs", "flow_runs"],
        typer.Option(
            "--runner",
            help="What copies: threads of this process, a Dask cluster, Prefect workers, or, for a "
            "small batch, a flow run of each order.",
        ),
    ] = "threads",
    dask_address: Annotated[
        str | None,
        typer.Option(
            "--dask-address",
            metavar="ADDRESS",
            help="The scheduler of a running Dask cluster, such as tcp://host:8786.",
            show_default="a cluster of --workers processes on this machine",
        ),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="PATH",
            help="Where the report goes, .csv or .parquet: a row per order.",
            show_default="a file under var/reports",
        ),
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Copy many orders: of a file, named ones, or all.

    Orders that cannot be copied fail, the others are copied, and the report accounts for every
    one of them. Ctrl-C stops after the transactions in hand, and --resume goes on. The exit code is
    1 if any failed.
    """
    from cli.flow_runs import run_flow, start_prefect
    from cli.views.batches import after_batch, describe_batch
    from models.engine import reading
    from models.results import BatchInterrupted, BatchUnfinished
    from models.schema import require_schema
    from tasks.batch_records import require_batch
    from tasks.reports import report_path

    terminal = terminal_of(context)
    chosen = {"FILE": file, "--order": order, "--all-orders": all_orders, "--resume": resume}
    options = {
        "place_target_order": place_target_order,
        "reuse_wallet": reuse_wallet,
        "skip_errors": skip_errors,
    }
    _require_one(chosen)
    _refuse_beside_resume(resume, reference, options)
    _refuse_without_all(all_orders, limit, mode)
    _refuse_without_dask(runner, dask_address)
    name = resume or reference or f"bulk-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    # Refused at once, and not after Prefect has started.
    report_path(report, name)
    _require_file(file)
    require_schema()
    if resume:
        with reading() as db:
            require_batch(db, resume)
    terminal.on_interrupt = lambda: how_to_go_on(name)
    selection = _all(mode, limit) if all_orders else file or order
    start_prefect(terminal)
    from flows.bulk_order_factory import bulk_order_factory

    given: dict[str, Any] = {
        "workers": workers,
        "runner": runner.replace("-", "_"),
        "dask_address": dask_address,
        "report_path": report,
        **options,
    }
    if batch_size is not None:
        given["batch_size"] = batch_size
    try:
        result = run_flow(
            terminal,
            "recording what is to be copied",
            lambda: bulk_order_factory(selection, name, **given),
        )
    except BatchInterrupted:
        raise KeyboardInterrupt from None
    except BatchUnfinished as unfinished:
        result = unfinished.result
        terminal.note(f"{unfinished}.")
    terminal.show(document(result), *describe_batch(result), after_batch(result))
    if result.completed < result.orders_count:
        raise typer.Exit(FAILED)


def how_to_go_on(reference: str) -> str:
    """What to say when a batch was stopped with Ctrl-C."""
    from cli.program import command_line
    from models.engine import reading
    from models.errors import BatchNotFound
    from tasks.batch_records import require_batch

    try:
        with reading() as db:
            require_batch(db, reference)
    except BatchNotFound:
        return "Stopped before anything was recorded; nothing was changed."
    again = command_line("bulk", "--resume", reference)
    return f"Stopped. Every order was copied in whole or not at all; go on with `{again}`."


def document(result: "BulkResult") -> dict[str, Any]:
    """The result for `--json`."""
    speed = round(result.orders_per_second, 1)
    return result.model_dump(mode="json") | {"orders_per_second": speed}


def _require_one(chosen: dict[str, Any]) -> None:
    from models.errors import InvalidRequest

    given = [name for name, value in chosen.items() if value]
    if len(given) != 1:
        told = f"not {' and '.join(given)} together" if given else "none was given"
        raise InvalidRequest(f"Say which orders: give one of {', '.join(chosen)}; {told}.")


def _refuse_beside_resume(
    resume: str | None, reference: str | None, options: dict[str, Any]
) -> None:
    from models.errors import InvalidRequest
    from models.requests import CopyOptions

    if resume and (reference or CopyOptions(**options) != CopyOptions()):
        raise InvalidRequest(
            f"The batch {resume!r} has its own reference and options; give none beside --resume."
        )


def _refuse_without_all(all_orders: bool, limit: int | None, mode: str) -> None:
    from models.errors import InvalidRequest

    if not all_orders and (limit is not None or mode != "live"):
        raise InvalidRequest("--limit and --mode go with --all-orders.")


def _refuse_without_dask(runner: str, dask_address: str | None) -> None:
    from models.errors import InvalidRequest

    if dask_address is not None and runner != "dask":
        raise InvalidRequest("--dask-address goes with --runner dask.")


def _require_file(file: str | None) -> None:
    from models.errors import InvalidRequest

    if file is not None and not Path(file).is_file():
        raise InvalidRequest(f"There is no file {file!r} that names orders.")


def _all(mode: str, limit: int | None) -> Any:
    from cli.selections import placed_originals
    from models.engine import reading
    from models.errors import InvalidRequest
    from models.statuses import Mode

    with reading() as db:
        orders = placed_originals(db, Mode(mode), limit)
    if orders.empty:
        raise InvalidRequest(
            f"There is no placed {mode} order to copy; `order-factory import` brings some in."
        )
    return orders
