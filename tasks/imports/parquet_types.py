"""The types that the columns of a Parquet file may have."""

from collections.abc import Iterable

import pyarrow as pa
from sqlalchemy import JSON

from order_factory.models.errors import InvalidRequest
from order_factory.models.tables.base import UtcDateTime
from order_factory.tasks.imports.resources import Resource


def _required_type(data_type: pa.DataType, resource: Resource, name: str) -> str | None:
    """Return the required type of a column; None if its type is right or the column is unknown."""
    types = pa.types
    if pa.types.is_dictionary(data_type):
        data_type = data_type.value_type
    is_text = (
        types.is_string(data_type)
        or types.is_large_string(data_type)
        or types.is_string_view(data_type)
    )
    if is_text or types.is_null(data_type) or name not in resource.columns:
        return None
    is_number = (
        types.is_integer(data_type) or types.is_floating(data_type) or types.is_decimal(data_type)
    )
    column = resource.table.c.get(name)
    if column is None:  # the natural key of another row
        return None if is_number else "text"
    if isinstance(column.type, UtcDateTime):
        has_zone = types.is_timestamp(data_type) and data_type.tz is not None
        return None if has_zone else "a timestamp with a time zone"
    if isinstance(column.type, JSON):
        return None if types.is_struct(data_type) else "a struct, or JSON text"
    kind = column.type.python_type
    if kind in (int, float):
        return None if is_number else "a number"
    if kind is bool:
        return None if types.is_boolean(data_type) else "a boolean"
    return None if is_number else "text"


def check_types(file_name: str, fields: Iterable[tuple[str, pa.Field]], resource: Resource) -> None:
    """Raise `InvalidRequest` for columns of the wrong type.

    `fields` have the names of the resource.
    """
    problems = [
        f"{field.name} is {field.type}, and must be {required}"
        for name, field in fields
        if (required := _required_type(field.type, resource, name))
    ]
    if problems:
        raise InvalidRequest(f"Columns of {file_name} have the wrong type: {'; '.join(problems)}.")
