"""The sequences that keys are drawn from. PostgreSQL does not return keys on a rollback."""

from sqlalchemy import Connection, Table, exists, func, select, text
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import begin
from order_factory.models.tables.base import Base

# The last key of a table, and whether it was drawn: an unused sequence names its first key.
Drawn = dict[str, tuple[int, bool]]
_PATIENCE = "1s"


class _Used(Exception):
    """Another transaction has drawn keys since, so they must not be drawn again."""


def drawn_keys(db: Connection) -> Drawn:
    """The last drawn key of each table. Empty on SQLite, which returns keys on a rollback."""
    if on_sqlite(db):
        return {}
    return {
        table.name: tuple(db.execute(text(f"SELECT last_value, is_called FROM {_of(table)}")).one())
        for table in Base.metadata.sorted_tables
        if table.autoincrement_column is not None  # the others have no sequence
    }


def give_keys_back(drawn: Drawn) -> None:
    """After a rollback, reset each sequence to the given key, unless a row has a later one.

    If others write at the same time, the keys stay drawn. That leaves a harmless gap.
    """
    for name, (last, called) in drawn.items():
        table = Base.metadata.tables[name]
        try:
            with begin() as db:
                db.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
                # Waits for every transaction that has drawn a key and is still open.
                db.execute(text(f"ALTER SEQUENCE {_of(table)} RESTART"))
                _require_unused(db, table, last, called)
                db.execute(select(func.setval(_of(table), last, called)))
        except (_Used, DBAPIError):
            continue


def _require_unused(db: Connection, table: Table, last: int, called: bool) -> None:
    key = table.c.id
    if db.scalar(select(exists().where(key > last if called else key >= last))):
        raise _Used


def _of(table: Table) -> str:
    return f"{table.name}_id_seq"
