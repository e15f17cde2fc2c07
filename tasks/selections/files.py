"""Reading the files that name orders: CSV, Parquet, XLSX and JSON Lines, row by row."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from order_factory.models.errors import InvalidRequest, SelectionInvalid
from order_factory.tasks.imports.csv_rows import open_csv
from order_factory.tasks.imports.json_rows import open_json_lines
from order_factory.tasks.imports.parquet_rows import parquet_records
from order_factory.tasks.imports.records import Record
from order_factory.tasks.selections.workbooks import read_workbook


@dataclass(frozen=True)
class FileRows:
    """What a file holds: its columns, and the values of those that are wanted, row by row.

    `numbers` are those of the rows as a person counts them, `counted` says what is counted.
    `unreadable` tells of the rows that are left out, by their numbers.
    """

    columns: list[str]
    numbers: list[int]
    values: dict[str, list[Any]]
    unreadable: list[tuple[int, str]]
    counted: str


class _Source(NamedTuple):
    """A file that is being read; of JSON Lines the columns grow with the records."""

    columns: list[str]
    records: Iterable[Record]
    counted: str = "row"


def _read_csv(path: Path) -> _Source:
    source = open_csv(path)
    columns = list(source.columns or ())
    if len(columns) == 1 and (found := [mark for mark in ";\t|" if mark in columns[0]]):
        raise InvalidRequest(
            f"its columns are separated by {found[0]!r}; save it with commas between them"
        )
    return _Source(columns, source.records(), "line")


def _read_json_lines(path: Path) -> _Source:
    columns: list[str] = []

    def records() -> Iterator[Record]:
        for record in open_json_lines(path).records():
            columns.extend(name for name in record.values if name not in columns)
            yield record

    return _Source(columns, records(), "line")


def _read_parquet(path: Path) -> _Source:
    try:
        columns = pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise InvalidRequest("it is no Parquet file") from error
    return _Source(columns, parquet_records(path))


def _read_xlsx(path: Path) -> _Source:
    return _Source(*read_workbook(path))


def _collected(source: _Source, wanted: Sequence[str]) -> FileRows:
    """By column, for a record of its own for each row takes several times the memory."""
    numbers: list[int] = []
    unreadable: list[tuple[int, str]] = []
    given = [name for name in wanted if name in source.columns] if source.columns else wanted
    values: dict[str, list[Any]] = {name: [] for name in given}
    for record in source.records:
        if record.problem is not None:
            unreadable.append((record.line, f"{source.counted} {record.line} {record.problem}"))
            continue
        numbers.append(record.line)
        for name, column in values.items():
            column.append(record.values.get(name))
    return FileRows(source.columns, numbers, values, unreadable, source.counted)


_READERS: dict[str, Callable[[Path], _Source]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".xlsx": _read_xlsx,
    ".jsonl": _read_json_lines,
}
# What the names of these files end in.
ENDINGS = tuple(_READERS)


def read_file(path: Path, wanted: Sequence[str]) -> FileRows:
    """The values of those of these columns that the file may have; None where a row has none.

    Raises `SelectionInvalid` for a file that cannot be read at all.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise SelectionInvalid(path.name, [f"its name must end in one of {', '.join(_READERS)}"])
    try:
        if not path.is_file():
            raise InvalidRequest(f"there is no file {path}")
        if path.stat().st_size == 0:
            raise InvalidRequest("it is empty (0 bytes)")
        return _collected(read(path), wanted)
    except InvalidRequest as error:
        raise SelectionInvalid(path.name, [str(error)]) from error
    except OSError as error:
        raise SelectionInvalid(path.name, [f"it cannot be read: {error.strerror}"]) from error
