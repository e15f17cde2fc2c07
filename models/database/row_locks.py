"""Locks that a transaction holds until it ends. On SQLite, a writer locks the whole database."""

from typing import Any

from sqlalchemy import Connection, Select, Table, func, select

from order_factory.models.database.dialects import on_sqlite

# An arbitrary number. All imports use the same one.
_IMPORT_LOCK = 7_269_001


def locks_whole_database(db: Connection) -> bool:
    """Whether a writing transaction locks the whole database (SQLite), and needs no row locks."""
    return on_sqlite(db)


def lock_rows(db: Connection, table: Table, keys: Select[tuple[int]], **parameters: Any) -> int:
    """Lock the rows with these keys, and return their number. It is 0 on SQLite.

    They are locked in the order of their keys, so that transactions cannot deadlock.
    """
    if on_sqlite(db):
        return 0
    rows = select(table.c.id).where(table.c.id.in_(keys)).order_by(table.c.id)
    locked = rows.with_for_update().subquery()
    return db.scalar(select(func.count()).select_from(locked), parameters) or 0


def skip_locked(db: Connection, rows: Select[Any], of: Table) -> Select[Any]:
    """Return the SELECT with row locks, without the rows that another transaction has locked."""
    return rows if on_sqlite(db) else rows.with_for_update(skip_locked=True, of=of)


def lock_imports(db: Connection) -> None:
    """Wait until no other import writes.

    References have no unique constraint, because copies have the reference of their source. An
    import looks them up before it writes them, which is safe only while no other import writes.
    """
    if not on_sqlite(db):
        db.execute(select(func.pg_advisory_xact_lock(_IMPORT_LOCK)))
