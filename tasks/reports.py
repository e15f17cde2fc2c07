"""The report file of a batch: one row per order factory, CSV or Parquet by its ending."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, func, select
from sqlalchemy.orm import aliased

from models import Order, OrderFactory
from models.errors import InvalidRequest
from models.public_ids import Resource, public_id

ROWS_AT_ONCE = 10_000
COLUMNS = (
    "order_factory",
    "source_order",
    "status",
    "target_order",
    "target_number",
    "errors_count",
    "errors",
    "reference",
    "started_at",
    "ended_at",
)
_SCHEMA = pa.schema(
    [(name, pa.int64() if name == "errors_count" else pa.string()) for name in COLUMNS[:-2]]
    + [(name, pa.timestamp("us", tz="UTC")) for name in COLUMNS[-2:]]
)


def report_path(given: str | None, reference: str) -> Path:
    """Where the report goes. Raises `InvalidRequest` for an ending that is not .csv or .parquet."""
    if given is None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", reference).strip(".-") or "batch"
        return Path("var/reports") / f"{name[:120]}.csv"
    path = Path(given)
    if path.suffix.lower() not in _WRITERS:
        raise InvalidRequest(f"The report {given!r} must end in .csv or .parquet.")
    return path


def write_report(db: Connection, batch_id: int, path: Path) -> None:
    """Write one row per factory of the batch; memory does not grow with the batch.

    The columns are `COLUMNS`: the factory's public id, the source order's number (or id), the
    factory's status, the target order's id and number, its errors (`field: message`, one per
    line), and when it started and ended, in UTC.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place first: a report that is there is whole.
    part = path.with_name(path.name + ".part")
    with _WRITERS[path.suffix.lower()](part) as writer:
        for frame in _frames(db, batch_id):
            writer.write(frame)
    part.replace(path)


def _frames(db: Connection, batch_id: int) -> Iterator[pd.DataFrame]:
    """Parts of the report; only the columns that it shows are read."""
    source, target = aliased(Order), aliased(Order)
    rows = (
        select(
            OrderFactory.id,
            OrderFactory.source_order_id,
            source.number,
            OrderFactory.status,
            OrderFactory.target_order_id,
            target.number,
            OrderFactory.errors_count,
            OrderFactory.errors_log,
            OrderFactory.reference,
            OrderFactory.started_at,
            func.coalesce(OrderFactory.completed_at, OrderFactory.failed_at),
        )
        .join(source, source.id == OrderFactory.source_order_id)
        .outerjoin(target, target.id == OrderFactory.target_order_id)
        .where(OrderFactory.batch_id == batch_id)
        .order_by(OrderFactory.id)
    )
    streamed = db.execute(rows.execution_options(yield_per=ROWS_AT_ONCE))
    for part in streamed.partitions():
        yield pd.DataFrame([_report_row(*row) for row in part], columns=list(COLUMNS))


def _report_row(
    key: int,
    source_id: int,
    source_number: str | None,
    status: str,
    target_id: int | None,
    target_number: str | None,
    errors_count: int,
    errors_log: dict[str, list[str]] | None,
    *reference_and_times: Any,
) -> tuple[Any, ...]:
    log = (errors_log or {}).items()
    return (
        public_id(Resource.order_factories, key),
        source_number or public_id(Resource.orders, source_id),
        status,
        None if target_id is None else public_id(Resource.orders, target_id),
        target_number,
        errors_count,
        "\n".join(f"{field}: {told}" for field, messages in log for told in messages),
        *reference_and_times,
    )


class _CsvReport:
    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write(",".join(COLUMNS) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, frame: pd.DataFrame) -> None:
        frame.to_csv(self._file, header=False, index=False)


class _ParquetReport:
    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetWriter(path, _SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, frame: pd.DataFrame) -> None:
        self._file.write_table(pa.Table.from_pandas(frame, schema=_SCHEMA, preserve_index=False))


_WRITERS: dict[str, type[_CsvReport] | type[_ParquetReport]] = {
    ".csv": _CsvReport,
    ".parquet": _ParquetReport,
}
