"""Read a spreadsheet (XLSX): its first visible sheet. The first row has the column names."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl.cell.read_only import ReadOnlyCell

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.row_files.headers import match_columns
from order_factory.tasks.row_files.records import Record, Source, is_blank
from order_factory.tasks.row_files.sheets import Row, open_sheet

# Spreadsheets keep 15 digits of a number, and replace the others with zeros.
_FIRST_ROUNDED = 10**15
_ZEROS = re.compile("0+")
# Parts of a number format that are not placeholders for digits.
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DECIMALS = re.compile(r"\.(0+)")

_Cells = Sequence[ReadOnlyCell | None]


class _Scan(NamedTuple):
    """The result of a first pass: the first row as people see it, and the number of filled rows."""

    title: str
    head: list[str]
    rows: int


def open_workbook(path: Path, known: Collection[str]) -> Source:
    """Return the columns and the rows, numbered as in the spreadsheet. Blank rows are skipped.

    A formula has its last computed value. The file is read twice, row by row, so that memory does
    not grow with the rows. Raises `InvalidRequest` if the file is not a workbook.
    """
    workbook = _scan(path)
    columns = match_columns(workbook.head, known)
    return Source(
        tuple(name for name in columns if name),
        workbook.rows,
        lambda: _records(path, columns),
        counted="row",
        read_as=f"from the sheet {workbook.title!r}",
    )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """Open the sheet. For a damaged workbook, the parsers may raise any error."""
    try:
        with open_sheet(path) as opened:
            yield opened
    except (OSError, InvalidRequest):
        raise
    except Exception as error:
        raise InvalidRequest(f"The file {path.name} is no readable .xlsx file.") from error


def _scan(path: Path) -> _Scan:
    head: list[str] = []
    count = 0
    with _opened(path) as (title, rows):
        for number, cells in rows:
            if number == 1:
                head = [
                    "" if each is None or each.value is None else str(each.value) for each in cells
                ]
            else:
                count += _is_filled(cells)
    return _Scan(title, head, count)


def _records(path: Path, columns: list[str]) -> Iterator[Record]:
    with _opened(path) as (_, rows):
        for number, cells in rows:
            if number > 1 and _is_filled(cells):
                yield _record(number, columns, cells)


def _is_filled(cells: _Cells) -> bool:
    return not all(_is_empty(cell) for cell in cells)


def _is_empty(cell: ReadOnlyCell | None) -> bool:
    return cell is None or (is_blank(cell.value) and cell.data_type != "f")


def _record(number: int, columns: list[str], cells: _Cells) -> Record:
    values: dict[str, Any] = {}
    for nth, cell in enumerate(cells):
        if cell is None or _is_empty(cell):
            continue
        if nth >= len(columns) or not columns[nth]:
            return Record(number, {}, f"has a value in {cell.coordinate}, under no column's name")
        if cell.data_type == "e":
            return Record(number, {}, f"has the error {cell.value} in {cell.coordinate}")
        if cell.data_type == "f":
            message = (
                f"has a formula without a value in {cell.coordinate}; have Excel save the file"
            )
            return Record(number, {}, message)
        values[columns[nth]] = _shown(cell)
    return Record(number, values)


def _shown(cell: Any) -> Any:
    """Return the value of a cell as people see it, if that tells more than the number.

    The leading zeros of a format such as `00000` stay, and so do the decimals of `0.00`: 20 is
    shown as 20.00, so it is no whole number of cents. A number that may have lost digits is a float.
    """
    value, number_format = cell.value, str(cell.number_format)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if isinstance(value, int) and _ZEROS.fullmatch(number_format):
        return str(value).zfill(len(number_format))
    if abs(value) >= _FIRST_ROUNDED:
        return float(value)
    decimals = _shown_decimals(number_format)
    if decimals:
        exact = Decimal(repr(value))
        shown = Decimal(1).scaleb(-decimals)
        return exact.quantize(shown) if exact == exact.quantize(shown) else exact
    return int(value) if value == int(value) else value


def _shown_decimals(number_format: str) -> int:
    positive = _LITERAL.sub("", number_format).split(";")[0]
    if "%" in positive or "E" in positive.upper():
        return 0
    match = _DECIMALS.search(positive)
    return len(match[1]) if match else 0
