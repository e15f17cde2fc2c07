"""Exporting any selection of the shop into files."""

import signal
from time import perf_counter
from typing import Annotated, Any, Literal, cast

from prefect.exceptions import TerminationSignal
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed
from pydantic import Field, JsonValue, StringConstraints

from order_factory.flows.support.exporting import select_by_filters, write_export
from order_factory.flows.support.shop_flow import shop_flow
from order_factory.flows.support.stop_signals import Stop, StopReason, watch_for_stop
from order_factory.models.database.identity import shop_id
from order_factory.models.database.retrying import read
from order_factory.models.database.schema import require_schema
from order_factory.models.errors import InvalidRequest
from order_factory.models.requests.order_filters import FormFilter
from order_factory.models.results.exports import (
    ExportedFile,
    ExportInterrupted,
    ExportReport,
    ExportStopped,
)
from order_factory.models.values.counts import format_count
from order_factory.models.values.statuses import Mode
from order_factory.tasks.exports.checkpoints import digest_selection
from order_factory.tasks.exports.formats import find_format
from order_factory.tasks.exports.order_selection import select_orders
from order_factory.tasks.exports.places import find_place
from order_factory.tasks.exports.resources import ExportResource
from order_factory.tasks.exports.selecting import select_export
from order_factory.tasks.exports.writing import ExportRun
from order_factory.tasks.selections.filters import resolve_customer

Name = Annotated[str, StringConstraints(strip_whitespace=True), Field(min_length=1, max_length=64)]
PathText = Annotated[
    str, StringConstraints(strip_whitespace=True), Field(min_length=1, max_length=4_096)
]
Include = Annotated[str, StringConstraints(strip_whitespace=True), Field(max_length=200)]


@shop_flow(name="export-records", flow_run_name="export {resource}")
def export_records(
    resource: Name,
    path: PathText,
    include: list[Include] = [],  # noqa: B006  (pydantic copies it)
    filters: dict[str, JsonValue] = {},  # noqa: B006
    orders_where: FormFilter = None,
    format: Literal["csv", "jsonl", "parquet"] | None = None,
    mode: Mode = Mode.LIVE,
) -> ExportReport:
    """Export a selection of the shop into files that an import can read.

    A file has its final name only when it is complete. If a run was stopped or has died, run it
    again: it continues, and the files are the same. All rows are of the moment at which the run
    began. Raises `DatabaseNotReady`, `ExportTaken`, and `InvalidRequest` for an unknown resource,
    include or filter. After Ctrl-C a plain call raises `ExportInterrupted`. When the run was
    cancelled in Prefect, it raises `ExportStopped`.

    Args:
        resource: Resource to export, such as orders. `all` exports every resource that an import
            reads.
        path: The file, such as orders.csv, or a folder for a file for each resource.
        include: Related resources to export too, such as line_items or customer.
        filters: Predicates of the HTTP API and their values, such as status_eq and placed.
        orders_where: A filter for orders. Leave it empty to export all of them.
        format: The format of the files in a folder.
        mode: Whether to export live data or test data.
    """
    started = perf_counter()
    require_schema()
    if orders_where is not None:
        if resource != "orders" or filters:
            raise InvalidRequest("orders_where needs the resource orders, and no filters.")
        given = orders_where
        orders_where = read(lambda db: resolve_customer(db, given))
    selection = select_by_filters(resource, mode, include, filters)
    files = len(selection.resources)
    place, format_name = find_place(path, format, files)
    digest = digest_selection(
        {
            "shop": read(shop_id),
            "selection": [resource, include, filters, format_name, mode],
            "orders_where": orders_where and orders_where.model_dump(mode="json"),
        }
    )
    with place.hold(), watch_for_stop(str(flow_run.id)) as stop:
        checkpoint = place.read_checkpoint(digest)
        if orders_where is not None:
            fits = select_orders(orders_where, checkpoint.started_at)
            selection = select_export(resource, mode, include, fits)
        run = ExportRun(selection, place, find_format(format_name), checkpoint)
        if not write_export(run, stop.is_set):
            stopped: ExportReport = _make_stopped_state(run, stop)
            return stopped
        named = run.finish()
    report = _make_report(run, named, perf_counter() - started)
    done = f"{format_count(report.records, 'record')} exported to {report.path}"
    return cast(ExportReport, Completed(message=done, data=report))


def _make_stopped_state(run: ExportRun, stop: Stop) -> Any:
    """The Prefect state of a run that was stopped."""
    if stop.reason is StopReason.TERMINATED:
        raise TerminationSignal(signal.SIGTERM)
    error_class = ExportInterrupted if stop.reason is StopReason.INTERRUPTED else ExportStopped
    reason = stop.reason.value if stop.reason is not None else ""
    error = error_class(str(run.place.path), run.checkpoint.records, reason)
    return Cancelled(message=str(error), data=error)


def _make_report(run: ExportRun, named: list[ExportResource], seconds: float) -> ExportReport:
    files = [
        ExportedFile(
            file=str(run.place.file_path(each.name)),
            resource=each.name,
            records=run.count_records(each),
            bytes=run.place.file_path(each.name).stat().st_size,
        )
        for each in named
    ]
    return ExportReport(
        path=str(run.place.path),
        files=files,
        records=run.checkpoint.records,
        resumed=run.is_resumed,
        seconds=round(seconds, 3),
    )
