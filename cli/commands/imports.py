"""`order-factory import`: bring a shop's files into the database."""

from typing import Annotated, Any, Literal

import typer

from order_factory.cli.failures import FAILED
from order_factory.cli.options import AsJson, Debug, Verbose, terminal_of


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
            help="Rows of one transaction.",
            show_default="the flow's own",
        ),
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update", help="Take over new values of rows that are there: stock, statuses."
        ),
    ] = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Import customers, catalogue and orders from files.

    Rows that are there with other values are told, or changed with --update. A file holds what its name begins with, such as orders.csv or line_items.parquet. Bad rows go
    to the rejects file, each with its line and the reason; the exit code is 1 if there are any.
    """
    from order_factory.cli.flow_runs import run_flow, start_prefect
    from order_factory.cli.views.import_reports import describe_import
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.imports.files import find_files

    terminal = terminal_of(context)
    terminal.on_interrupt = lambda: (
        "Stopped. What was imported is safe; run the same command again to import the rest."
    )
    require_schema()
    # Refused at once, and not after Prefect has started.
    find_files(path)
    start_prefect(terminal)
    from order_factory.flows.import_orders import import_orders

    given: dict[str, Any] = {"path": path, "mode": mode, "rejects_path": rejects, "update": update}
    if chunk_size is not None:
        given["chunk_size"] = chunk_size
    report = run_flow(terminal, "reading the files", lambda: import_orders(**given))
    terminal.show(report.model_dump(mode="json"), *describe_import(report))
    if report.rejected or report.different:
        raise typer.Exit(FAILED)
