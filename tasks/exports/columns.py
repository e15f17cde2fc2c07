"""The columns of an exported resource: those of an import, or those of its table."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ColumnElement,
    Double,
    FromClause,
    Integer,
    Table,
    and_,
    case,
    exists,
    null,
    or_,
)
from sqlalchemy.types import TypeEngine

from order_factory.models.tables.base import UtcDateTime
from order_factory.models.values.public_ids import Resource as PublicIds
from order_factory.tasks.imports.resources import RESOURCES as IMPORTED
from order_factory.tasks.imports.resources import Resource


class Kind(Enum):
    """What a column holds. An object is written as a JSON object, or as its text."""

    TEXT = auto()
    WHOLE = auto()
    NUMBER = auto()
    FLAG = auto()
    TIME = auto()
    OBJECT = auto()


@dataclass(frozen=True)
class ExportColumn:
    """One column of a file. `value` is read from the rows of its resource.

    Where `value` is null, and `key` is not, the public id of that key is written (`ids`): the name
    of a row without a name of its own.
    """

    name: str
    kind: Kind
    value: ColumnElement[Any]
    key: ColumnElement[Any] | None = None
    ids: PublicIds | None = None


@dataclass(frozen=True)
class Described:
    """The columns of a resource, and the tables that they are read from."""

    rows: FromClause
    columns: tuple[ExportColumn, ...]


# The column by which other rows name a row, and what such a name must be unique within.
_NAMES: dict[str, tuple[str, str | None]] = {
    "customers": ("email", None),
    "addresses": ("reference", "mode"),
    "skus": ("code", None),
    "bundles": ("code", None),
    "sku_lists": ("name", None),
    "promotions": ("reference", "mode"),
    "payment_methods": ("reference", "mode"),
    "payment_sources": ("reference", "mode"),
    "orders": ("number", None),
    "line_items": ("reference", "order_id"),
    "line_item_options": ("reference", "line_item_id"),
}
# Who calls a gateway at the moment, and what only the customer may see.
_INTERNAL = {"claimed_by", "customer_action", "idempotency_key", "running_batch_id"}


def kind_of(type_: TypeEngine[Any]) -> Kind:
    """The kind of a column of a table."""
    for known, kind in (
        (UtcDateTime, Kind.TIME),
        (JSON, Kind.OBJECT),
        (Boolean, Kind.FLAG),
        (Double, Kind.NUMBER),
        (Integer, Kind.WHOLE),
    ):
        if isinstance(type_, known):
            return kind
    return Kind.TEXT


def referenced_table(column: Column[Any]) -> Table | None:
    """The table that a foreign key refers to."""
    return next((key.column.table for key in column.foreign_keys), None)


def describe_imported(resource: Resource) -> Described:
    """The columns that an import of this resource reads, with other rows named as it names them."""
    table = resource.table
    rows: FromClause = table
    columns = []
    targets = {each.column: each.target for each in resource.references}
    for name in resource.columns:
        target = targets.get(name)
        if target is not None:
            key = table.c[target]
            there = referenced_table(key)
            assert there is not None
            named = there.alias()
            rows = rows.outerjoin(named, named.c.id == key)
            columns.append(_naming(name, there.name, named, key))
        elif name in table.c:
            columns.append(_own_column(resource.name, name, table))
        else:
            rows, column = _order_of_option(rows, name, table)
            columns.append(column)
    return Described(rows, tuple(columns))


def describe_table(table: Table) -> Described:
    """The table's own columns; its key and its foreign keys as public ids."""
    columns = []
    for column in table.c:
        there = table if column.name == "id" else referenced_table(column)
        if column.name in _INTERNAL:
            continue
        if there is None:
            columns.append(ExportColumn(column.name, kind_of(column.type), column))
        else:
            ids = PublicIds[there.name]
            columns.append(ExportColumn(column.name, Kind.TEXT, null(), column, ids))
    return Described(table, tuple(columns))


def _own_column(resource_name: str, name: str, table: Table) -> ExportColumn:
    if name == _NAMES.get(resource_name, ("", None))[0]:
        return _naming(name, resource_name, table, table.c.id)
    return ExportColumn(name, kind_of(table.c[name].type), table.c[name])


def _naming(
    name: str, resource_name: str, named: FromClause, key: ColumnElement[Any]
) -> ExportColumn:
    """The name of a row: its own where an import finds the row by it, or else its public id."""
    own, within = _NAMES[resource_name]
    value: ColumnElement[Any] = named.c[own]
    if within is not None:
        taken = _is_taken(IMPORTED[resource_name].table, named, own, within)
        value = case((taken, null()), else_=value)
    return ExportColumn(name, Kind.TEXT, value, key, PublicIds[resource_name])


def _is_taken(table: Table, named: FromClause, own: str, within: str) -> ColumnElement[bool]:
    """Whether an earlier row has the same name. A copy has the name of what it was copied from."""
    earlier = table.alias()
    same = [
        earlier.c[own] == named.c[own],
        earlier.c[within] == named.c[within],
        earlier.c.id < named.c.id,
    ]
    if "copied_from_id" not in table.c:
        return exists().where(*same)
    # There is an index for originals.
    original = exists().where(
        *same, earlier.c.copied_from_id.is_(None), earlier.c[own].is_not(None)
    )
    is_copy = named.c.copied_from_id.is_not(None)
    if within == "mode":
        return or_(is_copy, original)
    return or_(original, and_(is_copy, exists().where(*same)))


def _order_of_option(
    rows: FromClause, name: str, options: Table
) -> tuple[FromClause, ExportColumn]:
    """The order of a line item's option, which its line tells."""
    lines, orders = IMPORTED["line_items"].table.alias(), IMPORTED["orders"].table.alias()
    rows = rows.outerjoin(lines, lines.c.id == options.c.line_item_id)
    rows = rows.outerjoin(orders, orders.c.id == lines.c.order_id)
    return rows, _naming(name, "orders", orders, orders.c.id)


def names_of(columns: Sequence[ExportColumn]) -> list[str]:
    return [column.name for column in columns]
