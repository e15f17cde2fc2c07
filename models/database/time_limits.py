"""A time limit for reads, so that a slow one does not delay the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.errors import OrderFactoryError

_STEPS_BETWEEN_CHECKS = 10_000
_QUERY_CANCELED = "57014"
# The execution option of a connection whose transactions SQLAlchemy does not begin.
OWN_TRANSACTIONS = "own_transactions"
_SESSION_LIMIT = "statement_timeout"


class QueryTooLong(OrderFactoryError):
    status, code = 503, "query_too_long"
    detail = "The query took longer than {} seconds and was stopped."


# The deadline (by `monotonic`) of the current block, and its limit in seconds.
_limit: ContextVar[tuple[float, float] | None] = ContextVar("time_limit", default=None)


@contextmanager
def time_limit(db: Connection, seconds: float) -> Iterator[None]:
    """Stop work in the block that takes longer, and raise `QueryTooLong`.

    SQLite stops a statement at the deadline of the block. PostgreSQL stops each statement after
    `seconds`. Python code stops when it calls `check_time_limit`.
    """
    deadline = monotonic() + seconds
    token = _limit.set((deadline, seconds))
    try:
        with _sqlite_limit(db, deadline) if on_sqlite(db) else _postgresql_limit(db, seconds):
            yield
    except DBAPIError as error:
        if was_stopped(error):
            raise QueryTooLong(seconds) from None
        raise
    finally:
        _limit.reset(token)


def check_time_limit() -> None:
    """Raise `QueryTooLong` after the deadline of the `time_limit` block around the caller."""
    limit = _limit.get()
    if limit is not None and monotonic() > limit[0]:
        raise QueryTooLong(limit[1])


@contextmanager
def _postgresql_limit(db: Connection, seconds: float) -> Iterator[None]:
    milliseconds = max(1, round(seconds * 1000))
    if not db.get_execution_options().get(OWN_TRANSACTIONS, False):
        db.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
    elif db.info.get(_SESSION_LIMIT) != milliseconds:
        # It is set for the session, because the next read usually has the same limit.
        db.execute(text(f"SET statement_timeout = {milliseconds}"))
        db.info[_SESSION_LIMIT] = milliseconds
    yield


def lift_time_limit(db: Connection) -> None:
    """Remove the time limit from the session of a connection without transactions."""
    if db.info.pop(_SESSION_LIMIT, None) is not None:
        db.execute(text("RESET statement_timeout"))


@contextmanager
def _sqlite_limit(db: Connection, deadline: float) -> Iterator[None]:
    raw: Any = db.connection.driver_connection
    raw.set_progress_handler(lambda: monotonic() > deadline, _STEPS_BETWEEN_CHECKS)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


def was_stopped(error: DBAPIError) -> bool:
    """Return whether the database stopped a statement because of the current `time_limit`."""
    limit = _limit.get()
    if limit is None:
        return False
    sqlstate = getattr(error.orig, "sqlstate", None)
    message = str(error.orig)
    # SQLite hides the error of our own function. After the deadline, it must be the time limit.
    by_function = message == "user-defined function raised exception" and monotonic() > limit[0]
    return sqlstate == _QUERY_CANCELED or message == "interrupted" or by_function
