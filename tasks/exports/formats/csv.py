"""An export as CSV: UTF-8 with a header, and times such as 2026-11-23T22:00:00.250000+00:00.

No cell is changed, not even one that a spreadsheet would read as a formula: an import has to find
what was there.
"""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from order_factory.tasks.exports.columns import ExportColumn, Kind, names_of
from order_factory.tasks.exports.formats import Cells

_FLAGS = {True: "true", False: "false"}


def header(columns: Sequence[ExportColumn]) -> bytes:
    return _lines([names_of(columns)])


def encode(columns: Sequence[ExportColumn], cells: Cells) -> bytes:
    texts = (_texts(column.kind, each) for column, each in zip(columns, cells, strict=True))
    return _lines(zip(*texts, strict=True))


def finish(columns: Sequence[ExportColumn], part: Path, final: Path) -> None:
    part.replace(final)


def _texts(kind: Kind, cells: Sequence[Any]) -> Sequence[Any]:
    if kind is Kind.TIME:
        return [None if each is None else each.isoformat() for each in cells]
    if kind is Kind.FLAG:
        return [None if each is None else _FLAGS[each] for each in cells]
    return cells


def _lines(rows: Any) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
