"""The place of a database: the same after a restart, a different one for a copy."""

from pathlib import Path

from sqlalchemy import Connection, text

from order_factory.models.database.dialects import on_sqlite

_MAY_ASK = text("SELECT has_function_privilege('pg_control_system()', 'EXECUTE')")
_SYSTEM = text("SELECT CAST(system_identifier AS text) FROM pg_control_system()")
_DATABASE = text("SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database()")


def read_place(db: Connection) -> str:
    """Return the place of the connection's database as a text.

    PostgreSQL: the system identifier of the cluster and the oid of the database. A restored dump
    has another oid or another system. SQLite: the file's id (its inode) and its path without
    symbolic links. The device number is left out, because it changes with each mount of a volume.
    """
    if not on_sqlite(db):
        system = db.scalar(_SYSTEM) if db.scalar(_MAY_ASK) else "unknown"
        return f"PostgreSQL system {system}, database {db.scalar(_DATABASE)}"
    file = Path(db.engine.url.database or "").resolve()
    return f"SQLite file {file.stat().st_ino}, {file}"
