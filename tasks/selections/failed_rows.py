"""The failed copies of a batch as a file that can be corrected and copied as a new batch."""

import csv
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, exists, select
from sqlalchemy.orm import aliased

from order_factory.models.errors import InvalidRequest
from order_factory.models.tables import Order, OrderFactory
from order_factory.models.values.copy_options import CHANGES, OPTIONS
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import FactoryStatus
from order_factory.tasks.reports.replacing import replace_file
from order_factory.tasks.reports.rows import ROWS_AT_ONCE, join_messages
from order_factory.tasks.selections.reading import COLUMNS, ERRORS
from order_factory.tasks.working_set.statements import table_of

ALL_COLUMNS = (*COLUMNS, ERRORS)
# A spreadsheet treats a cell with one of these first characters as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Row = dict[str, Any]


def _select_rows(batch_id: int) -> Select[Any]:
    """Select the failed copies without a target order and without a retry, sorted by id."""
    factory, retry = table_of(OrderFactory), aliased(OrderFactory)
    retried = exists().where(retry.retry_of_id == factory.c.id)
    rows = select(
        Order.id.label("order_id"),
        Order.number,
        *(
            factory.c[name]
            for name in (*OPTIONS, *CHANGES, "reference", "reference_origin", "metadata")
        ),
        factory.c.errors_log,
    ).join_from(factory, Order, Order.id == factory.c.source_order_id)
    return rows.where(
        factory.c.batch_id == batch_id,
        factory.c.status == FactoryStatus.FAILED,
        factory.c.target_order_id.is_(None),
        ~retried,
    ).order_by(factory.c.id)


def _read_rows(db: Connection, batch_id: int) -> Generator[Row]:
    query = _select_rows(batch_id).execution_options(yield_per=ROWS_AT_ONCE)
    with db.execute(query) as streamed:
        for row in streamed.mappings():
            number = row["number"]
            # A number that has only letters could be the id of another order.
            known = number and not number.isalpha()
            name = number if known else public_id(Resource.orders, row["order_id"])
            own = {column: row[column] for column in COLUMNS if column != "source_order"}
            yield {"source_order": name, **own, ERRORS: join_messages(row["errors_log"])}


def _as_text(value: Any) -> str | None:
    """Return a value as text that the file readers accept."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return None if value is None else str(value)


def _write_csv(rows: Iterator[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(ALL_COLUMNS)
        for row in rows:
            texts = [_as_text(row[name]) for name in ALL_COLUMNS]
            writer.writerow(
                [f"'{text}" if text and text.startswith(_FORMULA) else text for text in texts]
            )


def _write_json_lines(rows: Iterator[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            given = {name: value for name, value in row.items() if value is not None}
            file.write(json.dumps(given, ensure_ascii=False) + "\n")


def _write_parquet(rows: Iterator[Row], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.string()) for name in ALL_COLUMNS])
    with pq.ParquetWriter(path, schema) as writer:
        for part in _parts(rows):
            columns = {name: [_as_text(row[name]) for row in part] for name in ALL_COLUMNS}
            writer.write_table(pa.table(columns, schema=schema))


def _write_xlsx(rows: Iterator[Row], path: Path) -> None:
    from xlsxwriter import Workbook

    from order_factory.tasks.reports.workbooks import close_workbook

    book = Workbook(str(path), {"constant_memory": True})
    try:
        sheet = book.add_worksheet("failed rows")
        sheet.freeze_panes(1, 0)
        for column, name in enumerate(ALL_COLUMNS):
            sheet.write_string(0, column, name)
        for number, row in enumerate(rows, start=1):
            for column, name in enumerate(ALL_COLUMNS):
                text = _as_text(row[name])
                if text:
                    sheet.write_string(number, column, text)
    finally:
        close_workbook(book)


def _parts(rows: Iterator[Row]) -> Iterator[Sequence[Row]]:
    part: list[Row] = []
    for row in rows:
        part.append(row)
        if len(part) == ROWS_AT_ONCE:
            yield part
            part = []
    yield part


_WRITERS: dict[str, Callable[[Iterator[Row], Path], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_json_lines,
    ".parquet": _write_parquet,
    ".xlsx": _write_xlsx,
}
ENDINGS = tuple(_WRITERS)


def write_failed_rows(db: Connection, batch_id: int, path: Path) -> None:
    """Write a row for each failed copy that can be retried, in constant memory.

    The columns are those of a batch file, with all options of each copy, and `errors` with the
    messages. Copies that have a target order or a retry are left out. Raises `InvalidRequest` if
    the ending is not in `ENDINGS`.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise InvalidRequest(f"The name of the file must end in {', '.join(ENDINGS)}.")
    with replace_file(path) as part, closing(_read_rows(db, batch_id)) as rows:
        write(rows, part)
