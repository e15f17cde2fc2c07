"""A PostgreSQL database that is used again: emptied of its rows, and checked for the rest."""

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
    SELECT format('%s %s', tgrelid::regclass, tgname) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
) AS everything
"""


def schema_of(url: str) -> str:
    """The same for the same tables, columns, constraints, indexes, triggers and functions."""
    with connect(url) as db:
        return str(_one(db, _SCHEMA))


def emptied(url: str, schema: str) -> bool:
    """Whether the database was emptied, and is otherwise as it was made."""
    try:
        with connect(url) as db:
            db.execute("SET LOCAL lock_timeout = '1s'")
            db.execute("SET LOCAL session_replication_role = replica")
            if _one(db, _SCHEMA) != schema:
                return False
            for (table,) in db.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' "
                "AND relnamespace = 'public'::regnamespace AND relname NOT IN ('alembic_version', 'shop_identity')"
            ).fetchall():
                db.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            db.execute(
                "SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence "
                "JOIN pg_class ON oid = seqrelid WHERE relnamespace = 'public'::regnamespace"
            )
    except Error:
        return False  # someone still holds its rows
    return True


def _one(db: Connection[Any], query: Any) -> Any:
    row = db.execute(query).fetchone()
    assert row is not None
    return row[0]
