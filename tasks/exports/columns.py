"""The columns of an exported resource: the columns that an import reads, or those of its table."""

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
    """The type of a column. An object is written as a JSON object, or as its text."""

    TEXT = auto()
    WHOLE = auto()
    NUMBER = auto()
    FLAG = auto()
    TIME = auto()
    OBJECT = auto()


@dataclass(frozen=True)
class ExportColumn:
    """One column of a file. `value` is its expression.

    If `value` is null and `key` is not, the public id of the key is written instead. `ids` says
    which kind of public id it is.
    """

    name: str
    kind: Kind
    value: ColumnElement[Any]
    key: ColumnElement[Any] | None = None
    ids: PublicIds | None = None


@dataclass(frozen=True)
class ResourceColumns:
    """The columns of a resource, and the joined tables that have them."""

    rows: FromClause
    columns: tuple[ExportColumn, ...]


# The column with the name of a row, by which other rows refer to it, and the column within which
# the name is unique.
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
# Columns for internal use, or for the customer's eyes only.
_INTERNAL = {"claimed_by", "customer_action", "idempotency_key", "running_batch_id"}


def find_kind(type_: TypeEngine[Any]) -> Kind:
    """Return the kind of a database type."""
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


def find_referenced_table(column: Column[Any]) -> Table | None:
    """Return the table that the column refers to, or None without a foreign key."""
    return next((key.column.table for key in column.foreign_keys), None)


def describe_imported(resource: Resource) -> ResourceColumns:
    """Return the columns that an import of this resource reads. They refer to rows by name."""
    table = resource.table
    rows: FromClause = table
    columns = []
    targets = {each.column: each.target for each in resource.references}
    for name in resource.columns:
        target = targets.get(name)
        if target is not None:
            key = table.c[target]
            other_table = find_referenced_table(key)
            assert other_table is not None
            named_rows = other_table.alias()
            rows = rows.outerjoin(named_rows, named_rows.c.id == key)
            columns.append(_make_name_column(name, other_table.name, named_rows, key))
        elif name in table.c:
            columns.append(_make_own_column(resource.name, name, table))
        else:
            rows, column = _join_order_of_option(rows, name, table)
            columns.append(column)
    return ResourceColumns(rows, tuple(columns))


def describe_table(table: Table) -> ResourceColumns:
    """Return the columns of the table, with its key and its foreign keys as public ids."""
    columns = []
    for column in table.c:
        other_table = table if column.name == "id" else find_referenced_table(column)
        if column.name in _INTERNAL:
            continue
        if other_table is None:
            columns.append(ExportColumn(column.name, find_kind(column.type), column))
        else:
            ids = PublicIds[other_table.name]
            columns.append(ExportColumn(column.name, Kind.TEXT, null(), column, ids))
    return ResourceColumns(table, tuple(columns))


def _make_own_column(resource_name: str, name: str, table: Table) -> ExportColumn:
    if name == _NAMES.get(resource_name, ("", None))[0]:
        return _make_name_column(name, resource_name, table, table.c.id)
    return ExportColumn(name, find_kind(table.c[name].type), table.c[name])


def _make_name_column(
    name: str, resource_name: str, named_rows: FromClause, key: ColumnElement[Any]
) -> ExportColumn:
    """Return a column with the name of a row, or its public id if an earlier row has the name."""
    name_column, unique_within = _NAMES[resource_name]
    value: ColumnElement[Any] = named_rows.c[name_column]
    if unique_within is not None:
        is_taken = _is_taken(IMPORTED[resource_name].table, named_rows, name_column, unique_within)
        value = case((is_taken, null()), else_=value)
    return ExportColumn(name, Kind.TEXT, value, key, PublicIds[resource_name])


def _is_taken(
    table: Table, named_rows: FromClause, name_column: str, unique_within: str
) -> ColumnElement[bool]:
    """Whether an earlier row has the same name. A copy has the name of its original."""
    earlier = table.alias()
    has_same_name = [
        earlier.c[name_column] == named_rows.c[name_column],
        earlier.c[unique_within] == named_rows.c[unique_within],
        earlier.c.id < named_rows.c.id,
    ]
    if "copied_from_id" not in table.c:
        return exists().where(*has_same_name)
    # An index covers the originals.
    is_of_original = exists().where(
        *has_same_name, earlier.c.copied_from_id.is_(None), earlier.c[name_column].is_not(None)
    )
    is_copy = named_rows.c.copied_from_id.is_not(None)
    if unique_within == "mode":
        return or_(is_copy, is_of_original)
    return or_(is_of_original, and_(is_copy, exists().where(*has_same_name)))


def _join_order_of_option(
    rows: FromClause, name: str, options: Table
) -> tuple[FromClause, ExportColumn]:
    """Join the order of a line item option, through its line. Returns the rows and the column."""
    lines, orders = IMPORTED["line_items"].table.alias(), IMPORTED["orders"].table.alias()
    rows = rows.outerjoin(lines, lines.c.id == options.c.line_item_id)
    rows = rows.outerjoin(orders, orders.c.id == lines.c.order_id)
    return rows, _make_name_column(name, "orders", orders, orders.c.id)


def list_names(columns: Sequence[ExportColumn]) -> list[str]:
    return [column.name for column in columns]
