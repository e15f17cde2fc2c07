"""The sequences that keys are drawn from: on PostgreSQL a rollback does not give keys back."""

from sqlalchemy import Connection, Table, exists, func, select, text
from sqlalchemy.exc import DBAPIError

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.database.engine import begin
from order_factory.models.tables.base import Base

# A table's last key, and whether it was drawn: a sequence that was never used has its first.
Drawn = dict[str, tuple[int, bool]]
_PATIENCE = "1s"


class _Used(Exception):
    """Someone else has drawn keys meanwhile, so that they must not be drawn again."""


def drawn_keys(db: Connection) -> Drawn:
    """How far the keys of each table are drawn; empty on SQLite, which rolls them back itself."""
    if on_sqlite(db):
        return {}
    return {
        table.name: tuple(db.execute(text(f"SELECT last_value, is_called FROM {_of(table)}")).one())
        for table in Base.metadata.sorted_tables
        if table.autoincrement_column is not None  # the others have no sequence
    }


def give_keys_back(drawn: Drawn) -> None:
    """Let each table's next key be the one that it was then, where no row has a later one.

    For after a rollback. Where others write at the same time the keys stay drawn, which leaves a
    gap and does no harm.
    """
    for name, (last, called) in drawn.items():
        table = Base.metadata.tables[name]
        try:
            with begin() as db:
                db.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
                # Waits for whoever has drawn a key and not committed yet, and can be rolled back.
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
