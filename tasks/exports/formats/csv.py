"""An export as CSV: UTF-8 with a header, and times such as 2026-11-23T22:00:00.250000+00:00.

No cell is changed, not even one that a spreadsheet would read as a formula: an import must find
the original text.
"""

import csv
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from order_factory.tasks.exports.columns import ExportColumn, Kind, list_names
from order_factory.tasks.exports.formats import Cells

_FLAGS = {True: "true", False: "false"}


def header(columns: Sequence[ExportColumn]) -> bytes:
    return _write_lines([list_names(columns)])


def encode(columns: Sequence[ExportColumn], cells: Cells) -> bytes:
    texts = (_format_cells(column.kind, each) for column, each in zip(columns, cells, strict=True))
    return _write_lines(zip(*texts, strict=True))


def finish(columns: Sequence[ExportColumn], part: Path, final: Path) -> None:
    part.replace(final)


def _format_cells(kind: Kind, cells: Sequence[Any]) -> Sequence[Any]:
    if kind is Kind.TIME:
        return [None if each is None else each.isoformat() for each in cells]
    if kind is Kind.FLAG:
        return [None if each is None else _FLAGS[each] for each in cells]
    return cells


def _write_lines(rows: Any) -> bytes:
    text = StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
