"""An export as Parquet: numbers, booleans, UTC times to the microsecond, and texts.

A Parquet file must be written in one go. So the chunks are Arrow streams, one after the other, and
the Parquet file is made from them at the end.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from order_factory.tasks.exports.columns import ExportColumn, Kind
from order_factory.tasks.exports.formats import Cells

_TYPES = {
    Kind.TEXT: pa.string(),
    Kind.WHOLE: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.FLAG: pa.bool_(),
    Kind.TIME: pa.timestamp("us", tz="UTC"),
    Kind.OBJECT: pa.string(),
}


def header(columns: Sequence[ExportColumn]) -> bytes:
    return b""


def encode(columns: Sequence[ExportColumn], cells: Cells) -> bytes:
    schema = _make_schema(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        arrays = [pa.array(each, field.type) for field, each in zip(schema, cells, strict=True)]
        stream.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue())


def finish(columns: Sequence[ExportColumn], part: Path, final: Path) -> None:
    with pq.ParquetWriter(final, _make_schema(columns)) as writer:
        for batch in _read_batches(part):
            writer.write_batch(batch)


def _read_batches(part: Path) -> Iterator[pa.RecordBatch]:
    size = part.stat().st_size
    with pa.OSFile(str(part)) as file:
        while file.tell() < size:
            with pa.ipc.open_stream(file) as stream:
                yield from stream


def _make_schema(columns: Sequence[ExportColumn]) -> pa.Schema:
    return pa.schema([(column.name, _TYPES[column.kind]) for column in columns])
