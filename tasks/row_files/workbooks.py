"""Reading a spreadsheet (XLSX): its first visible sheet, whose first row names the columns."""

import re
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import load_workbook

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.row_files.headers import match_columns
from order_factory.tasks.row_files.records import Record, Source, is_blank

# Spreadsheets keep 15 digits of a number, and put zeros in the place of the others.
_FIRST_ROUNDED = 10**15
_ZEROS = re.compile("0+")
# Parts of a number format that are not placeholders for digits.
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DECIMALS = re.compile(r"\.(0+)")

_Rows = list[tuple[Any, ...]]


class _Sheet(NamedTuple):
    title: str
    rows: _Rows


def open_workbook(path: Path, known: Collection[str]) -> Source:
    """The columns and the rows, numbered as the spreadsheet numbers them; blank rows left out.

    A formula counts as the value that was last computed for it. Raises `InvalidRequest` for what
    is no workbook.
    """
    try:
        written = _read(path, formulas=True)
        shown = written
        if any(cell.data_type == "f" for row in written.rows for cell in row):
            shown = _read(path, formulas=False)
        columns, records = _records(shown.rows, written.rows, known)
    except OSError:
        raise
    except Exception as error:
        # A damaged workbook makes the parsers raise whatever their own code runs into.
        raise InvalidRequest(f"The file {path.name} is no readable .xlsx file.") from error
    return Source(
        columns,
        len(records),
        lambda: iter(records),
        counted="row",
        read_as=f"from the sheet {written.title!r}",
    )


def _read(path: Path, formulas: bool) -> _Sheet:
    """The cells of every row, from the first; a row that is missing in the file is empty."""
    book = load_workbook(path, read_only=True, data_only=not formulas)
    try:
        # A person sees no hidden sheet, and means the first of the others.
        sheets: list[Any] = book.worksheets
        sheet = next((each for each in sheets if each.sheet_state == "visible"), sheets[0])
        # What other programs write there is not always true, and cells beyond it would be lost.
        sheet.reset_dimensions()
        return _Sheet(sheet.title, list(sheet.iter_rows()))
    finally:
        book.close()


def _records(
    rows: _Rows, originals: _Rows, known: Collection[str]
) -> tuple[tuple[str, ...], list[Record]]:
    head = rows[0] if rows else ()
    columns = match_columns(["" if cell.value is None else str(cell.value) for cell in head], known)
    pairs = enumerate(zip(rows[1:], originals[1:], strict=True), start=2)
    records = [
        _record(number, columns, cells, written)
        for number, (cells, written) in pairs
        if any(not is_blank(cell.value) for cell in written)
    ]
    return tuple(name for name in columns if name), records


def _record(
    number: int, columns: list[str], cells: tuple[Any, ...], written: tuple[Any, ...]
) -> Record:
    values: dict[str, Any] = {}
    for nth, (cell, original) in enumerate(zip(cells, written, strict=True)):
        if is_blank(original.value):
            continue
        if nth >= len(columns) or not columns[nth]:
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
    """The cell's value as a person sees it, where that tells more than the number alone.

    Leading zeros of a format such as `00000` stay, and so do the decimals of `0.00`: 20 is shown as
    20.00 there, and is not a whole number of cents. A number that may have lost digits is a float.
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
    found = _DECIMALS.search(positive)
    return len(found[1]) if found else 0
