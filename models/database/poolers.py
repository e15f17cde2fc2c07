"""Detect poolers in front of PostgreSQL that share sessions among clients.

The order factory uses temporary tables, prepared statements and advisory locks of a session. A
pooler that gives each transaction another session (PgBouncer's transaction and statement mode)
would lose them, so it is refused. A pooler that keeps the session (session mode) is supported.
"""

from sqlalchemy import Connection, Engine, text

from order_factory.models.errors import InvalidRequest

_PID = text("SELECT pg_backend_pid()")
_TRIES = 5


class PoolerShares(InvalidRequest):
    """The pooler gives a session to another client between two transactions."""

    detail = (
        "ORDER_FACTORY_DATABASE_URL leads to a pooler that shares one session among clients "
        "(PgBouncer's pool_mode transaction or statement), which would break locks and temporary "
        "tables. Use pool_mode=session for this database, or the address of PostgreSQL itself."
    )


def require_own_session(engine: Engine, connection: Connection) -> None:
    """Raise `PoolerShares` if the connection does not have a session of its own."""
    if _is_direct(connection):
        return
    first = _read_session(connection)
    for _ in range(_TRIES):
        # While another connection is in a transaction, it must not have the same session.
        with engine.connect() as other:
            if not _is_direct(other) and other.scalar(_PID) == first:
                raise PoolerShares()
            if _read_session(connection) != first:
                raise PoolerShares()


def _is_direct(connection: Connection) -> bool:
    """Whether PostgreSQL itself answers. A pooler gives its clients other process numbers."""
    raw = connection.connection.driver_connection
    assert raw is not None
    return bool(raw.info.backend_pid == _read_session(connection))


def _read_session(connection: Connection) -> int:
    """Return the process number of the session. It is read in a separate transaction."""
    with connection.begin():
        return int(connection.execute(_PID).scalar_one())
