"""Who writes to a table at the moment: rows may come in below a key that can be seen already.

On PostgreSQL keys are not committed in the order in which they are drawn. Whoever inserts a row
locks the table before its key is drawn, and holds that lock until the commit can be seen. SQLite
has one writer at a time.
"""

from sqlalchemy import Connection, Table, text

from order_factory.models.database.dialects import on_sqlite

_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' "
    "AND relation = CAST(:name AS regclass) AND mode IN ('RowExclusiveLock', "
    "'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def writers_of(db: Connection, table: Table) -> frozenset[str]:
    """The transactions that may have inserted rows and are not committed yet."""
    return frozenset() if on_sqlite(db) else frozenset(db.scalars(_WRITERS, {"name": table.name}))
