"""Storing rows: create, update and delete."""

from functools import cache

from sqlalchemy import Connection, Table, update

from order_factory.api.checking import check_document, make_problem
from order_factory.api.documents import Document
from order_factory.api.errors import ApiError
from order_factory.api.reading import find_row
from order_factory.api.resources.description import Broken, ResourceType, Row, Values
from order_factory.models.database.quick_statements import QuickInsert
from order_factory.models.tables.base import utc_now
from order_factory.models.values.keys import make_comparison_keys
from order_factory.tasks.stored_files.packing import PackedFile


def create_row(
    db: Connection,
    resource: ResourceType,
    document: Document,
    mode: str,
    file: PackedFile | None = None,
) -> Row:
    """Store a new row and return it; `file` is the one that came with the document.

    Raises `ApiError` if it may not be stored.
    """
    values = check_document(db, resource, document, mode, None, file=file)
    if resource.hooks.insert is not None:
        try:
            key = resource.hooks.insert(db, mode, values)
        except Broken as error:
            raise ApiError(make_problem(resource, error)) from error
        return _read_again(db, resource, key, mode)
    now = utc_now()
    values |= {"created_at": now, "updated_at": now}
    table = resource.stored_in
    row = _insert_into(table).insert(db, values)
    resource.hooks.created(db, row["id"], values)
    return row if resource.hooks.created_keeps_row else _read_again(db, resource, row["id"], mode)


@cache
def _insert_into(table: Table) -> QuickInsert:
    return QuickInsert(table, returning=tuple(table.c))


def _read_again(db: Connection, resource: ResourceType, key: int, mode: str) -> Row:
    row = find_row(db, resource, key, mode)
    assert row is not None
    return row


def update_row(
    db: Connection,
    resource: ResourceType,
    row: Row,
    document: Document,
    mode: str,
    request: str = "",
) -> None:
    """Change a row; `request` names the request. Raises `ApiError` if it may not be stored."""
    triggers: Values = {}
    values = check_document(db, resource, document, mode, row, triggers)
    if not isinstance(resource.table, Table):
        return  # a view stores nothing: the triggers have done their work
    table = resource.stored_in
    values |= make_comparison_keys(table.name, values)
    values["updated_at"] = utc_now()
    db.execute(update(table).where(table.c.id == row["id"]).values(values))
    resource.hooks.updated(db, row["id"], values)
    if triggers:
        broken = resource.hooks.act(db, row, triggers, request)
        if broken:
            raise ApiError(*(make_problem(resource, each) for each in broken))


def delete_row(db: Connection, resource: ResourceType, row: Row) -> None:
    """Delete a row. Raises an `OrderFactoryError` if something forbids it."""
    resource.hooks.delete(db, row)
