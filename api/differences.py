"""The differences between a copy and its source order, with the reasons."""

from sqlalchemy import Connection

from order_factory.api.presenting import Json, View
from order_factory.api.reading import require_row
from order_factory.api.resources.description import ResourceType
from order_factory.api.settings import api_settings
from order_factory.models.tables import OrderFactory
from order_factory.tasks.reports.differences import read_differences
from order_factory.tasks.working_set.statements import table_of


def show_differences(db: Connection, resource: ResourceType, name: str, view: View) -> Json:
    """Return the document of the differences of one copy. Raises `ApiError` (404)."""
    row = require_row(db, resource, name, view.mode)
    here = f"{view.base}/{resource.name}/{name}"
    data = {
        "id": name,
        "type": "order_factory_differences",
        "links": {"self": f"{here}/differences"},
        "attributes": {"differences": list_differences(db, row["id"])},
        "relationships": {"order_factory": {"links": {"related": here}}},
        "meta": {"mode": view.mode, "organization_id": api_settings().organization_id},
    }
    return {"data": data}


def list_differences(db: Connection, factory_id: int) -> list[Json] | None:
    """Return the differences of a copy; None if no copy was made."""
    differences = read_differences(db, table_of(OrderFactory).c.id == factory_id).get(factory_id)
    return None if differences is None else [each.model_dump() for each in differences]
