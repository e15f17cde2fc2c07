"""An export as JSON: one array with an object for each row, as an import reads it."""

from collections.abc import Sequence
from pathlib import Path

from order_factory.tasks.exports.columns import ExportColumn
from order_factory.tasks.exports.formats import Cells, jsonl

_BEGIN, _BETWEEN, _END = b"[\n", b",\n", b"\n]\n"


def header(columns: Sequence[ExportColumn]) -> bytes:
    return _BEGIN


def encode(columns: Sequence[ExportColumn], cells: Cells) -> bytes:
    return jsonl.encode(columns, cells).replace(b"\n", _BETWEEN)


def finish(columns: Sequence[ExportColumn], part: Path, final: Path) -> None:
    # After a crash, this runs again and cuts off the same length, so the file is the same.
    with part.open("r+b") as file:
        rows_end = file.seek(0, 2) - len(_BETWEEN)
        file.seek(max(rows_end, len(_BEGIN)))
        file.truncate()
        file.write(_END if rows_end > 0 else b"]\n")
    part.replace(final)
