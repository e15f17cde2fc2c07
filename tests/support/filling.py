"""Rows with another value in every column, to prove that a copy has all of them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, Boolean, Column, DateTime, Float, String
from sqlalchemy.types import TypeDecorator

from order_factory.models.tables import Base
from order_factory.tasks.working_set.statements import table_of
from tests.support.shop import SOME_DAY


def make_values(table: type[Base], **given: Any) -> dict[str, Any]:
    """A different value for every column, except the key and the references to other rows.

    `given` values are used unchanged. A boolean gets the opposite of its default.
    """
    columns = [
        column
        for column in table_of(table).c
        if not column.primary_key and not column.foreign_keys and column.key not in given
    ]
    return {column.key: _make_value(column, nth) for nth, column in enumerate(columns, 1)} | given


def find_differences(copied: Any, source: Any) -> set[str]:
    """The names of the columns in which two rows of the same table differ."""
    pairs = zip(copied._mapping.items(), source._mapping.values(), strict=True)
    return {name for (name, value), other in pairs if value != other}


def _make_value(column: Column[Any], nth: int) -> Any:
    kind = column.type
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, Boolean):
        return "true" not in str(getattr(column.server_default, "arg", None))
    if isinstance(kind, DateTime):
        return SOME_DAY + timedelta(days=nth)
    if isinstance(kind, JSON):
        return {column.key: [nth, None, "ünïcode"]}
    if isinstance(kind, Float):
        return nth + 0.25
    if isinstance(kind, String):
        return f"{nth:02}{column.key}"[: kind.length]
    return 1000 + nth
