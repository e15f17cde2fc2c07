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
_SCHEMA = pa.schema([(name, _TYPES.get(name, pa.string())) for name in COLUMNS])


class ParquetReport:
    """Texts, a 64-bit count and times in UTC to the microsecond; None is null."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetWriter(path, _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, part: Part) -> None:
        self._file.write_table(pa.table(part, schema=_SCHEMA))


open_report = ParquetReport
