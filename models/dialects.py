"""What SQLite and PostgreSQL say differently. Everything else is written once."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    Table,
    cast,
    column,
    func,
    select,
    table,
    type_coerce,
)

from models.base import JsonObject
from models.order_factories import CopyError

_SQLITE_KEYS = table("sqlite_sequence", column("name"), column("seq"))


def on_sqlite(db: Connection) -> bool:
    return db.dialect.name == "sqlite"


def others_may_write(db: Connection) -> bool:
    """Whether rows that this transaction has read may change before it ends."""
    return not on_sqlite(db)


def new_key(
    db: Connection, of: Table, *, order_by: ColumnElement[int], nth: int = 1, each: int = 1
) -> ColumnElement[int]:
    """A key that no row of the table has had or will get, for each row of a SELECT.

    A SELECT that takes several keys of one table per row says how many (`each`), and which of
    them this is (`nth`, from 1). SQLite has no sequence to draw from; there the open writing
    transaction keeps everyone else out.
    """
    if not on_sqlite(db):
        return func.nextval(f"{of.name}_id_seq")
    last = select(func.max(_SQLITE_KEYS.c.seq)).where(_SQLITE_KEYS.c.name == of.name)
    row = func.row_number().over(order_by=order_by)
    return func.coalesce(last.scalar_subquery(), 0) + (row - 1) * each + nth


def skip_locked(db: Connection, rows: Select[Any], of: Table) -> Select[Any]:
    """The same rows, locked, without those that another transaction holds.

    On SQLite the writing transaction is the only one, so that there is nothing to skip.
    """
    return rows if on_sqlite(db) else rows.with_for_update(skip_locked=True, of=of)


def reading_order(db: Connection, *columns: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
    """What to sort the source rows of a copy by, so that the copies' keys are in their order.

    SQLite reads them in that order already, order by order through the index, and would sort
    them once more for nothing.
    """
    return () if on_sqlite(db) else columns


def day(db: Connection, time: ColumnElement[Any]) -> ColumnElement[str]:
    """A UTC time's day, as `2026-01-31`."""
    if on_sqlite(db):
        return func.substr(cast(time, String), 1, 10)
    return func.to_char(func.timezone("UTC", time), "YYYY-MM-DD")


def errors_log_of(db: Connection, factory_id: ColumnElement[int]) -> ColumnElement[Any]:
    """A factory's errors as one JSON object: field name to the list of messages, in order."""
    mine = (
        select(CopyError.field, CopyError.message)
        .where(CopyError.order_factory_id == factory_id)
        .order_by(CopyError.id)
        .correlate_except(CopyError)
        .subquery()
    )
    if on_sqlite(db):
        messages = func.json(func.json_group_array(mine.c.message))
        fields = select(mine.c.field, messages.label("messages")).group_by(mine.c.field).subquery()
        log = select(func.json_group_object(fields.c.field, func.json(fields.c.messages)))
    else:
        messages = func.jsonb_agg(mine.c.message)
        fields = select(mine.c.field, messages.label("messages")).group_by(mine.c.field).subquery()
        log = select(func.jsonb_object_agg(fields.c.field, fields.c.messages))
    return type_coerce(log.scalar_subquery(), JsonObject)
