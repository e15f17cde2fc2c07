"""A report as an Excel workbook.

The rows are written as XML by hand: openpyxl, which can stream too, takes five times as long.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from zipfile import ZIP_DEFLATED, ZipFile

from order_factory.tasks.reports.rows import COLUMNS, Part
from order_factory.tasks.reports.workbook import (
    HEADER,
    SHEET_END,
    TIME,
    sheet_file,
    sheet_start,
    write_rest,
)

# Excel's limits; the rows count the header.
ROWS_PER_SHEET = 1_048_576
CHARACTERS_PER_CELL = 32_767

_WIDTHS = (16, 18, 12, 16, 18, 13, 60, 24, 20, 20)
_LETTERS = "ABCDEFGHIJ"
_ZERO = datetime(1899, 12, 30, tzinfo=UTC)
_DAY = timedelta(days=1)

# What XML writes differently, what it cannot hold, and what Excel would take for an escape.
_SPECIAL = re.compile(
    r"[&<>\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)"
)
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "_": "_x005F_"}


def _escape(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[0], "\ufffd")


def _text(value: str, style: int = 0) -> str:
    if len(value) > CHARACTERS_PER_CELL:
        value = value[: CHARACTERS_PER_CELL - 1] + "…"
    value = _SPECIAL.sub(_escape, value)
    return f' s="{style}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


def _content(value: str | int | datetime) -> str:
    """What follows a cell's place. A text is an inline string: it never becomes a formula."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, datetime):
        return f' s="{TIME}"><v>{(value - _ZERO) / _DAY!r}</v></c>'
    return f"><v>{value}</v></c>"


def _contents(values: Sequence[Any]) -> list[str | None]:
    """The contents of a column's cells, None where there is nothing to say.

    Statuses and times come back by the thousand, so each is written out once.
    """
    message = {value: None if value is None else _content(value) for value in set(values)}
    return [message[value] for value in values]


def _row(nth: int, contents: tuple[str | None, ...]) -> str:
    cells = [
        f'<c r="{letter}{nth}"{content}'
        for letter, content in zip(_LETTERS, contents, strict=True)
        if content is not None
    ]
    return f'<row r="{nth}">{"".join(cells)}</row>'


class XlsxReport:
    """A sheet with a header, and further ones where there are more rows than one holds.

    Excel knows no time zones: its times are UTC without saying so. Texts are texts, whatever they
    look like. A character that XML cannot hold becomes a replacement character, and a text longer
    than a cell may be is cut, with an ellipsis at its end.
    """

    def __init__(self, path: Path) -> None:
        self._book = ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1)
        self._sheets: list[str] = []
        self._begin_sheet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end_sheet()
        write_rest(self._book, self._sheets)
        self._book.close()

    def write(self, part: Part) -> None:
        columns = [_contents(part[name]) for name in COLUMNS]
        rows = list(zip(*columns, strict=True))
        while rows:
            if self._rows == ROWS_PER_SHEET:
                self._end_sheet()
                self._begin_sheet()
            room = ROWS_PER_SHEET - self._rows
            self._write_rows(rows[:room])
            rows = rows[room:]

    def _begin_sheet(self) -> None:
        number = len(self._sheets) + 1
        self._sheets.append(f"order factories {number}" if number > 1 else "order factories")
        # A sheet may need more than 2 GiB before it is packed.
        self._file = self._book.open(sheet_file(number), "w", force_zip64=True)
        self._file.write(sheet_start(_WIDTHS).encode())
        self._rows = 0
        self._write_rows([tuple(_text(name, HEADER) for name in COLUMNS)])

    def _end_sheet(self) -> None:
        self._file.write(SHEET_END.encode())
        self._file.close()

    def _write_rows(self, rows: Sequence[tuple[str | None, ...]]) -> None:
        written = [_row(nth, contents) for nth, contents in enumerate(rows, self._rows + 1)]
        self._file.write("".join(written).encode())
        self._rows += len(rows)
