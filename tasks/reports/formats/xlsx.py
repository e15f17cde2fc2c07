"""A report as an Excel workbook."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from order_factory.tasks.reports.rows import COLUMNS, Part
from order_factory.tasks.reports.workbooks import close_workbook

# Excel's limits; the rows count the header.
ROWS_PER_SHEET = 1_048_576
CHARACTERS_PER_CELL = 32_767

_WIDTHS = (16, 18, 12, 16, 18, 13, 60, 24, 20, 20, 60)
_TIME_FORMAT = "yyyy-mm-dd hh:mm:ss"
_TIMES = ("started_at", "ended_at")
_NUMBERS = ("errors_count",)
# Characters that XML does not allow. XlsxWriter escapes other control characters as Excel does.
_SPECIAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _text(value: str) -> str:
    if len(value) > CHARACTERS_PER_CELL:
        value = value[: CHARACTERS_PER_CELL - 1] + "…"
    return _SPECIAL.sub("\ufffd", value)


class XlsxReport:
    """A sheet with a header, and further sheets for more rows than one sheet holds.

    Excel has no time zones: the times are UTC. A text stays a text, whatever it looks like. A
    character that XML does not allow becomes a replacement character. A text that is too long for
    a cell is cut and ends with an ellipsis. Memory does not grow with the rows.
    """

    def __init__(self, path: Path) -> None:
        self._book = Workbook(str(path), {"constant_memory": True, "remove_timezone": True})
        self._header = self._book.add_format({"bold": True})
        self._time = self._book.add_format({"num_format": _TIME_FORMAT})
        self._sheets = 0
        self._begin_sheet()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        close_workbook(self._book)

    def write(self, part: Part) -> None:
        writers = [self._writer_of(name) for name in COLUMNS]
        for values in zip(*(part[name] for name in COLUMNS), strict=True):
            if self._rows == ROWS_PER_SHEET:
                self._begin_sheet()
            self._write_row(writers, values)

    def _begin_sheet(self) -> None:
        self._sheets += 1
        name = "order factories" if self._sheets == 1 else f"order factories {self._sheets}"
        self._sheet: Worksheet = self._book.add_worksheet(name)
        self._sheet.freeze_panes(1, 0)
        for column, width in enumerate(_WIDTHS):
            self._sheet.set_column(column, column, width)
        for column, title in enumerate(COLUMNS):
            self._sheet.write_string(0, column, title, self._header)
        self._rows = 1

    def _writer_of(self, name: str) -> Callable[[int, int, Any], object]:
        if name in _TIMES:
            return self._write_time
        if name in _NUMBERS:
            return lambda row, column, value: self._sheet.write_number(row, column, value)
        return lambda row, column, value: self._sheet.write_string(row, column, _text(value))

    def _write_time(self, row: int, column: int, value: datetime) -> None:
        self._sheet.write_datetime(row, column, value, self._time)

    def _write_row(
        self, writers: Sequence[Callable[[int, int, Any], object]], values: tuple[Any, ...]
    ) -> None:
        for column, (write, value) in enumerate(zip(writers, values, strict=True)):
            if value is not None:
                write(self._rows, column, value)
        self._rows += 1


open_report = XlsxReport
