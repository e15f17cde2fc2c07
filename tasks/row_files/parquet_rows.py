"""Read Parquet in batches. Python never holds a whole row group."""

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.row_files.headers import match_columns
from order_factory.tasks.row_files.records import Record, Source, drop_empty_cells

_BATCH_ROWS = 10_000
_FIRST_ROUNDED = 1e15
# Pandas writes the index of a filtered or sorted frame as a column.
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def read_fields(path: Path) -> dict[int, pa.Field]:
    """Return the columns with their types, by position, without an index of pandas.

    Raises `InvalidRequest` if the file is not Parquet.
    """
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _make_damage_error(path, "it cannot be opened") from error
    return {nth: each for nth, each in enumerate(schema) if not _PANDAS_INDEX.fullmatch(each.name)}


def open_parquet(path: Path, known: Collection[str]) -> Source:
    """Return the columns and rows of a file. Rows are numbered from 1.

    Raises `InvalidRequest` if it is not Parquet.
    """
    fields = read_fields(path)
    kept = list(fields)
    columns = match_columns([field.name for field in fields.values()], known)
    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise _make_damage_error(path, "it cannot be opened") from error
    return Source(tuple(columns), rows, lambda: _read_records(path, kept, columns), counted="row")


def _read_records(path: Path, kept: list[int], columns: list[str]) -> Iterator[Record]:
    """Yield the rows, numbered from 1. Raises `InvalidRequest` if the file is damaged."""
    line = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for values in _list_rows(batch.select(kept).rename_columns(columns)):
                    line += 1
                    if isinstance(values, str):
                        yield Record(line, {}, values)
                    else:
                        yield Record(line, drop_empty_cells(values))
    except (pa.ArrowException, OSError) as error:
        raise _make_damage_error(path, f"it cannot be read beyond row {line}") from error


def _list_rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | str]:
    """Return the rows of a batch. A row whose values Python cannot represent is a problem text."""
    batch = _convert_whole_numbers(_convert_to_microseconds(batch))
    try:
        yield from batch.to_pylist()
        return
    except (ValueError, OverflowError):
        if batch.num_rows == 1:
            yield "holds text that is not UTF-8, or a time outside the years 1 to 9999"
            return
    for row in range(batch.num_rows):
        yield from _list_rows(batch.slice(row, 1))


def _convert_to_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    for index, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz is not None:
            utc = batch.column(index).cast(pa.timestamp("us", tz="UTC"), safe=False)
            batch = batch.set_column(index, field.name, utc)
    return batch


def _convert_whole_numbers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Convert columns of floats with only whole numbers to integers. Pandas makes such columns.

    Columns with more than 15 digits are not converted, because a float may be rounded there.
    """
    for index, field in enumerate(batch.schema):
        if pa.types.is_floating(field.type):
            column = batch.column(index)
            whole = pc.equal(column, pc.trunc(column))
            small = pc.less(pc.abs(column), _FIRST_ROUNDED)
            if pc.all(pc.and_(whole, small), min_count=0).as_py():
                batch = batch.set_column(index, field.name, column.cast(pa.int64()))
    return batch


def _make_damage_error(path: Path, how: str) -> InvalidRequest:
    return InvalidRequest(f"The file {path.name} is no valid Parquet file: {how}.")
