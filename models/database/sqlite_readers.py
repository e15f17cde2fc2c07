"""Read an SQLite database in a second process while this process writes to it.

SQLite allows one writing transaction at a time and any number of reading ones. PostgreSQL lets
several processes write, so nothing is prefetched there.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal_column
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.sql import ClauseElement

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.tables.base import Base


def can_prefetch(db: Connection) -> bool:
    """Whether the database is SQLite, in a build that has `deserialize`."""
    return on_sqlite(db) and hasattr(sqlite3.Connection, "deserialize")


def get_driver_connection(db: Connection) -> sqlite3.Connection:
    """Return the driver's connection. Through SQLAlchemy, a statement would begin a transaction."""
    driver = db.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def compile_statement(statement: ClauseElement) -> tuple[str, dict[str, Any]]:
    """Return the statement's SQL and its parameters, for a process without SQLAlchemy."""
    compiled = statement.compile(
        dialect=dialect(paramstyle="named"), compile_kwargs={"render_postcompile": True}
    )
    return str(compiled), dict(compiled.params or {})


def has_other_rules(schema: str) -> Iterator[ColumnElement[bool]]:
    """Yield whether the attached database has triggers, and whether it has other foreign keys."""
    yield literal_column(f"EXISTS (SELECT 1 FROM {schema}.sqlite_master WHERE type = 'trigger')")
    keys = f"{schema}.sqlite_master t, pragma_foreign_key_list(t.name, '{schema}')"
    ours = sum(len(table.foreign_keys) for table in Base.metadata.tables.values())
    yield literal_column(f"(SELECT count(*) FROM {keys} WHERE t.type = 'table') <> {ours}")
