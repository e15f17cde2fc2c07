"""Which database errors are transient, so that the same work may be run again."""

import errno

from sqlalchemy.exc import DBAPIError

from order_factory.models.errors import ConnectionLost, DatabaseRefused, OrderFactoryError

# PostgreSQL: serialization failure, deadlock, lock not available, server shutting down or starting
# up, sessions ended for being idle, too many connections, lost connections.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATES = {"40001", "40P01", "55P03", "57P01", "57P02", "57P03", "57P05", "25P03", "53300"}
_SQLITE = ("database is locked", "database table is locked")
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_transient(error: BaseException) -> bool:
    """Whether the transaction that raised this error may succeed when it is run again."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    if sqlstate in _SQLSTATES or sqlstate.startswith("08"):
        return True
    message = str(error.orig)
    return message.startswith(_SQLITE) or "server closed the connection" in message


def is_disk_full(error: BaseException) -> bool:
    """Whether the disk of this machine, or that of the database, is full."""
    if isinstance(error, OSError):
        return error.errno in _DISK_FULL
    if not isinstance(error, DBAPIError):
        return False
    sqlstate = getattr(error.orig, "sqlstate", None)
    return sqlstate == "53100" or str(error.orig).startswith("database or disk is full")


def is_lost(error: DBAPIError) -> bool:
    """Whether the connection was lost, so that nobody knows whether a COMMIT succeeded."""
    sqlstate = getattr(error.orig, "sqlstate", None) or ""
    ended = sqlstate in ("57P01", "57P02", "57P05", "25P03") or sqlstate.startswith("08")
    return bool(error.connection_invalidated) or ended


def explain_refusal(error: DBAPIError) -> OrderFactoryError:
    """Return our own error for the database's error, without any value of a row."""
    return ConnectionLost() if is_lost(error) else DatabaseRefused(without_values(error))


def without_values(error: DBAPIError) -> str:
    """Return the database's message without any value of a row.

    The driver's own message may quote a row with an email or a token.
    """
    if error.connection_invalidated:
        return "the connection was lost"
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        named = diagnosis.constraint_name or diagnosis.column_name or diagnosis.table_name
        sqlstate = getattr(error.orig, "sqlstate", None) or "no code"
        return f"{type(error.orig).__name__}, {sqlstate}" + (f", at {named}" if named else "")
    message = str(error.orig)
    if " constraint failed: " in message:  # SQLite names the columns or the constraint, no values
        return message
    return type(error.orig).__name__
