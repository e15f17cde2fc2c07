"""The bodies of webhooks: the same documents that the API returns for the rows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, DateTime, select

from order_factory.api.answers import render
from order_factory.api.errors import ApiError
from order_factory.api.including import Graph, include
from order_factory.api.presenting import View
from order_factory.api.query.parameters import Query, parse_query
from order_factory.api.resources.batches import ORDER_FACTORY_BATCHES
from order_factory.api.resources.description import ResourceType, Row
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.rows import add_derived, fetch_rows
from order_factory.api.settings import api_settings
from order_factory.models.tables import Event
from order_factory.models.values.public_ids import public_id
from order_factory.tasks.batches.records import read_batch
from order_factory.tasks.working_set.statements import table_of

_event = table_of(Event)
_COUNTS = ("orders_count", "completed", "failed", "aborted", "pending", "in_progress")


def render_documents(
    db: Connection, name: str, mode: str, includes: Sequence[str], keys: Sequence[int]
) -> dict[int, bytes]:
    """Return the document of each row, by key, with these relationships included.

    A deleted row is shown with its last values. Raises `ValueError` if an include is no longer a
    relationship, or leads to too many rows.
    """
    resource = RESOURCES.get(name)
    if resource is None:
        return {key: render({"data": {"type": name, "id": str(key)}}) for key in keys}
    try:
        pairs = [("include", ",".join(includes))] if includes else []
        view = View(_make_base(), mode, parse_query(resource, pairs, listing=False))
        rows = _read_rows(db, resource, mode, keys)
        bodies = {key: _render_body(db, resource, row, view) for key, row in rows.items()}
    except ApiError as error:
        raise ValueError(f"The payload cannot be made: {error.problems[0].detail}") from error
    deleted = [key for key in keys if key not in bodies]
    if deleted:
        view = View(_make_base(), mode, Query())
        for key, row in _read_deleted(db, resource, deleted).items():
            bodies[key] = render(view.document(resource, row, Graph()))
        for key in deleted:
            only = {"type": name, "id": public_id(resource.ids, key)}
            bodies.setdefault(key, render({"data": only}))
    return bodies


def _make_base() -> str:
    return f"{(api_settings().public_url or 'http://localhost').rstrip('/')}/api"


def _read_rows(
    db: Connection, resource: ResourceType, mode: str, keys: Sequence[int]
) -> dict[int, Row]:
    table = resource.table
    visible = select(table).where(resource.scope(table, mode), table.c.id.in_(keys))
    rows = fetch_rows(db, resource, add_derived(resource, visible))
    return {row["id"]: row for row in rows}


def _render_body(db: Connection, resource: ResourceType, row: Row, view: View) -> bytes:
    includes = view.query.includes
    graph = include(db, resource, [row], includes, view.mode) if includes else Graph()
    document = view.document(resource, row, graph)
    if resource is ORDER_FACTORY_BATCHES:
        counts = read_batch(db, row["id"]).model_dump(mode="json", include=set(_COUNTS))
        document["meta"] = {"counts": counts}
        document["links"] = {"report": f"{document['data']['links']['self']}/report"}
    return render(document)


def _read_deleted(db: Connection, resource: ResourceType, keys: Sequence[int]) -> dict[int, Row]:
    """Return the deleted rows, from the events of their deletion."""
    statement = select(_event.c.name, _event.c.subject_id, _event.c.snapshot).where(
        _event.c.subject_id.in_(keys), _event.c.snapshot.is_not(None)
    )
    return {
        each.subject_id: _restore_row(resource, each.snapshot)
        for each in db.execute(statement)
        if _has_type(resource, each.name.partition(".")[0])
    }


def _has_type(resource: ResourceType, stored: str) -> bool:
    return stored == resource.name or RESOURCES[stored].ids == resource.ids


def _restore_row(resource: ResourceType, snapshot: dict[str, Any]) -> Row:
    times = {
        column.name
        for column in resource.table.c
        if isinstance(_get_implementation(column.type), DateTime)
    }
    return {
        name: datetime.fromisoformat(value) if name in times and value is not None else value
        for name, value in snapshot.items()
    }


def _get_implementation(type_: Any) -> Any:
    return getattr(type_, "impl_instance", type_)
