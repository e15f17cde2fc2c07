"""Building INSERT ... SELECT with every column named on both sides."""

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
    """The table of a mapped class, typed as the table it is."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def carried(model: type[Base], *left: str) -> tuple[Column[Any], ...]:
    """The columns that a copy takes over unchanged: all but the key, the times and `left`."""
    own = {"id", "copied_from_id", "created_at", "updated_at", *left}
    return tuple(column for column in table_of(model).c if column.key not in own)


def unchanged(columns: tuple[Column[Any], ...]) -> dict[str, ColumnElement[Any]]:
    return {column.key: column for column in columns}


# The moment of a statement that is built once and executed often: `execute_and_count(db, statement, now=...)`.
NOW: ColumnElement[datetime] = bindparam("now", type_=UtcDateTime())


def times(moment: ColumnElement[datetime]) -> dict[str, ColumnElement[Any]]:
    """`created_at` and `updated_at` of a row that is written at this moment."""
    return {"created_at": moment, "updated_at": moment}


def at(moment: datetime) -> ColumnElement[datetime]:
    return literal(moment, UtcDateTime())


def insert_select(
    model: type[Base],
    values: Values,
    source: FromClause,
    *where: ColumnElement[bool],
    order_by: Sequence[ColumnElement[Any]] = (),
    locked: Table | None = None,
) -> Insert:
    """Insert one row per row of `source` that the conditions hold for, in this order.

    The rows of the table `locked` cannot be deleted then before the transaction ends (PostgreSQL).
    """
    rows = select(*values.values()).select_from(source).where(*where).order_by(*order_by)
    if locked is not None:
        rows = rows.with_for_update(read=True, key_share=True, of=locked)
    return insert_counted(table_of(model), list(values), rows)


def insert_counted(table: Table, names: list[str], rows: Rows) -> Insert:
    """An INSERT ... SELECT that tells how many rows it wrote, whatever the driver."""
    statement = insert(table).from_select(names, rows, include_defaults=False)
    return statement.execution_options(preserve_rowcount=True)


def execute_and_count(db: Connection, statement: Insert | Update, **parameters: Any) -> int:
    """Execute; the number of rows written."""
    return db.execute(statement, parameters).rowcount
