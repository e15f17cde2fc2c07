"""A limit for the time that queries may take, so that no single one holds up the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.errors import OrderFactoryError

_STEPS_BETWEEN_LOOKS = 10_000
_QUERY_CANCELED = "57014"


class QueryTooLong(OrderFactoryError):
    status, code = 503, "query_too_long"
    detail = "The query took longer than {} seconds and was stopped."


@contextmanager
def time_limit(db: Connection, seconds: float) -> Iterator[None]:
    """Within the block, a query that takes longer is stopped, and `QueryTooLong` raised.

    On SQLite the time is that of the whole block, on PostgreSQL that of each statement until the
    transaction ends.
    """
    try:
        with _sqlite_limit(db, seconds) if on_sqlite(db) else _postgresql_limit(db, seconds):
            yield
    except DBAPIError as error:
        if _was_stopped(error):
            raise QueryTooLong(seconds) from None
        raise


@contextmanager
def _postgresql_limit(db: Connection, seconds: float) -> Iterator[None]:
    db.execute(text(f"SET LOCAL statement_timeout = {max(1, round(seconds * 1000))}"))
    yield


@contextmanager
def _sqlite_limit(db: Connection, seconds: float) -> Iterator[None]:
    deadline = monotonic() + seconds
    raw: Any = db.connection.driver_connection
    raw.set_progress_handler(lambda: monotonic() > deadline, _STEPS_BETWEEN_LOOKS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


def _was_stopped(error: DBAPIError) -> bool:
    sqlstate = getattr(error.orig, "sqlstate", None)
    return sqlstate == _QUERY_CANCELED or str(error.orig) == "interrupted"
