"""Reading Parquet in batches: a row group is never loaded into Python as a whole."""

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


def read_schema(path: Path) -> pa.Schema:
    """The file's columns with their types. Raises `InvalidRequest` for what is no Parquet."""
    try:
        return pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, "it cannot be opened") from error


def open_parquet(path: Path, known: Collection[str]) -> Source:
    """The file's columns and rows; a row's line is its number, from 1.

    Raises `InvalidRequest` for a file that is no Parquet.
    """
    columns = match_columns(read_schema(path).names, known)
    try:
        rows = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, "it cannot be opened") from error
    return Source(tuple(columns), rows, lambda: _records(path, columns), counted="row")


def _records(path: Path, columns: list[str]) -> Iterator[Record]:
    """The rows, numbered from 1. Raises `InvalidRequest` where the file is damaged."""
    line = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for values in _rows(batch.rename_columns(columns)):
                    line += 1
                    if isinstance(values, str):
                        yield Record(line, {}, values)
                    else:
                        yield Record(line, drop_empty_cells(values))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, f"it cannot be read beyond row {line}") from error


def _rows(batch: pa.RecordBatch) -> Iterator[dict[str, Any] | str]:
    """The batch's rows; the words for what is wrong where Python cannot hold a row's values."""
    batch = _with_whole_numbers(_in_microseconds(batch))
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


def _with_whole_numbers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Columns of floats that hold nothing but whole numbers, as pandas makes them, are integers.

    Not beyond 15 digits, where a float may have been rounded.
    """
    for index, field in enumerate(batch.schema):
        if pa.types.is_floating(field.type):
            column = batch.column(index)
            whole = pc.equal(column, pc.trunc(column))
            small = pc.less(pc.abs(column), _FIRST_ROUNDED)
            if pc.all(pc.and_(whole, small), min_count=0).as_py():
                batch = batch.set_column(index, field.name, column.cast(pa.int64()))
    return batch


def _damaged(path: Path, how: str) -> InvalidRequest:
    return InvalidRequest(f"The file {path.name} is no valid Parquet file: {how}.")
