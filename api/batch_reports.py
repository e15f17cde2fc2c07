"""The report of a batch: the counts of its copies by status, and their errors."""

from sqlalchemy import Connection

from order_factory.api.presenting import Json, View
from order_factory.api.reading import require_row
from order_factory.api.resources.batches import ORDER_FACTORY_BATCHES
from order_factory.api.settings import api_settings
from order_factory.tasks.batches.records import read_batch

# Only a run of the bulk flow has these.
_OF_A_RUN = {"id", "seconds", "copied_in_this_run", "report_path"}


def show_report(db: Connection, name: str, view: View) -> Json:
    """The document of a batch's report. Raises `ApiError` (404)."""
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
