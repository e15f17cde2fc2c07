"""The report of a batch: the counts of its copies by status, and their errors; or its files."""

from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from order_factory.api.answers import Answer
from order_factory.api.presenting import Json, View
from order_factory.api.reading import require_row
from order_factory.api.resources.batches import ORDER_FACTORY_BATCHES
from order_factory.api.settings import api_settings
from order_factory.tasks.batches.records import read_batch
from order_factory.tasks.reports.page import write_page
from order_factory.tasks.reports.writing import write_report

_PAGE = ".html"
_MEDIA_TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    _PAGE: "text/html; charset=utf-8",
}

# Only a run of the bulk flow has these.
_OF_A_RUN = {"id", "seconds", "copied_in_this_run", "report_path"}


def show_report(db: Connection, name: str, view: View) -> Json:
    """Return the document of a batch's report. Raises `ApiError` (404)."""
    row = require_row(db, ORDER_FACTORY_BATCHES, name, view.mode)
    attributes = read_batch(db, row["id"]).model_dump(mode="json", exclude=_OF_A_RUN)
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

    It is written for this answer, so it shows the current state. Raises `ApiError` (404).
    """
    row = require_row(db, ORDER_FACTORY_BATCHES, name, view.mode)
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}{ending}"
        if ending == _PAGE:
            # The page links to the report file next to it, which is the CSV file here.
            result = read_batch(db, row["id"]).model_copy(update={"report_path": "report.csv"})
            write_page(db, row["id"], result, file)
        else:
            write_report(db, row["id"], file)
        body = file.read_bytes()
    headers = (
        {} if ending == _PAGE else {"Content-Disposition": f'attachment; filename="{file.name}"'}
    )
    return Answer(200, body, headers, _MEDIA_TYPES.get(ending, "application/octet-stream"))
