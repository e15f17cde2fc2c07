"""`order-factory batches` and `order-factory batch`: list batches and show one."""

from pathlib import Path
from typing import Annotated

import typer

from order_factory.cli.options import AsJson, Debug, get_terminal


def batches(
    context: typer.Context,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="List at most N batches.")
    ] = 20,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """List the batches, newest first."""
    from order_factory.cli.listings import list_batches
    from order_factory.cli.views.batches import describe_batches
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema

    require_schema()
    with reading() as db:
        newest_batches = list_batches(db, limit)
    get_terminal(context).show({"batches": newest_batches}, *describe_batches(newest_batches))


def batch(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="Reference of the batch.")],
    report: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write the report to this file (.csv, .parquet or .xlsx), and a page.",
        ),
    ] = None,
    failed_rows: Annotated[
        str | None,
        typer.Option(
            "--failed-rows",
            metavar="FILE",
            help="Write the failed copies to this file. Correct it and copy it with bulk.",
        ),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Show the progress and the errors of a batch."""
    from rich.text import Text

    from order_factory.cli.views.batches import describe_batch, suggest_after_batch
    from order_factory.models.database.engine import reading
    from order_factory.models.database.schema import require_schema
    from order_factory.tasks.batches.records import read_batch, require_batch
    from order_factory.tasks.reports.page import write_page
    from order_factory.tasks.reports.paths import page_path, report_path, require_writable
    from order_factory.tasks.reports.writing import write_report
    from order_factory.tasks.selections.failed_rows import write_failed_rows

    path = report_path(report, reference) if report else None
    rows_path = Path(failed_rows) if failed_rows else None
    require_schema()
    with reading() as db:
        batch_id = require_batch(db, reference)
        result = read_batch(db, batch_id)
        if path is not None:
            write_report(db, batch_id, path)
            paths = {"report_path": str(path), "page_path": str(page_path(path))}
            result = result.model_copy(update=paths)
            write_page(db, batch_id, result, page_path(path))
        if rows_path is not None:
            require_writable(rows_path)
            write_failed_rows(db, batch_id, rows_path)
    shown = {"seconds", "copied_in_this_run", *(() if report else ("report_path", "page_path"))}
    parts = [*describe_batch(result), suggest_after_batch(result)]
    if rows_path is not None:
        parts.insert(
            1, Text(f"Failed rows: {rows_path}. Correct them, then copy the file with bulk.")
        )
    get_terminal(context).show(result.model_dump(mode="json", exclude=shown), *parts)
