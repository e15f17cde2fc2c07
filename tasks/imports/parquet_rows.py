"""Reading Parquet, in batches: a row group is never turned into Python rows as a whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import JSON

from order_factory.models.errors import InvalidRequest
from order_factory.models.tables.base import UtcDateTime
from order_factory.tasks.imports.records import Record, Source, given
from order_factory.tasks.imports.resources import Resource

_BATCH_ROWS = 10_000


def open_parquet(path: Path, resource: Resource) -> Source:
    """The file's columns and rows; a row's line is its number, from 1.

    Raises `InvalidRequest` for a file that is no Parquet, and for columns of the wrong type.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, "it cannot be opened") from error
    with file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    wrong = [
        f"{field.name} is {field.type}, and must be {allowed}"
        for field in schema
        if (allowed := _wanted_instead(field.type, resource, field.name))
    ]
    if wrong:
        raise InvalidRequest(f"Columns of {path.name} have the wrong type: {'; '.join(wrong)}.")
    return Source(tuple(schema.names), rows, lambda: parquet_records(path))


def _wanted_instead(found: pa.DataType, resource: Resource, name: str) -> str | None:
    """What the column's type must be, or None where it is right, or the column is not known."""
    types = pa.types
    if pa.types.is_dictionary(found):
        found = found.value_type
    text = types.is_string(found) or types.is_large_string(found) or types.is_string_view(found)
    if text or types.is_null(found) or name not in resource.columns:
        return None
    column = resource.table.c.get(name)
    if column is None:
        return "text"  # the natural key of another row
    if isinstance(column.type, UtcDateTime):
        zoned = types.is_timestamp(found) and found.tz is not None
        return None if zoned else "a timestamp with a time zone"
    if isinstance(column.type, JSON):
        return None if types.is_struct(found) else "a struct, or JSON text"
    kind = column.type.python_type
    number = types.is_integer(found) or types.is_floating(found) or types.is_decimal(found)
    if kind in (int, float):
        return None if number else "a number"
    if kind is bool:
        return None if types.is_boolean(found) else "a boolean"
    return "text"


def parquet_records(path: Path) -> Iterator[Record]:
    """The rows, numbered from 1. Raises `InvalidRequest` where the file is damaged."""
    line = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for values in _rows(batch):
                    line += 1
                    if isinstance(values, str):
                        yield Record(line, {}, values)
                    else:
                        yield Record(line, given(values))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, f"it cannot be read beyond row {line}") from error


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | str]:
    """The batch's rows; the words for what is wrong where Python cannot hold a row's values."""
    batch = _in_microseconds(batch)
    try:
        yield from batch.to_pylist()
        return
    except (ValueError, OverflowError):
        if batch.num_rows == 1:
            yield "holds text that is not UTF-8, or a time outside the years 1 to 9999"
            return
    for row in range(batch.num_rows):
        yield from _rows(batch.slice(row, 1))


def _in_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    for index, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is not None:
            utc = batch.column(index).cast(pa.timestamp("us", tz="UTC"), safe=False)
            batch = batch.set_column(index, field.name, utc)
    return batch


def _damaged(path: Path, how: str) -> InvalidRequest:
    return InvalidRequest(f"The file {path.name} is no valid Parquet file: {how}.")
