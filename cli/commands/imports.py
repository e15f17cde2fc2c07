"""`order-factory import`: import a shop's files into the database."""

from typing import Annotated, Any, Literal

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, Verbose, get_terminal


def import_files(
    context: typer.Context,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A .csv, .xlsx, .parquet or .jsonl file, or a folder of such files.",
        ),
    ],
    mode: Annotated[
        Literal["live", "test"],
        typer.Option("--mode", help="Whether the rows are live data or test data."),
    ] = "live",
    rejects: Annotated[
        str | None,
        typer.Option(
            "--rejects",
            metavar="PATH",
            help="CSV file for the rows that cannot be imported.",
            show_default="a file under var/",
        ),
    ] = None,
    chunk_size: Annotated[
        int | None,
        typer.Option(
            "--chunk-size",
            min=1,
            metavar="N",
            help="Import at most N rows in one transaction.",
            show_default="20000",
        ),
    ] = None,
    update: Annotated[
        bool,
        typer.Option("--update", help="Update existing rows, such as stock and statuses."),
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME|PATH",
            help="Order exports of shopify, woocommerce or adobe_commerce, or your own mapping.",
        ),
    ] = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Import customers, catalogue and orders from files.

    The file name starts with the resource, such as orders.csv or line_items.parquet. Invalid rows
    go to the rejects file, each with its line and the reason. Existing rows with other values are
    counted, or changed with --update. The exit code is 1 if any row is invalid or differs.

    With --format PATH is an order export of another platform, under any name.
    """
    from order_factory.cli.flow_runs import run_flow, start_prefect
    from order_factory.cli.views.import_reports import describe_import
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.imports.files import find_files
    from order_factory.tasks.imports.platforms.files import find_platform_files, open_platform_file
    from order_factory.tasks.imports.reading import open_source

    terminal = get_terminal(context)
    terminal.on_interrupt = lambda: (
        "Stopped. The imported rows are saved. Run the same command again to import the rest."
    )
    require_schema()
    # Check this before Prefect starts, which takes seconds.
    if format is None:
        for file in find_files(path):
            open_source(file)
    else:
        for export in find_platform_files(path, format):
            open_platform_file(export)
    start_prefect(terminal)
    from order_factory.flows.import_orders import import_orders

    given: dict[str, Any] = {"path": path, "mode": mode, "rejects_path": rejects, "update": update}
    given["format"] = format
    if chunk_size is not None:
        given["chunk_size"] = chunk_size
    report = run_flow(terminal, "reading the files", lambda: import_orders(**given))
    terminal.show(report.model_dump(mode="json"), *describe_import(report))
    if report.rejected or report.different:
        raise typer.Exit(FAILED)
