"""Long reads: all their statements see the same snapshot of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import connect, get_engine
from order_factory.models.database.sqlite_readers import get_driver_connection


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Open a reading transaction that does not see later commits.

    SQLite sorts and stores its intermediate rows on the disk, so its memory does not grow with the
    rows. Raises `DatabaseNotReady` if the database cannot be reached.
    """
    engine = get_engine().execution_options(read_only=True)
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with connect(engine) as connection:
        if on_sqlite(connection):
            # A connection of the pool would keep this setting, and lose its temporary tables.
            driver = get_driver_connection(connection)
            connection.detach()
            driver.execute("PRAGMA temp_store=FILE")
        with connection.begin():
            yield connection
