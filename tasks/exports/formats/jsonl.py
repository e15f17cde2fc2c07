"""An export as JSON Lines: an object for each row, with every column. A missing value is null."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from order_factory.tasks.exports.columns import ExportColumn, Kind, list_names
from order_factory.tasks.exports.formats import Cells


def header(columns: Sequence[ExportColumn]) -> bytes:
    return b""


def encode(columns: Sequence[ExportColumn], cells: Cells) -> bytes:
    names = list_names(columns)
    values = (_make_values(column.kind, each) for column, each in zip(columns, cells, strict=True))
    lines = [
        orjson.dumps(dict(zip(names, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)
        for row in zip(*values, strict=True)
    ]
    return b"".join(lines)


def finish(columns: Sequence[ExportColumn], part: Path, final: Path) -> None:
    part.replace(final)


def _make_values(kind: Kind, cells: Sequence[Any]) -> Sequence[Any]:
    if kind is not Kind.OBJECT:
        return cells
    return [None if each is None else orjson.Fragment(each) for each in cells]
