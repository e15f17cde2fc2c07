"""A PostgreSQL database that several tests use: its rows are deleted, and its schema is checked."""

from typing import Any

from psycopg import Connection, Error, connect, sql

_SCHEMA = """
SELECT md5(string_agg(described, chr(10) ORDER BY described)) FROM (
    SELECT format('%s %s %s %s', c.relname, a.attname, a.atttypid, a.attnotnull) AS described
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0
    UNION ALL
    SELECT format('%s %s', conname, pg_get_constraintdef(oid)) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT format('%s %s %s', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger
    WHERE NOT tgisinternal
    UNION ALL
    SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS everything
"""


_TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
AND relname NOT IN ('alembic_version', 'shop_identity')
"""

_RESTART_SEQUENCES = """
SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence
JOIN pg_class ON oid = seqrelid WHERE relnamespace = 'public'::regnamespace
"""


def read_schema(url: str) -> str:
    """A digest of the tables, columns, constraints, indexes, triggers and functions."""
    with connect(url) as db:
        return str(_read_one(db, _SCHEMA))


class Cleaner:
    """Empties a database between tests, over its own connection, which stays open.

    A new connection would read the whole catalogue first, and take four times as long.
    """

    def __init__(self, url: str) -> None:
        self._db = connect(url)
        self._db.execute("SET lock_timeout = '1s'")
        self._db.execute("SET session_replication_role = replica")
        tables = [sql.Identifier(name) for (name,) in self._db.execute(_TABLES)]
        self._delete = sql.SQL(";").join(sql.SQL("DELETE FROM {}").format(each) for each in tables)
        self._db.commit()

    def empty(self, schema: str) -> bool:
        """Delete all rows if the schema is unchanged. Returns whether they were deleted."""
        try:
            with self._db.transaction():
                if _read_one(self._db, _SCHEMA) != schema:
                    return False
                self._db.execute(self._delete)
                self._db.execute(_RESTART_SEQUENCES)
        except Error:
            return False  # someone still holds its rows, or the server was restarted
        return True

    def close(self) -> None:
        self._db.close()


def _read_one(db: Connection[Any], query: Any) -> Any:
    row = db.execute(query).fetchone()
    assert row is not None
    return row[0]
