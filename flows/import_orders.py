"""Importing a shop's customers, catalogue and orders from files."""

from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, cast

from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field, StringConstraints

from order_factory.flows.support.shop_flow import shop_flow
from order_factory.models.database.schema import require_schema
from order_factory.models.results.imports import FileReport, ImportReport
from order_factory.models.values.statuses import Mode
from order_factory.tasks.import_file import import_file
from order_factory.tasks.import_platform_file import PlatformTally, import_platform_file
from order_factory.tasks.imports.balance import Unbalanced, find_unbalanced_orders, last_keys
from order_factory.tasks.imports.files import find_files
from order_factory.tasks.imports.platforms.files import find_platform_files, open_platform_file
from order_factory.tasks.imports.reading import open_source
from order_factory.tasks.imports.rejects import new_rejects_file
from order_factory.tasks.imports.tally import Tally

PathText = Annotated[
    str, StringConstraints(strip_whitespace=True), Field(min_length=1, max_length=4_096)
]


def _import_files(
    path: str, mode: Mode, rejects: Path, chunk_size: int, update: bool
) -> list[FileReport]:
    files = find_files(path)
    rejects_file = new_rejects_file(rejects, [file.path for file in files])
    for file in files:  # check all of them before importing the first
        open_source(file)
    return [import_file(file, mode, rejects_file, chunk_size, Tally(), update) for file in files]


def _import_exports(
    path: str, format_name: str, mode: Mode, rejects: Path, chunk_size: int, update: bool
) -> list[FileReport]:
    files = find_platform_files(path, format_name)
    rejects_file = new_rejects_file(rejects, [file.path for file in files])
    for file in files:
        open_platform_file(file)
    return [
        report
        for file in files
        for report in import_platform_file(
            file, mode, rejects_file, chunk_size, PlatformTally(), update
        )
    ]


@shop_flow(name="import-orders", flow_run_name="import orders", not_in_form=("chunk_size",))
def import_orders(
    path: PathText,
    mode: Mode = Mode.LIVE,
    rejects_path: PathText | None = None,
    chunk_size: Annotated[int, Field(ge=1, le=100_000)] = 20_000,
    update: bool = False,
    format: PathText | None = None,
) -> ImportReport:
    """Import files of customers, catalogue and orders, or order exports of another platform.

    Invalid rows go to the rejects file, the others are imported. Importing the same file again
    changes nothing. Existing rows with other values are counted, or changed with `update`. Raises
    `DatabaseNotReady`, and `InvalidRequest` for an unknown path, file, column or format, before
    anything is written.

    Args:
        path: A .csv, .xlsx, .parquet or .jsonl file, or a folder of such files.
        mode: Whether the rows are test data or live data.
        rejects_path: File for the invalid rows. Leave it empty for a file under var.
        chunk_size: Import at most this many rows in one transaction.
        update: Update existing rows that have changed in the shop, such as stock, SKUs, statuses
            and expired cards.
        format: For order exports of another platform: shopify, woocommerce, adobe_commerce, or the
            path of a mapping (.yaml). Leave it empty for files of customers, SKUs, orders and so on.
    """
    started = perf_counter()
    require_schema()
    rejects = Path(rejects_path or f"var/rejects-{flow_run.get_id()}.csv")
    before = last_keys()
    if format is None:
        reports = _import_files(path, mode, rejects, chunk_size, update)
    else:
        reports = _import_exports(path, format, mode, rejects, chunk_size, update)
    has_lines = any(report.resource == "line_items" for report in reports)
    unbalanced = find_unbalanced_orders(mode, before) if has_lines else Unbalanced()
    written_rejects = str(rejects) if rejects.exists() else None
    report = ImportReport.of(reports, perf_counter() - started, written_rejects, *unbalanced)
    return cast(ImportReport, _end_state(report))


def _end_state(report: ImportReport) -> Any:
    if report.rejected or report.unbalanced_orders:
        return Completed(name="CompletedWithErrors", message=report.outcome, data=report)
    return Completed(message=report.outcome, data=report)
