"""The messages of `errors_log` as rows."""

from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    String,
    case,
    cast,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.tables import OrderFactory

_factory = OrderFactory.__table__
# They replace a log, or a list, that is not valid. Null is not a message, so it equals none.
_NO_LISTS, _NO_MESSAGE = '{"": [null]}', "[null]"


def select_logged_messages(db: Connection) -> Select[Any]:
    """Select one row per message in the factories' logs.

    Columns: the factory's id, the field, the place in the field's list (from 1), the message. A log
    that is not an object of lists gives rows with a null message.
    """
    return _select_on_sqlite() if on_sqlite(db) else _select_on_postgresql()


def _select_on_sqlite() -> Select[Any]:
    log = type_coerce(_factory.c.errors_log, String)
    lists = case(
        (func.json_valid(log) == 0, _NO_LISTS),
        (func.json_type(log) == "object", log),
        else_=_NO_LISTS,
    )
    field = func.json_each(lists).table_valued(
        "key", "value", "type", name="field", joins_implicitly=True
    )
    messages = case(
        (field.c.type != "array", _NO_MESSAGE),
        (func.json_array_length(field.c.value) > 0, field.c.value),
        else_=_NO_MESSAGE,
    )
    message = func.json_each(messages).table_valued(
        "key", "value", name="message", joins_implicitly=True
    )
    rows = select(_factory.c.id, field.c.key, (message.c.key + 1).label("place"), message.c.value)
    return rows.select_from(_factory, field, message).where(log.is_not(None))


def _select_on_postgresql() -> Select[Any]:
    log, no_lists = _factory.c.errors_log, cast(literal(_NO_LISTS, String), JSONB)
    lists = case((func.jsonb_typeof(log) == "object", log), else_=no_lists)
    field = (
        func.jsonb_each(lists)
        .table_valued("key", "value", name="field", joins_implicitly=True)
        .render_derived()
    )
    no_message = cast(literal(_NO_MESSAGE, String), JSONB)
    messages = case(
        (func.jsonb_typeof(field.c.value) != "array", no_message),
        (func.jsonb_array_length(field.c.value) > 0, field.c.value),
        else_=no_message,
    )
    message = (
        func.jsonb_array_elements_text(messages)
        .table_valued("value", with_ordinality="place", name="message", joins_implicitly=True)
        .render_derived()
    )
    rows = select(_factory.c.id, field.c.key, message.c.place, message.c.value)
    return rows.select_from(_factory, field, message).where(log.is_not(None))
