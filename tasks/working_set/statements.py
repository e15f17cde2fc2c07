"""Build INSERT ... SELECT statements with every column named on both sides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    insert,
    literal,
    select,
)

from order_factory.models.tables.base import Base, UtcDateTime

Values = Mapping[str, ColumnElement[Any]]
Rows = Select[tuple[Any, ...]]


def table_of(model: type[Base]) -> Table:
    """Return the table of a mapped class, with the type `Table`."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def copied_columns(model: type[Base], *excluded: str) -> tuple[Column[Any], ...]:
    """Return the columns that a copy takes over: all but the key, the times and `excluded`."""
    own = {"id", "copied_from_id", "created_at", "updated_at", *excluded}
    return tuple(column for column in table_of(model).c if column.key not in own)


def columns_by_name(columns: tuple[Column[Any], ...]) -> dict[str, ColumnElement[Any]]:
    return {column.key: column for column in columns}


# A parameter for statements that are built once and executed often:
# `execute_and_count(db, statement, now=...)`.
NOW: ColumnElement[datetime] = bindparam("now", type_=UtcDateTime())


def times(now: ColumnElement[datetime]) -> dict[str, ColumnElement[Any]]:
    """Return `created_at` and `updated_at` of a row that is written now."""
    return {"created_at": now, "updated_at": now}


def at(time: datetime) -> ColumnElement[datetime]:
    return literal(time, UtcDateTime())


def insert_select(
    model: type[Base],
    values: Values,
    source: FromClause,
    *where: ColumnElement[bool],
    order_by: Sequence[ColumnElement[Any]] = (),
    locked: Table | None = None,
) -> Insert:
    """Insert one row per row of `source` that meets the conditions, in this order.

    On PostgreSQL, rows of the table `locked` cannot be deleted until the transaction ends.
    """
    rows = select(*values.values()).select_from(source).where(*where).order_by(*order_by)
    if locked is not None:
        rows = rows.with_for_update(read=True, key_share=True, of=locked)
    return insert_counted(table_of(model), list(values), rows)


def insert_counted(table: Table, names: list[str], rows: Rows) -> Insert:
    """Build an INSERT ... SELECT that reports its number of rows with every driver."""
    statement = insert(table).from_select(names, rows, include_defaults=False)
    return statement.execution_options(preserve_rowcount=True)


def execute_and_count(db: Connection, statement: Insert | Update, **parameters: Any) -> int:
    """Execute the statement. Returns the number of rows written."""
    return db.execute(statement, parameters).rowcount
