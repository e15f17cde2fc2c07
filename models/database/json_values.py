"""JSON in SQL: objects, lists and members."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, String, cast, func, literal, type_coerce
from sqlalchemy.dialects.postgresql import JSONB

from order_factory.models.database.dialects import on_sqlite
from order_factory.models.tables.base import JsonObject


def build_object(db: Connection, *members: Any) -> ColumnElement[Any]:
    """Return a JSON object. The arguments are its names and values in turn."""
    build = func.json_object if on_sqlite(db) else func.jsonb_build_object
    return build(*members)


def gather_object(
    db: Connection, key: ColumnElement[str], value: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Return a JSON object with one member per row of the group."""
    gather = func.json_group_object if on_sqlite(db) else func.jsonb_object_agg
    return gather(key, value)


def gather_list(db: Connection, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a JSON list with one entry per row of the group."""
    return (func.json_group_array if on_sqlite(db) else func.jsonb_agg)(value)


def add_list(
    db: Connection, held: ColumnElement[Any], name: str, entries: ColumnElement[Any]
) -> ColumnElement[Any]:
    """Return the object with an additional member: a JSON list of the entries, empty for null."""
    merged: ColumnElement[Any]
    if on_sqlite(db):
        object_ = func.coalesce(type_coerce(held, String), "{}")
        merged = func.json_set(object_, f"$.{name}", func.json(entries))
    else:
        object_ = func.coalesce(held, func.jsonb_build_object())
        list_ = func.coalesce(entries, func.jsonb_build_array())
        merged = object_.op("||")(func.jsonb_build_object(name, list_))
    return type_coerce(merged, JsonObject)


def as_json(db: Connection, words: ColumnElement[str]) -> ColumnElement[Any]:
    """Return a JSON text as a value that can be compared with another."""
    return words if on_sqlite(db) else cast(words, JSONB)


def remove_member(
    db: Connection, held: ColumnElement[Any], name: str | None = None
) -> ColumnElement[str]:
    """Return the object without one member, as a text that is the same for equal objects."""
    if on_sqlite(db):
        object_ = func.coalesce(type_coerce(held, String), "{}")
        return func.json(object_) if name is None else func.json_remove(object_, f"$.{name}")
    object_ = func.coalesce(held, cast(literal("{}", String), JSONB))
    return cast(object_ if name is None else object_.op("-")(name), String)
