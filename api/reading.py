"""Reading: lists, single resources, and what relationships lead to.

The number of queries depends on what is asked for, never on how many rows there are: one for a
page, one for its count, and one for each included relationship.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    bindparam,
    func,
    select,
)

from order_factory.api.errors import not_found
from order_factory.api.including import Graph, include, link_of, linked
from order_factory.api.presenting import Json, View, identifiers, paging
from order_factory.api.query.parameters import Query
from order_factory.api.resources.description import Relationship, ResourceType, Row
from order_factory.api.resources.registry import RESOURCES
from order_factory.models.database.dialects import bytewise
from order_factory.models.values.public_ids import key_of

Pairs = Sequence[tuple[str, str]]


def list_resources(db: Connection, resource: ResourceType, view: View, pairs: Pairs) -> Json:
    """The document of one page of a resource."""
    rows = select(resource.table).where(resource.scope(resource.table, view.mode))
    return _page(db, resource, rows, view, f"{view.base}/{resource.name}", pairs)


def retrieve(db: Connection, resource: ResourceType, name: str, view: View) -> Json:
    """The document of one row. Raises `ApiError` (404)."""
    row = require_row(db, resource, name, view.mode)
    return _document(db, resource, row, view)


def list_related(
    db: Connection, resource: ResourceType, name: str, to: Relationship, view: View, pairs: Pairs
) -> Json:
    """The document of what a relationship of one row leads to: a page of it, a row or null."""
    row = require_row(db, resource, name, view.mode)
    target = RESOURCES[to.target]
    rows = _linked_to(row, to, target, view.mode)
    if to.many:
        return _page(db, target, rows, view, f"{view.base}/{resource.name}/{name}/{to.name}", pairs)
    return _document(db, target, db.execute(rows).mappings().first(), view)


def show_linkage(
    db: Connection, resource: ResourceType, name: str, to: Relationship, view: View, pairs: Pairs
) -> Json:
    """The identifiers that a relationship of one row leads to; many of them page by page."""
    row = require_row(db, resource, name, view.mode)
    target = RESOURCES[to.target]
    keys = _linked_to(row, to, target, view.mode).with_only_columns(target.table.c.id)
    here = f"{view.base}/{resource.name}/{name}"
    links = {"self": f"{here}/relationships/{to.name}", "related": f"{here}/{to.name}"}
    if not to.many:
        found = db.scalars(keys).all()
        return {"data": identifiers(target, found, many=False), "links": links}
    page = view.query.page
    ordered = keys.order_by(target.table.c.id).limit(page.size).offset(page.offset)
    found = db.scalars(ordered).all()
    turned = paging(links["self"], pairs, page, _count(db, keys))
    turned["links"] |= links
    return {"data": identifiers(target, found, many=True), **turned}


def require_row(db: Connection, resource: ResourceType, name: str, mode: str) -> Row:
    """The row with this public id, if the mode may see it. Raises `ApiError` (404)."""
    key = key_of(resource.ids, name)
    row = None if key is None else find_row(db, resource, key, mode)
    if row is None:
        raise not_found(name[:40])
    return row


def find_row(db: Connection, resource: ResourceType, key: int, mode: str) -> Row | None:
    """The row with this key, if the mode may see it."""
    return db.execute(_row(resource.name, mode), {"key": key}).mappings().one_or_none()


def present(db: Connection, resource: ResourceType, row: Row, view: View) -> Json:
    """The document of a row that was just written."""
    return _document(db, resource, row, view)


@cache
def _row(name: str, mode: str) -> Select[Any]:
    """One row by its key; made once, since most requests need it."""
    resource = RESOURCES[name]
    table = resource.table
    return select(table).where(table.c.id == bindparam("key"), resource.scope(table, mode))


def _linked_to(row: Row, to: Relationship, target: ResourceType, mode: str) -> Select[Any]:
    return linked(to, target, mode).where(link_of(to, target) == row[to.near])


def _page(
    db: Connection, resource: ResourceType, rows: Select[Any], view: View, path: str, pairs: Pairs
) -> Json:
    query, table = view.query, resource.table
    wanted = rows.where(*query.condition(table, view.mode))
    if not query.common:
        db = db.execution_options(compiled_cache=None)
    order = _order(query, table)
    ordered = wanted.order_by(*order).limit(query.page.size).offset(query.page.offset)
    found = db.execute(ordered).mappings().all()
    count = _count(db, wanted)
    graph = include(db, resource, found, query.includes, view.mode)
    return view.document(resource, found, graph) | paging(path, pairs, query.page, count)


def _count(db: Connection, rows: Select[Any]) -> int:
    counted = rows.with_only_columns(func.count(), maintain_column_froms=True)
    return db.scalar(counted) or 0


def _document(db: Connection, resource: ResourceType, row: Row | None, view: View) -> Json:
    rows = [] if row is None else [row]
    graph = include(db, resource, rows, view.query.includes, view.mode) if rows else Graph()
    return view.document(resource, row, graph)


def _order(query: Query, table: FromClause) -> list[ColumnElement[Any]]:
    """The order asked for, and then that of the keys, so that no page depends on chance.

    Null stands last, and first where the order descends; texts are compared bytewise.
    """
    order: list[ColumnElement[Any]] = []
    for name, descends in query.sort:
        column = table.c[name]
        by: ColumnElement[Any] = bytewise(column) if isinstance(column.type, String) else column
        by = by.desc() if descends else by.asc()
        if column.nullable:
            by = by.nulls_first() if descends else by.nulls_last()
        order.append(by)
    return [*order, table.c.id]
