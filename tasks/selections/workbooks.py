"""Reading a spreadsheet (XLSX): its first sheet, whose first row names the columns."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.records import Record

_BROKEN = (zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, TypeError)


def read_workbook(path: Path) -> tuple[list[str], list[Record]]:
    """The columns and the rows, numbered as the spreadsheet numbers them; blank rows left out.

    A formula counts as the value that was last computed for it. Raises `InvalidRequest` for what
    is no workbook.
    """
    try:
        cells = list(_rows(path, formulas=True))
        if any(cell.data_type == "f" for row in cells for cell in row):
            return _records(list(_rows(path, formulas=False)), cells)
        return _records(cells, cells)
    except _BROKEN as error:
        raise InvalidRequest("it is no readable .xlsx file") from error


def _rows(path: Path, formulas: bool) -> Iterator[tuple[Any, ...]]:
    """The cells of every row, from the first; a row that is missing in the file is empty."""
    book = load_workbook(path, read_only=True, data_only=not formulas)
    try:
        sheet: Any = book.worksheets[0]
        # What other programs write there is not always true, and cells beyond it would be lost.
        sheet.reset_dimensions()
        yield from sheet.iter_rows()
    finally:
        book.close()


def _records(
    rows: list[tuple[Any, ...]], originals: list[tuple[Any, ...]]
) -> tuple[list[str], list[Record]]:
    head = rows[0] if rows else ()
    columns = ["" if cell.value is None else str(cell.value) for cell in head]
    while columns and not columns[-1]:
        columns.pop()
    records = []
    pairs = zip(rows[1:], originals[1:], strict=True)
    for number, (cells, written) in enumerate(pairs, start=2):
        if any(cell.value is not None for cell in written):
            records.append(_record(number, columns, cells, written))
    return columns, records


def _record(
    number: int, columns: list[str], cells: tuple[Any, ...], written: tuple[Any, ...]
) -> Record:
    values: dict[str, Any] = {}
    for nth, (cell, original) in enumerate(zip(cells, written, strict=True)):
        if original.value is None:
            continue
        if nth >= len(columns):
            return Record(number, {}, f"has a value in {cell.coordinate}, under no column's name")
        if cell.data_type == "e":
            return Record(number, {}, f"has the error {cell.value} in {cell.coordinate}")
        if cell.value is None:
            message = (
                f"has a formula without a value in {cell.coordinate}; have Excel save the file"
            )
            return Record(number, {}, message)
        values[columns[nth]] = _shown(cell)
    return Record(number, values)


def _shown(cell: Any) -> Any:
    """The cell's value; a whole number with the leading zeros that its format shows."""
    zeros = re.fullmatch("0+", str(cell.number_format))
    if zeros and isinstance(cell.value, int) and not isinstance(cell.value, bool):
        return str(cell.value).zfill(len(zeros[0]))
    return cell.value
