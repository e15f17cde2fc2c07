"""An export as Parquet: numbers, booleans, UTC times to the microsecond, and texts.

A Parquet file must be written in one go. So the chunks are Arrow streams, one after the other, and
the Parquet file is made from them at the end.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

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

_GROUP_BYTES = 2 << 20
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def header(columns: Sequence[ExportColumn]) -> bytes:
    return b""


def encode(columns: Sequence[ExportColumn], cells: Cells) -> bytes:
    schema = _make_schema(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        arrays = [
            _make_array(column.kind, each) for column, each in zip(columns, cells, strict=True)
        ]
        stream.write_batch(pa.record_batch(arrays, schema=schema))
    return bytes(sink.getvalue())


def finish(columns: Sequence[ExportColumn], part: Path, final: Path) -> None:
    with pq.ParquetWriter(final, _make_schema(columns)) as writer:
        for group in _read_row_groups(part):
            writer.write_table(group)


def _make_array(kind: Kind, cells: Sequence[Any]) -> pa.Array:
    """The cells as Arrow has them in memory.

    `pa.array` would import pandas, which takes more memory than all the rest of an export.
    """
    valid = _pack_bits(each is not None for each in cells)
    values: list[Any]
    match kind:
        case Kind.TEXT | Kind.OBJECT:
            texts = [b"" if each is None else each.encode() for each in cells]
            values = [array("i", accumulate(map(len, texts), initial=0)), b"".join(texts)]
        case Kind.FLAG:
            values = [_pack_bits(map(bool, cells))]
        case Kind.TIME:
            values = [array("q", (_count_microseconds(each) for each in cells))]
        case Kind.WHOLE | Kind.NUMBER:
            values = [array("q" if kind is Kind.WHOLE else "d", (each or 0 for each in cells))]
    buffers = [pa.py_buffer(each) for each in (valid, *values)]
    return pa.Array.from_buffers(_TYPES[kind], len(cells), buffers)


def _count_microseconds(time: datetime | None) -> int:
    return 0 if time is None else (time - _EPOCH) // _MICROSECOND


def _pack_bits(flags: Iterable[bool]) -> bytes:
    """A bit for each flag, from the lowest of the first byte."""
    digits = "".join("01"[flag] for flag in flags)[::-1]
    return int(digits or "0", 2).to_bytes(len(digits) // 8 + 1, "little")


def _read_row_groups(part: Path) -> Iterator[pa.Table]:
    """Tables of many chunks: what the writer remembers of each row group stays in memory."""
    group: list[pa.RecordBatch] = []
    for batch in _read_batches(part):
        group.append(batch)
        if sum(each.nbytes for each in group) >= _GROUP_BYTES:
            yield pa.Table.from_batches(group)
            group.clear()
    if group:
        yield pa.Table.from_batches(group)


def _read_batches(part: Path) -> Iterator[pa.RecordBatch]:
    size = part.stat().st_size
    with pa.OSFile(str(part)) as file:
        while file.tell() < size:
            with pa.ipc.open_stream(file) as stream:
                yield from stream


def _make_schema(columns: Sequence[ExportColumn]) -> pa.Schema:
    return pa.schema([(column.name, _TYPES[column.kind]) for column in columns])
