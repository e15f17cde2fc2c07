"""`order-factory export`: export any selection of the shop into files."""

from typing import Annotated, Any

import typer

from order_factory.cli.options import AsJson, Debug, Mode, Verbose, get_terminal
from order_factory.cli.selection_options import add_order_filter, filter_fields, order_filter


@add_order_filter
def export_files(
    context: typer.Context,
    resource: Annotated[
        str,
        typer.Argument(
            metavar="RESOURCE",
            help="Resource to export, such as orders. `all` exports every resource that import reads.",
            show_default=False,
        ),
    ],
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A .csv, .jsonl or .parquet file, or a folder for a file per resource.",
            show_default=False,
        ),
    ],
    include: Annotated[
        list[str] | None,
        typer.Option(
            "--include",
            metavar="NAME",
            help="Also export a related resource, such as line_items. Repeatable.",
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="PREDICATE=VALUE",
            help="Export only rows that match this filter of the HTTP API. Repeatable.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="The format in a folder: csv, jsonl or parquet.",
            show_default="csv",
        ),
    ] = None,
    mode: Mode = "live",
    as_json: AsJson = False,
    verbose: Verbose = False,
    debug: Debug = False,
    **options: Any,
) -> None:
    """Export orders, customers or the catalogue into files that import can read.

    The order options select orders, as in bulk: placed and approved ones that are not copies, unless
    you say otherwise. Without them and without --where, all rows are exported. Run a stopped export
    again with the same options to continue it.
    """
    from order_factory.cli.flow_runs import run_flow, start_prefect
    from order_factory.cli.views.export_reports import describe_export
    from order_factory.models.database.schema import require_schema
    from order_factory.models.results.exports import ExportInterrupted

    terminal = get_terminal(context)
    terminal.on_interrupt = lambda: (
        "Stopped. The exported records are kept. Run the same command again to export the rest."
    )
    filters = _parse_filters(where or [])
    require_schema()
    fields = filter_fields(options)
    given: dict[str, Any] = {
        "resource": resource,
        "path": path,
        "include": include or [],
        "filters": filters,
        "format": format,
        "mode": mode,
    }
    if fields:
        given["orders_where"] = order_filter({**fields, "mode": mode}, must_fit=False)
    start_prefect(terminal)
    from order_factory.flows.export_records import export_records

    try:
        report = run_flow(terminal, "selecting the records", lambda: export_records(**given))
    except ExportInterrupted:
        raise KeyboardInterrupt from None
    terminal.show(report.model_dump(mode="json"), *describe_export(report))


def _parse_filters(where: list[str]) -> dict[str, str]:
    """The filters by predicate. Raises `InvalidRequest` for another form or a repeated predicate."""
    from order_factory.models.errors import InvalidRequest

    filters: dict[str, str] = {}
    for each in where:
        predicate, equals, value = each.partition("=")
        if not equals or not predicate:
            raise InvalidRequest(
                f"--where {each!r} is not a filter. Use PREDICATE=VALUE, such as status_eq=placed."
            )
        if predicate in filters:
            raise InvalidRequest(f"--where {predicate} is given twice. Use the matcher `in`.")
        filters[predicate] = value
    return filters
