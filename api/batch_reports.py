"""The report of a batch: the counts of its copies by status, and their errors; or its files."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from order_factory.api.answers import Answer
from order_factory.api.errors import unknown_path
from order_factory.api.presenting import Json, View
from order_factory.api.reading import require_row
from order_factory.api.resources.batches import ORDER_FACTORY_BATCHES
from order_factory.api.settings import api_settings
from order_factory.tasks.batches.records import read_batch
from order_factory.tasks.reports.page import write_page
from order_factory.tasks.reports.writing import write_report
from order_factory.tasks.selections.failed_rows import write_failed_rows
from order_factory.tasks.stored_files.records import write_file

_PAGE = ".html"
_MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".jsonl": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    _PAGE: "text/html; charset=utf-8",
}

# Only a run of the bulk flow has these.
_RUN_FIELDS = {"id", "seconds", "copied_in_this_run", "report_path"}


def show_report(db: Connection, name: str, view: View) -> Json:
    """Return the document of a batch's report. Raises `ApiError` (404)."""
    row = require_row(db, ORDER_FACTORY_BATCHES, name, view.mode)
    attributes = read_batch(db, row["id"]).model_dump(mode="json", exclude=_RUN_FIELDS)
    here = f"{view.base}/{ORDER_FACTORY_BATCHES.name}/{name}"
    data = {
        "id": name,
        "type": "order_factory_batch_reports",
        "links": {"self": f"{here}/report"},
        "attributes": attributes,
        "relationships": {"order_factory_batch": {"links": {"related": here}}},
        "meta": {"mode": view.mode, "organization_id": api_settings().organization_id},
    }
    return {"data": data}


def send_report(db: Connection, name: str, ending: str, view: View) -> Answer:
    """Return the report file of this format with a row for each copy, or the report as a page.

    It is written for this answer, so it shows the current state. Of a dry run only the report as
    CSV is kept. Raises `ApiError` (404).
    """
    row = require_row(db, ORDER_FACTORY_BATCHES, name, view.mode)
    if row["dry_run"] and (ending != ".csv" or row["report_file_id"] is None):
        raise unknown_path("A dry run has report.csv once it has ended.")

    def write(file: Path) -> None:
        if ending == _PAGE:
            # The page links to the report file next to it, which is the CSV file here.
            result = read_batch(db, row["id"]).model_copy(update={"report_path": "report.csv"})
            write_page(db, row["id"], result, file)
        elif row["report_file_id"] is not None:
            write_file(db, row["report_file_id"], file)
        else:
            write_report(db, row["id"], file)

    return _send(f"{name}{ending}", write)


def send_failed_rows(db: Connection, name: str, ending: str, view: View) -> Answer:
    """The failed copies as a file of this format, which can be corrected and sent again.

    Raises `ApiError` (404).
    """
    row = require_row(db, ORDER_FACTORY_BATCHES, name, view.mode)
    return _send(f"{name}-failed{ending}", lambda file: write_failed_rows(db, row["id"], file))


def _send(name: str, write: Callable[[Path], None]) -> Answer:
    """The answer with the file that `write` makes. It lies on the disk until it is sent."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path)
        file = path.open("rb")
    headers = (
        {}
        if path.suffix == _PAGE
        else {"Content-Disposition": f'attachment; filename="{path.name}"'}
    )
    media_type = _MEDIA_TYPES.get(path.suffix, "application/octet-stream")
    return Answer(200, headers=headers, media_type=media_type, file=file)
