"""Read the rows of an export in chunks, so that memory does not grow with the rows."""

import json
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, func, select

from order_factory.models.values.public_ids import public_ids
from order_factory.tasks.exports.columns import ExportColumn, Kind
from order_factory.tasks.exports.formats import Cells
from order_factory.tasks.exports.resources import ExportResource

CHUNK_ROWS = 1_000


class Chunk(NamedTuple):
    """Some rows of an export: the key of the last row, the number of rows, and their cells."""

    last_key: int
    rows: int
    cells: Cells


def count_rows(db: Connection, rows: Select[Any], until: int) -> int:
    """Return the number of rows with a key up to `until`."""
    keys = _limit_keys(rows, 0, until).order_by(None)
    keys = keys.with_only_columns(rows.selected_columns.id, maintain_column_froms=True)
    return db.scalar(select(func.count()).select_from(keys.subquery())) or 0


def read_chunks(
    db: Connection, resource: ExportResource, rows: Select[Any], after: int, until: int
) -> Generator[Chunk]:
    """Yield the rows with a key above `after` and up to `until`, `CHUNK_ROWS` at a time."""
    columns = resource.described.columns
    query = _limit_keys(rows, after, until).execution_options(yield_per=CHUNK_ROWS)
    with db.execute(query) as streamed:
        for rows_read in streamed.partitions():
            keys, *results = zip(*rows_read, strict=True)
            yield Chunk(keys[-1], len(keys), _make_cells(columns, results))


def _limit_keys(rows: Select[Any], after: int, until: int) -> Select[Any]:
    key = rows.selected_columns.id
    return rows.where(key > after, key <= until)


def _make_cells(columns: Sequence[ExportColumn], results: Sequence[Sequence[Any]]) -> Cells:
    """Return the cells of each column.

    `results` has the values of all columns, followed by the keys for public ids.
    """
    values, keys = results[: len(columns)], iter(results[len(columns) :])
    cells = []
    for column, each in zip(columns, values, strict=True):
        if column.kind is Kind.OBJECT:
            each = [None if value is None else _dump_json(value) for value in each]
        if column.key is not None and column.ids is not None:
            row_keys = next(keys)
            if None in each:
                ids = public_ids(column.ids, row_keys)
                each = [
                    own_id if value is None else value
                    for value, own_id in zip(each, ids, strict=True)
                ]
        cells.append(each)
    return cells


def _dump_json(value: Any) -> str:
    """Return the value as JSON, with sorted members: PostgreSQL does not keep their order."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
