"""Read the sheet of a workbook row by row. Memory holds neither all rows nor all texts."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, iterparse
from zipfile import ZipFile

from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.reader.excel import ExcelReader
from openpyxl.worksheet._reader import (
    DATA_TAG,
    FORMULA_TAG,
    ROW_TAG,
    VALUE_TAG,
    WorkSheetParser,
)
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.row_files.shared_texts import SharedTexts

# A workbook is compressed, so a small file may be very large when it is unpacked. Memory holds one
# row, one text, and each part that is not a sheet while it is read.
_MOST_BYTES, _MOST_ROW_BYTES, _MOST_PART_BYTES = 4 << 30, 4 << 20, 16 << 20
_STREAMED = ("xl/worksheets/", "xl/sharedStrings")
_TEXT_TAG = f"{{{SHEET_MAIN_NS}}}si"
_PLAIN, _RICH = f"{{{SHEET_MAIN_NS}}}t", f"{{{SHEET_MAIN_NS}}}r/{{{SHEET_MAIN_NS}}}t"

# The number of a row, and its cells from the first one. A missing cell is None.
Row = tuple[int, list[ReadOnlyCell | None]]


class _TooLarge(Exception):
    """A part of the workbook is too large when it is unpacked."""


class _Limited:
    """A part of a workbook with a size limit. `passed` counts the bytes since the last reset."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.passed = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._source.read(size)
        self.passed += len(data)
        if self.passed > _MOST_ROW_BYTES:
            raise _TooLarge
        return data

    def finish(self) -> None:
        """Read the rest of the part, so that its checksum is verified."""
        while self._source.read(1 << 20):
            pass


class _LimitedTexts:
    """The shared texts; `passed` is the length of those read since it was set to 0.

    Many cells can refer to one long text, so a small row can have much text.
    """

    def __init__(self, texts: Any) -> None:
        self._texts = texts
        self.passed = 0

    def __getitem__(self, place: int) -> str:
        text: str = self._texts[place]
        self.passed += len(text)
        if self.passed > _MOST_ROW_BYTES:
            raise _TooLarge
        return text


class _Book(ExcelReader):
    """A workbook whose texts are on the disk."""

    shared_strings: Any

    def read_strings(self) -> None:
        package: Any = self.package
        part = package.find(SHARED_STRINGS)
        if part is not None:
            with self.archive.open(part.PartName[1:]) as source:
                self.shared_strings = SharedTexts(_read_texts(source))

    def close(self) -> None:
        self.archive.close()
        if isinstance(self.shared_strings, SharedTexts):
            self.shared_strings.close()


class _Parser(WorkSheetParser):
    """A parser that reads the last computed value of a formula.

    A formula without a value is a cell with the data type "f".
    """

    def parse_cell(self, element: Element) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        if cell["value"] is None and element.find(FORMULA_TAG) is not None:
            is_empty_text = element.get("t") == "str" and element.find(VALUE_TAG) is not None
            cell["data_type"] = "s" if is_empty_text else "f"
        return cell


@contextmanager
def open_sheet(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """Return the title of the first visible sheet, and its rows.

    Raises `InvalidRequest` for a workbook that is too large when it is unpacked. For a file that is
    no workbook, it raises the errors of the parsers.
    """
    try:
        _check_sizes(path)
        # openpyxl leaves parts of a damaged workbook open, which keep a file that it opened open.
        with path.open("rb") as file:
            # The size of a sheet is not used, because some programs write a wrong size.
            book = _Book(file, read_only=True, data_only=True, keep_links=False)
            try:
                book.read()
                # People do not see hidden sheets, so they mean the first visible one.
                sheets: list[Any] = book.wb.worksheets
                sheet = next((each for each in sheets if each.sheet_state == "visible"), sheets[0])
                yield sheet.title, _read_rows(sheet, book.shared_strings)
            finally:
                book.close()
    except _TooLarge as error:
        message = f"The file {path.name} is too large when unpacked; save it as CSV."
        raise InvalidRequest(message) from error


def _check_sizes(path: Path) -> None:
    with ZipFile(path) as archive:
        parts = archive.infolist()
    others = (part for part in parts if not part.filename.startswith(_STREAMED))
    read_whole = (part for part in others if part.filename.endswith((".xml", ".rels")))
    if sum(part.file_size for part in parts) > _MOST_BYTES:
        raise _TooLarge
    if any(part.file_size > _MOST_PART_BYTES for part in read_whole):
        raise _TooLarge


def _read_texts(source: IO[bytes]) -> Iterator[str]:
    """Yield each shared text, without its format and its phonetic text."""
    for element in _elements(source, None, _TEXT_TAG):
        pieces: Iterable[Element] = (*element.iterfind(_PLAIN), *element.iterfind(_RICH))
        # Excel writes `_x` in a text as `_x005F_x`.
        yield "".join(piece.text or "" for piece in pieces).replace("x005F_", "")


def _read_rows(sheet: Any, texts: Any) -> Iterator[Row]:
    book = sheet.parent
    limited_texts = _LimitedTexts(texts)
    with sheet._get_source() as source:
        parser: Any = _Parser(
            source,
            limited_texts,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        for element in _elements(source, DATA_TAG, ROW_TAG):
            limited_texts.passed = 0
            number, values = parser.parse_row(element)
            parser.row_dimensions.clear()
            cells: list[ReadOnlyCell | None] = []
            for cell in values:
                cells += [None] * (cell["column"] - len(cells))
                cells[cell["column"] - 1] = ReadOnlyCell(sheet, **cell)
            yield number, cells


def _elements(source: IO[bytes], within: str | None, wanted: str) -> Iterator[Element]:
    """Yield the elements with a tag in the first element with the tag `within`, or in the root.

    Each element is deleted before the next one is read.
    """
    limited = _Limited(source)
    parent: Element | None = None
    for event, element in iterparse(limited, ("start", "end")):
        if event == "start":
            if parent is None and within in (None, element.tag):
                parent = element
        elif element.tag == wanted and parent is not None:
            yield element
            parent.clear()
            limited.passed = 0
        elif element is parent:
            break
    limited.finish()
