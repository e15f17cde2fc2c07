"""Read a list in pages, the newest row first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute


def read_page(
    db: Connection,
    rows: Select[Any],
    key: ColumnElement[int] | InstrumentedAttribute[int],
    conditions: Sequence[ColumnElement[bool]],
    page: int,
    limit: int,
) -> tuple[Sequence[RowMapping], int]:
    """Return the rows of one page, and the total number of rows.

    `key` is the primary key of the listed table, and `conditions` are about its columns.
    """
    total = db.scalar(select(func.count(key)).where(*conditions)) or 0
    rows = rows.where(*conditions).order_by(key.desc()).limit(limit).offset((page - 1) * limit)
    return db.execute(rows).mappings().all(), total
