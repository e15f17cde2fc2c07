"""Read CSV with double quotes. The separator is a comma, semicolon, tab or bar."""

import csv
import re
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.row_files.headers import match_columns
from order_factory.tasks.row_files.records import Columns, Record, Source, is_blank
from order_factory.tasks.row_files.text_files import UNDECODED, TextFile, not_text, open_text

# More rows at once would live long enough for Python's garbage collector to visit them again and
# again, which takes most of the time.
_ROWS_AT_ONCE = 1_000
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# Excel may write this first line, which names the separator.
_ANNOUNCED = re.compile(r'"?sep=(.)"?')


class _Head(NamedTuple):
    """The line with the column names, and the number of rows up to it."""

    separator: str
    columns: list[str]
    rows: int


def open_csv(path: Path, known: Collection[str], *, short_rows: bool = False) -> Source:
    """Return the columns and rows of a file. A row has the number of its first line, from 2.

    Columns without a name and empty rows are skipped. With `short_rows`, a row may lack its last
    cells, unless the file ends in the middle of its line. Raises `InvalidRequest` for a file
    without a line of column names, and for a file that is not text.
    """
    text = open_text(path)
    head = _read_head(text, known)
    columns = match_columns(head.columns, known)
    how = [f"with {_SEPARATORS[head.separator]}"] if head.separator != "," else []
    how += [f"as {text.encoding_name} text"] if text.encoding_name else []
    return Source(
        tuple(name for name in columns if name),
        max(text.lines - head.rows, 0),
        lambda: _read_records(text, head, columns, short_rows),
        read_as=" ".join(how),
        read_at_once=lambda: _read_columns(text, head, columns),
    )


def _open(text: TextFile) -> TextIO:
    # A byte that does not fit the encoding becomes a character that the check of its row refuses:
    # one such row must not stop the whole file. utf-8-sig removes a byte order mark.
    encoding = "utf-8-sig" if text.encoding == "utf-8" else text.encoding
    errors = "replace" if text.encoding.startswith("utf-16") else "surrogateescape"
    return text.path.open(encoding=encoding, errors=errors, newline="")


def _read_head(text: TextFile, known: Collection[str]) -> _Head:
    """Return the first filled line, split by the separator that gives the most known columns."""
    heads, broken = list[_Head](), list[csv.Error]()
    for separator in _SEPARATORS:
        try:
            head = _split_head(text, separator)
        except csv.Error as error:  # quoted names are no names with another separator
            broken.append(error)
            continue
        if head is None:
            raise InvalidRequest(
                f"The file {text.path.name} has no line that names the columns; all of it is blank."
            )
        heads.append(head)
    if not heads:
        message = f"The first line of {text.path.name} is broken CSV: {broken[0]}."
        raise InvalidRequest(message)
    best = max(
        heads,
        key=lambda head: (
            len(set(match_columns(head.columns, known)) & set(known)),
            len(head.columns) if head.separator != "," else len(head.columns) + 0.5,
        ),
    )
    names = "".join(best.columns)
    if "\0" in names or UNDECODED.search(names):
        raise not_text(text.path)
    return best


def _split_head(text: TextFile, separator: str) -> _Head | None:
    """Return the head, or None if all lines are blank. Raises `csv.Error` for a broken line."""
    with _open(text) as file:
        reader = csv.reader(file, strict=True, delimiter=separator)
        for rows, columns in enumerate(reader, start=1):
            announced = rows == 1 and _ANNOUNCED.fullmatch(separator.join(columns))
            if announced or all(is_blank(name) for name in columns):
                continue
            return _Head(separator, columns, rows)
    return None


def _read_records(
    text: TextFile, head: _Head, columns: list[str], short_rows: bool
) -> Iterator[Record]:
    separator = _SEPARATORS[head.separator]
    named = [(place, name) for place, name in enumerate(columns) if name]
    with _open(text) as file:
        reader = csv.reader(file, strict=True, delimiter=head.separator)
        for _ in range(head.rows):
            next(reader)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Record(line, {}, f"is broken CSV: {error}")
                continue
            if cells is None:
                return
            if len(cells) == len(columns) == len(named):
                values = {
                    name: cell
                    for name, cell in zip(columns, cells, strict=True)
                    if cell and not cell.isspace()
                }
                if values:
                    yield Record(line, values)
                continue
            if short_rows and (text.is_complete or reader.line_num < text.lines):
                cells += [""] * (len(columns) - len(cells))
            record = _make_uneven_record(line, cells, columns, named, separator)
            if record is not None:
                yield record


def _read_columns(text: TextFile, head: _Head, columns: list[str]) -> Columns | None:
    """Return the same by column, or None if a row is blank, uneven, broken or of several lines."""
    if not all(columns):
        return None
    numbers: list[int] = []
    values: dict[str, list[str | None]] = {name: [] for name in columns}
    with _open(text) as file:
        reader = csv.reader(file, strict=True, delimiter=head.separator)
        for _ in range(head.rows):
            next(reader)
        first = reader.line_num + 1
        try:
            while rows := list(islice(reader, _ROWS_AT_ONCE)):
                numbers += range(first + len(numbers), reader.line_num + 1)
                if {*map(len, rows)} != {len(columns)}:
                    return None
                block = [
                    [cell if cell and not cell.isspace() else None for cell in cells]
                    for cells in zip(*rows, strict=True)
                ]
                if all(None in cells for cells in block) and not all(
                    map(any, zip(*block, strict=True))
                ):
                    return None
                for name, cells in zip(columns, block, strict=True):
                    values[name] += cells
        except csv.Error:
            return None
    return (numbers, values) if len(numbers) == len(values[columns[0]]) else None


def _make_uneven_record(
    line: int,
    cells: list[str],
    columns: list[str],
    named: list[tuple[int, str]],
    separator: str,
) -> Record | None:
    """Return the record of a row with too many or too few cells, or cells in unnamed columns."""
    if all(is_blank(cell) for cell in cells):
        return None
    if len(cells) < len(columns) or any(not is_blank(cell) for cell in cells[len(columns) :]):
        # A number with a comma splits a cell. The number of cells helps to find it.
        wrong = f"has {len(cells)} values where the first line names {len(columns)} columns"
        return Record(line, {}, wrong if separator == "commas" else f"{wrong} ({separator})")
    for place, cell in enumerate(cells[: len(columns)]):
        if not columns[place] and not is_blank(cell):
            return Record(line, {}, f"has a value in column {place + 1}, under no column's name")
    values = {name: cells[place] for place, name in named if not is_blank(cells[place])}
    return Record(line, values) if values else None
