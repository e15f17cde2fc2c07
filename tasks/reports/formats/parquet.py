"""A report as Parquet."""

from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from order_factory.tasks.reports.rows import COLUMNS, Part

_TYPES = {
    "errors_count": pa.int64(),
    "started_at": pa.timestamp("us", tz="UTC"),
    "ended_at": pa.timestamp("us", tz="UTC"),
}
# A group for each part would make a large file slow to read.
_ROWS_IN_GROUP = 50_000
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in COLUMNS])


class ParquetReport:
    """Texts, a 64-bit count and times in UTC to the microsecond; None is null."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetWriter(path, _SCHEMA)
        self._group: list[pa.Table] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write_group()
        self._file.close()

    def write(self, part: Part) -> None:
        self._group.append(pa.table(part, schema=_SCHEMA))
        if sum(map(len, self._group)) >= _ROWS_IN_GROUP:
            self._write_group()

    def _write_group(self) -> None:
        if self._group:
            self._file.write_table(pa.concat_tables(self._group))
            self._group.clear()


open_report = ParquetReport
