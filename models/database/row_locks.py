"""Locks that a transaction holds to its end. On SQLite it has the whole database to itself."""

from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from order_factory.models.database.dialects import on_sqlite

# An arbitrary number; every import uses the same.
_IMPORT_LOCK = 7_269_001


def locks_whole_database(db: Connection) -> bool:
    """Whether a writing transaction locks everything, and so needs no row locks: SQLite."""
    return on_sqlite(db)


def lock_rows(db: Connection, table: Table, keys: Select[tuple[int]], **parameters: Any) -> int:
    """Lock the rows with these keys, and return their number; 0 on SQLite.

    They are locked in the order of their keys, so that no two transactions wait for each other.
    """
    if on_sqlite(db):
        return 0
    rows = select(table.c.id).where(table.c.id.in_(keys)).order_by(table.c.id)
    locked = rows.with_for_update().subquery()
    return db.scalar(select(func.count()).select_from(locked), parameters) or 0


def skip_locked(db: Connection, rows: Select[Any], of: Table) -> Select[Any]:
    """The same rows, locked, without those that another transaction holds."""
    return rows if on_sqlite(db) else rows.with_for_update(skip_locked=True, of=of)


def lock_imports(db: Connection) -> None:
    """Wait until no other import writes.

    Keys without a unique constraint (copies have the reference of their source) are looked up
    before they are written. That is safe only if no other import does the same.
    """
    if not on_sqlite(db):
        db.execute(select(func.pg_advisory_xact_lock(_IMPORT_LOCK)))
