"""Reading CSV: UTF-8, commas, double quotes; the first line names the columns."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from order_factory.models.errors import InvalidRequest
from order_factory.tasks.imports.records import Record, Source
from order_factory.tasks.imports.text_files import count_lines, not_utf8

# What a byte that is no UTF-8 is read as: half a surrogate pair.
_UNDECODED = re.compile("[\udc80-\udcff]")


def open_csv(path: Path) -> Source:
    """The file's columns and rows; a row's line is the one on which it begins, from 2.

    Raises `InvalidRequest` for a first line that is blank or not UTF-8.
    """
    with _open(path) as file:
        try:
            columns = next(csv.reader(file, strict=True), [])
        except csv.Error as error:
            raise InvalidRequest(f"The first line of {path.name} is broken CSV: {error}.") from None
    header = "".join(columns)
    if "\0" in header or _UNDECODED.search(header):
        raise not_utf8(path)
    if not header:
        raise InvalidRequest(f"The first line of {path.name} is blank; it must name the columns.")
    return Source(tuple(columns), count_lines(path) - 1, lambda: _records(path, columns))


def _open(path: Path) -> TextIO:
    # A byte that is no UTF-8 is read as something that the check of its row refuses: one such row
    # is no reason to give up the file. utf-8-sig takes away a byte order mark.
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _records(path: Path, columns: list[str]) -> Iterator[Record]:
    with _open(path) as file:
        reader = csv.reader(file, strict=True)
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
            if len(cells) == len(columns):
                found = {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
                yield Record(line, found)
            elif cells:
                wrong = f"has {len(cells)} values where the first line names {len(columns)} columns"
                yield Record(line, {}, wrong)
