"""Columns that refer to a row by its public id, or by a text such as an email.

A public id is stored as the key of its row, so that a statement can join the row: SQL has no
function for public ids.
"""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, String, case, cast, func, type_coerce
from sqlalchemy.types import TypeDecorator

from order_factory.models.values.public_ids import Resource, parse_public_id, public_id

BY_KEY, BY_TEXT = "#", "="


class RowName(TypeDecorator[str]):
    """A name as people give it. It is stored as `#` and the row's key, or as `=` and the text."""

    impl = String
    cache_ok = True

    def __init__(self, resource: Resource) -> None:
        super().__init__()
        self.resource = resource

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return stored_name(self.resource, value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        sign, rest = value[:1], value[1:]
        return public_id(self.resource, int(rest)) if sign == BY_KEY else rest


def stored_name(resource: Resource, name: str | None) -> str | None:
    """Return the stored form of a name."""
    if name is None:
        return None
    key = parse_public_id(resource, name)
    return f"{BY_TEXT}{name}" if key is None else f"{BY_KEY}{key}"


def key_in(name: ColumnElement[Any]) -> ColumnElement[int | None]:
    """Return the key in a stored name, or null for a text."""
    stored = type_coerce(name, String)
    is_key = func.substr(stored, 1, 1) == BY_KEY
    return case((is_key, cast(func.substr(stored, 2), BigInteger)))


def text_in(name: ColumnElement[Any]) -> ColumnElement[str]:
    """Return the text in a stored name, or null for a key."""
    stored = type_coerce(name, String)
    return case((func.substr(stored, 1, 1) == BY_TEXT, func.substr(stored, 2)))
