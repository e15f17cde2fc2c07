"""Rewrite the database, so that its files no longer contain deleted and old values."""

from sqlalchemy.exc import DBAPIError

from order_factory.models.database.engine import get_engine


def reclaim_space() -> None:
    """Rewrite the database without its free space, which still contains old values."""
    engine = get_engine()
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("VACUUM")
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        try:
            db.exec_driver_sql("VACUUM")
        except DBAPIError:
            pass  # tables of another role: PostgreSQL vacuums them by itself later
