"""Reading a spreadsheet (XLSX): its first visible sheet, whose first row names the columns."""

import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

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

# A workbook is compressed. Its texts are kept in memory while it is read, its rows are not.
_MOST_TEXTS, _MOST_BYTES = 256 << 20, 4 << 30

_Cells = tuple[Any, ...]


class _Scan(NamedTuple):
    """A sheet after one pass: its first row as shown, and the number of rows that are not blank."""

    title: str
    head: _Cells
    rows: int
    has_formulas: bool


def open_workbook(path: Path, known: Collection[str]) -> Source:
    """The columns and the rows, numbered as the spreadsheet numbers them; blank rows left out.

    A formula counts as the value that was last computed for it. The file is read twice, row by
    row, so that memory does not grow with the rows. Raises `InvalidRequest` for what is no
    workbook.
    """
    with _as_request(path):
        _check_sizes(path)
        found = _scan(path)
    texts = ["" if cell.value is None else str(cell.value) for cell in found.head]
    columns = match_columns(texts, known)
    return Source(
        tuple(name for name in columns if name),
        found.rows,
        lambda: _records(path, columns, found.has_formulas),
        counted="row",
        read_as=f"from the sheet {found.title!r}",
    )


@contextmanager
def _as_request(path: Path) -> Iterator[None]:
    """A damaged workbook makes the parsers raise whatever their own code runs into."""
    try:
        yield
    except (OSError, InvalidRequest):
        raise
    except Exception as error:
        raise InvalidRequest(f"The file {path.name} is no readable .xlsx file.") from error


def _check_sizes(path: Path) -> None:
    with ZipFile(path) as parts:
        sizes = {part.filename: part.file_size for part in parts.infolist()}
    texts = sum(size for name, size in sizes.items() if name.endswith("sharedStrings.xml"))
    if texts > _MOST_TEXTS or sum(sizes.values()) > _MOST_BYTES:
        raise InvalidRequest(f"The file {path.name} is too large when unpacked; save it as CSV.")


@contextmanager
def _opened(path: Path, *, formulas: bool) -> Iterator[tuple[str, Iterator[_Cells]]]:
    """The title of the sheet, and its rows from the first; a row that is missing is empty."""
    book = load_workbook(path, read_only=True, data_only=not formulas)
    try:
        # A person sees no hidden sheet, and means the first of the others.
        sheets: list[Any] = book.worksheets
        sheet = next((each for each in sheets if each.sheet_state == "visible"), sheets[0])
        # What other programs write there is not always true, and cells beyond it would be lost.
        sheet.reset_dimensions()
        yield sheet.title, sheet.iter_rows()
    finally:
        book.close()


def _scan(path: Path) -> _Scan:
    head: _Cells = ()
    count, has_formulas = 0, False
    with _opened(path, formulas=True) as (title, rows):
        for number, row in enumerate(rows, start=1):
            has_formulas = has_formulas or any(cell.data_type == "f" for cell in row)
            if number == 1:
                head = row
            else:
                count += _is_filled(row)
    if has_formulas:
        with _opened(path, formulas=False) as (_, rows):
            head = next(rows, ())
    return _Scan(title, head, count, has_formulas)


def _records(path: Path, columns: list[str], has_formulas: bool) -> Iterator[Record]:
    with ExitStack() as books, _as_request(path):
        _, written = books.enter_context(_opened(path, formulas=True))
        pairs: Iterator[tuple[_Cells, _Cells]] = ((row, row) for row in written)
        if has_formulas:
            _, shown = books.enter_context(_opened(path, formulas=False))
            pairs = zip(shown, written, strict=True)
        for number, (cells, originals) in enumerate(pairs, start=1):
            if number > 1 and _is_filled(originals):
                yield _record(number, columns, cells, originals)


def _is_filled(row: _Cells) -> bool:
    return any(not is_blank(cell.value) for cell in row)


def _record(number: int, columns: list[str], cells: _Cells, written: _Cells) -> Record:
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
