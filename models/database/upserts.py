"""INSERT ... ON CONFLICT for both databases."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Select, Table, or_
from sqlalchemy.dialects import postgresql, sqlite

from order_factory.models.database.dialects import on_sqlite


def insert_if_missing(db: Connection, into: Table, unique: str) -> Any:
    """Return an INSERT that writes nothing if a row has this value in the column `unique` already.

    On PostgreSQL it waits for a transaction that is writing such a row. The column has a
    unique index over the rows where it is not null.
    """
    insert = sqlite.insert if on_sqlite(db) else postgresql.insert
    column = into.c[unique]
    return insert(into).on_conflict_do_nothing(
        index_elements=[column], index_where=column.is_not(None)
    )


def insert_new_rows(db: Connection, table: Table, names: list[str], rows: Select[Any]) -> Insert:
    """Return an INSERT ... SELECT that leaves out rows that a unique key forbids."""
    insert = sqlite.insert if on_sqlite(db) else postgresql.insert
    statement = insert(table).from_select(names, rows, include_defaults=False)
    return statement.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def insert_or_update(
    db: Connection,
    table: Table,
    names: list[str],
    rows: Select[Any],
    key: Sequence[str],
    updated: Sequence[str],
) -> Insert:
    """Return an INSERT ... SELECT that updates existing rows if they differ.

    `key` are the columns of a unique index, and `updated` are the columns to update.
    """
    insert = sqlite.insert if on_sqlite(db) else postgresql.insert
    statement = insert(table).from_select(names, rows, include_defaults=False)
    given = statement.excluded
    differs = or_(*(table.c[name].is_distinct_from(given[name]) for name in updated))
    return statement.on_conflict_do_update(
        index_elements=list(key),
        set_={name: given[name] for name in (*updated, "updated_at")},
        where=differs,
    ).execution_options(preserve_rowcount=True)
