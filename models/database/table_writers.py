"""The open transactions that write to a table.

On PostgreSQL, keys are not committed in the order in which they are drawn: rows may still appear
with a lower key than a visible row. A transaction locks the
table before it draws the key of an inserted row, and holds that lock until its commit is visible.
SQLite has one writer at a time.
"""

from sqlalchemy import Connection, Table, text

from order_factory.models.database.dialects import on_sqlite

_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' "
    "AND relation = CAST(:name AS regclass) AND mode IN ('RowExclusiveLock', "
    "'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def list_writers(db: Connection, table: Table) -> frozenset[str]:
    """Return the open transactions that may have inserted rows."""
    return frozenset() if on_sqlite(db) else frozenset(db.scalars(_WRITERS, {"name": table.name}))
