"""Reading lists, single resources and related resources.

The number of queries depends on the request and not on the number of rows: one for a page, one for
its count, and one for each included relationship.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    String,
    bindparam,
    select,
)

from order_factory.api.counting import LongCounts, count_rows
from order_factory.api.errors import not_found
from order_factory.api.including import Graph, get_link_column, include, select_linked
from order_factory.api.presenting import Json, View, describe_paging, make_identifiers
from order_factory.api.query.parameters import Sort
from order_factory.api.resources.description import Relationship, ResourceType, Row
from order_factory.api.resources.registry import RESOURCES
from order_factory.api.rows import add_derived, fetch_rows, find_time_columns
from order_factory.models.database.dialects import bytewise
from order_factory.models.database.engine import forget_statements
from order_factory.models.database.quick_statements import QuickSelect
from order_factory.models.values.public_ids import parse_public_id

Pairs = Sequence[tuple[str, str]]
_counts = LongCounts()


def list_resources(db: Connection, resource: ResourceType, view: View, pairs: Pairs) -> Json:
    """Return the document of one page of a resource."""
    rows = _select_visible(resource.name, view.mode)
    return _read_page(db, resource, rows, view, f"{view.base}/{resource.name}", pairs)


def retrieve(db: Connection, resource: ResourceType, name: str, view: View) -> Json:
    """Return the document of one row. Raises `ApiError` (404)."""
    row = require_row(db, resource, name, view.mode, only_shown=True)
    return _make_document(db, resource, row, view)


def list_related(
    db: Connection, resource: ResourceType, name: str, to: Relationship, view: View, pairs: Pairs
) -> Json:
    """Return the document of a row's relationship: a page of rows, one row, or null."""
    row = require_row(db, resource, name, view.mode)
    target = RESOURCES[to.target]
    rows = _select_linked_to(row, to, target, view.mode)
    if to.many:
        return _read_page(
            db, target, rows, view, f"{view.base}/{resource.name}/{name}/{to.name}", pairs
        )
    related_rows = fetch_rows(db, target, add_derived(target, rows))
    return _make_document(db, target, next(iter(related_rows), None), view)


def show_linkage(
    db: Connection, resource: ResourceType, name: str, to: Relationship, view: View, pairs: Pairs
) -> Json:
    """Return the identifiers in a row's relationship; those of a to-many one page by page."""
    row = require_row(db, resource, name, view.mode)
    target = RESOURCES[to.target]
    keys = _select_linked_to(row, to, target, view.mode).with_only_columns(target.table.c.id)
    here = f"{view.base}/{resource.name}/{name}"
    links = {"self": f"{here}/relationships/{to.name}", "related": f"{here}/{to.name}"}
    if not to.many:
        found_keys = db.scalars(keys).all()
        return {"data": make_identifiers(target, found_keys, many=False), "links": links}
    page = view.query.page
    ordered = keys.order_by(target.table.c.id).limit(page.size).offset(page.offset)
    found_keys = db.scalars(ordered).all()
    paging = describe_paging(links["self"], pairs, page, count_rows(db, keys))
    paging["links"] |= links
    return {"data": make_identifiers(target, found_keys, many=True), **paging}


def require_row(
    db: Connection, resource: ResourceType, name: str, mode: str, *, only_shown: bool = False
) -> Row:
    """Return the row with this public id, if the mode may see it. Raises `ApiError` (404).

    With `only_shown`, a time may be a text.
    """
    key = parse_public_id(resource.ids, name)
    row = None if key is None else find_row(db, resource, key, mode, only_shown=only_shown)
    if row is None:
        raise not_found(name[:40])
    return row


def find_row(
    db: Connection, resource: ResourceType, key: int, mode: str, *, only_shown: bool = False
) -> Row | None:
    """Return the row with this key, if the mode may see it."""
    statement = _select_row(resource.name, mode, only_shown)
    return next(iter(fetch_rows(db, resource, statement, {"key": key})), None)


def present(db: Connection, resource: ResourceType, row: Row, view: View) -> Json:
    """Return the document of a row that was just written."""
    return _make_document(db, resource, row, view)


@cache
def _select_visible(name: str, mode: str) -> Select[Any]:
    """Select the rows that a mode may see; built once, since most requests need it."""
    resource = RESOURCES[name]
    return select(resource.table).where(resource.scope(resource.table, mode))


@cache
def _select_row(name: str, mode: str, only_shown: bool) -> QuickSelect:
    """Select one row by its key; built once, since most requests need it."""
    resource = RESOURCES[name]
    key = resource.table.c.id == bindparam("key", type_=BigInteger)
    texts = find_time_columns(resource) if only_shown else frozenset[str]()
    row = add_derived(resource, _select_visible(name, mode).where(key))
    return QuickSelect(row, texts)


def _select_linked_to(row: Row, to: Relationship, target: ResourceType, mode: str) -> Select[Any]:
    return _select_linked_to_one(to, target.name, mode).params(near=row[to.near])


@lru_cache(maxsize=1_024)
def _select_linked_to_one(to: Relationship, target_name: str, mode: str) -> Select[Any]:
    target = RESOURCES[target_name]
    return select_linked(to, target, mode).where(get_link_column(to, target) == bindparam("near"))


def _read_page(
    db: Connection, resource: ResourceType, rows: Select[Any], view: View, path: str, pairs: Pairs
) -> Json:
    query, table = view.query, resource.table
    if query.large:
        forget_statements(db)
    if not query.common:
        db = db.execution_options(compiled_cache=None)
    filtered = rows.where(*query.condition(table, view.mode)) if query.filters else rows
    ordered: Select[Any] | QuickSelect
    if filtered is _select_visible(resource.name, view.mode):
        ordered = _select_ordered_visible(resource.name, view.mode, query.sort)
    else:
        ordered = _select_page(resource, filtered, query.sort)
    page = query.page
    found_rows = fetch_rows(
        db, resource, ordered, {"page_size": page.size, "page_offset": page.offset}
    )
    end = page.offset + len(found_rows)
    if len(found_rows) < page.size and (found_rows or page.number == 1):
        count = end  # this is the last page
    else:
        filters = [pair for pair in pairs if pair[0].startswith("filter")]
        name = (path.removeprefix(view.base), view.mode, *filters)
        count = _counts.count(db, name, filtered, end if found_rows else 0)
    graph = include(db, resource, found_rows, query.includes, view.mode)
    return view.document(resource, found_rows, graph) | describe_paging(path, pairs, page, count)


def _make_document(db: Connection, resource: ResourceType, row: Row | None, view: View) -> Json:
    rows = [] if row is None else [row]
    graph = include(db, resource, rows, view.query.includes, view.mode) if rows else Graph()
    return view.document(resource, row, graph)


@lru_cache(maxsize=256)
def _select_ordered_visible(name: str, mode: str, sort: Sort) -> QuickSelect:
    """Select a page of the rows that a mode may see; cached, since most lists are not filtered."""
    resource = RESOURCES[name]
    ordered = _select_page(resource, _select_visible(name, mode), sort)
    return QuickSelect(ordered, find_time_columns(resource))


def _select_page(resource: ResourceType, rows: Select[Any], sort: Sort) -> Select[Any]:
    size, offset = bindparam("page_size", type_=Integer), bindparam("page_offset", type_=Integer)
    page = rows.order_by(*_build_order(sort, resource.table)).limit(size).offset(offset)
    return add_derived(resource, page, lambda shown: _build_order(sort, shown))


def _build_order(sort: Sort, table: FromClause) -> list[ColumnElement[Any]]:
    """Return the requested sort columns and then the key, which makes the pages stable.

    The key has the direction of the last column, so that an index has the same order. Null is last,
    and first in descending order. Texts are compared bytewise.
    """
    order: list[ColumnElement[Any]] = []
    for name, descends in sort:
        column = table.c[name]
        by: ColumnElement[Any] = bytewise(column) if isinstance(column.type, String) else column
        by = by.desc() if descends else by.asc()
        if column.nullable:
            by = by.nulls_first() if descends else by.nulls_last()
        order.append(by)
    key = table.c.id
    return [*order, key.desc() if sort and sort[-1][1] else key]
