"""The sequences of the keys. PostgreSQL does not return drawn keys on a rollback."""

from sqlalchemy import Connection, Table, exists, func, select, text
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import begin
from order_factory.models.tables.base import Base

# By table: the last key, and whether it was drawn. An unused sequence has its first key.
DrawnKeys = dict[str, tuple[int, bool]]
_LOCK_TIMEOUT = "1s"


class _KeysUsed(Exception):
    """Another transaction has drawn later keys, so the sequence must not be reset."""


def read_drawn_keys(db: Connection) -> DrawnKeys:
    """Return the last drawn key of each table. It is empty on SQLite, where no key is lost."""
    if on_sqlite(db):
        return {}
    return {
        table.name: tuple(
            db.execute(text(f"SELECT last_value, is_called FROM {_name_sequence(table)}")).one()
        )
        for table in Base.metadata.sorted_tables
        if table.autoincrement_column is not None  # the others have no sequence
    }


def return_keys(keys: DrawnKeys) -> None:
    """After a rollback, reset each sequence to the given key, unless a row has a later key.

    If other transactions write at the same time, the keys stay drawn. The gap does no harm.
    """
    for name, (last, was_drawn) in keys.items():
        table = Base.metadata.tables[name]
        try:
            with begin() as db:
                db.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
                # It waits for every open transaction that has drawn a key.
                db.execute(text(f"ALTER SEQUENCE {_name_sequence(table)} RESTART"))
                _require_unused(db, table, last, was_drawn)
                db.execute(select(func.setval(_name_sequence(table), last, was_drawn)))
        except (_KeysUsed, DBAPIError):
            continue


def _require_unused(db: Connection, table: Table, last: int, was_drawn: bool) -> None:
    key = table.c.id
    if db.scalar(select(exists().where(key > last if was_drawn else key >= last))):
        raise _KeysUsed


def _name_sequence(table: Table) -> str:
    return f"{table.name}_id_seq"
