"""Free the space of deleted and former values, so that no file contains them any more."""

from sqlalchemy.exc import DBAPIError

from order_factory.models.database.engine import get_engine


def reclaim_space() -> None:
    """Rewrite the database without the free space, which still contains former values."""
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
            pass  # another role's tables; PostgreSQL does it by itself in time
