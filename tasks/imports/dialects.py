"""What SQLite and PostgreSQL say differently about an import."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Insert, Select, Table, func, or_, select, text
from sqlalchemy.dialects import postgresql, sqlite

from order_factory.models.database.dialects import on_sqlite

# Any number will do, as long as every import takes the same one.
_IMPORT_LOCK = 7_269_001


def one_import_at_a_time(db: Connection) -> None:
    """Wait until no other import writes; the lock is held to the end of the transaction.

    Keys without a unique constraint (a reference, for copies bear the same one) are looked up
    before they are written, which only holds while nobody else does the same. On SQLite the
    writing transaction is the only one anyway.
    """
    if not on_sqlite(db):
        db.execute(select(func.pg_advisory_xact_lock(_IMPORT_LOCK)))


def learn_sizes(db: Connection, table: Table) -> None:
    """Tell PostgreSQL's planner how many rows a table has that was filled a moment ago."""
    if not on_sqlite(db):
        name = db.dialect.identifier_preparer.format_table(table)
        db.execute(text(f"ANALYZE {name}"))


def insert_unless_there(
    db: Connection, table: Table, names: list[str], rows: Select[Any]
) -> Insert:
    """INSERT ... SELECT that leaves out what a unique key forbids."""
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
    """INSERT ... SELECT that changes the rows which are there, where they differ.

    `key` are the columns of a unique index, `updated` those that may be changed.
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
