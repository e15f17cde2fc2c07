"""Transactions of any size: long reads of one snapshot, and writes of a whole batch."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import connect, get_engine, writing_on
from order_factory.models.database.sqlite_readers import get_driver_connection


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Open a reading transaction that does not see later commits.

    The memory does not grow with the rows. Raises `DatabaseNotReady` if the database cannot be
    reached.
    """
    engine = get_engine().execution_options(read_only=True)
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with connect(engine) as connection:
        _store_on_disk(connection)
        with connection.begin():
            yield connection


@contextmanager
def begin_large() -> Iterator[Connection]:
    """Open a writing transaction that changes any number of rows, as `engine.begin` does.

    The memory does not grow with the rows. Raises `DatabaseNotReady` if the database cannot be
    reached.
    """
    with connect(get_engine()) as connection:
        _store_on_disk(connection)
        with writing_on(connection):
            yield connection


def _store_on_disk(connection: Connection) -> None:
    """Let SQLite keep temporary rows, and the old pages of open savepoints, on the disk."""
    if on_sqlite(connection):
        # A connection of the pool would keep this setting, and lose its temporary tables.
        driver = get_driver_connection(connection)
        connection.detach()
        driver.execute("PRAGMA temp_store=FILE")
