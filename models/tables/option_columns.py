"""The columns for the copy options of an order factory or an order subscription."""

from typing import Any

from sqlalchemy import Boolean, Column, String, false, true
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeEngine

from order_factory.models.tables.base import JsonObject
from order_factory.models.tables.row_names import RowName
from order_factory.models.values.copy_options import COPY_CHANGES, COPY_OPTIONS, CopyOption


def column_type(option: CopyOption) -> TypeEngine[Any]:
    """Return the type of an option's column. A choice's width is rounded up to a power of two."""
    if option.type is bool:
        return Boolean()
    if option.type is dict:
        return JsonObject
    if option.names is not None:
        return RowName(option.names)
    if not option.values:
        return String()
    longest = max(map(len, option.values))
    return String(1 << (longest - 1).bit_length())


def option_columns(*, of_subscriptions: bool = False) -> list[Column[Any]]:
    """Return a column for each copy option, for the `__table_args__` of a mapped class.

    A change that is not requested is null. Subscriptions have no changes.
    """
    columns = []
    for option in COPY_OPTIONS:
        default = option.default_of_subscriptions if of_subscriptions else option.default
        server_default: ColumnElement[bool] | str
        if isinstance(default, bool):
            server_default = true() if default else false()
        else:
            server_default = str(default)
        columns.append(
            Column[Any](
                option.name, column_type(option), server_default=server_default, nullable=False
            )
        )
    if not of_subscriptions:
        columns += [Column[Any](change.name, column_type(change)) for change in COPY_CHANGES]
    return columns
