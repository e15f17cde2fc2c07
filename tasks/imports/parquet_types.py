"""The types that the columns of a Parquet file may have."""

from collections.abc import Iterable

import pyarrow as pa
from sqlalchemy import JSON

from order_factory.models.errors import InvalidRequest
from order_factory.models.tables.base import UtcDateTime
from order_factory.tasks.imports.resources import Resource


def _wanted_instead(found: pa.DataType, resource: Resource, name: str) -> str | None:
    """The required type of a column; None when its type is right or the column is unknown."""
    types = pa.types
    if pa.types.is_dictionary(found):
        found = found.value_type
    text = types.is_string(found) or types.is_large_string(found) or types.is_string_view(found)
    if text or types.is_null(found) or name not in resource.columns:
        return None
    number = types.is_integer(found) or types.is_floating(found) or types.is_decimal(found)
    column = resource.table.c.get(name)
    if column is None:  # the natural key of another row
        return None if number else "text"
    if isinstance(column.type, UtcDateTime):
        zoned = types.is_timestamp(found) and found.tz is not None
        return None if zoned else "a timestamp with a time zone"
    if isinstance(column.type, JSON):
        return None if types.is_struct(found) else "a struct, or JSON text"
    kind = column.type.python_type
    if kind in (int, float):
        return None if number else "a number"
    if kind is bool:
        return None if types.is_boolean(found) else "a boolean"
    return None if number else "text"


def check_types(file_name: str, fields: Iterable[tuple[str, pa.Field]], resource: Resource) -> None:
    """Raises `InvalidRequest` for columns of the wrong type; `fields` are named as is known."""
    wrong = [
        f"{field.name} is {field.type}, and must be {allowed}"
        for name, field in fields
        if (allowed := _wanted_instead(field.type, resource, name))
    ]
    if wrong:
        raise InvalidRequest(f"Columns of {file_name} have the wrong type: {'; '.join(wrong)}.")
