"""Reading the files that name orders: CSV, Parquet, XLSX and JSON Lines, row by row."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from models.errors import InvalidRequest, SelectionInvalid
from tasks.imports.csv_rows import open_csv
from tasks.imports.json_rows import open_json_lines
from tasks.imports.parquet_rows import parquet_records
from tasks.imports.records import Record
from tasks.selections.workbooks import read_workbook


@dataclass(frozen=True)
class FileRows:
    """The columns of a file and its rows; `counted` is what a record's number counts."""

    columns: list[str]
    records: list[Record]
    counted: str = "row"


def _read_csv(path: Path) -> FileRows:
    source = open_csv(path)
    columns = list(source.columns or ())
    if len(columns) == 1 and (found := [mark for mark in ";\t|" if mark in columns[0]]):
        raise InvalidRequest(
            f"its columns are separated by {found[0]!r}; save it with commas between them"
        )
    return FileRows(columns, list(source.records()), "line")


def _read_json_lines(path: Path) -> FileRows:
    records = list(open_json_lines(path).records())
    columns = dict.fromkeys(name for record in records for name in record.values)
    return FileRows(list(columns), records, "line")


def _read_parquet(path: Path) -> FileRows:
    try:
        columns = pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise InvalidRequest("it is no Parquet file") from error
    return FileRows(columns, list(parquet_records(path)))


def _read_xlsx(path: Path) -> FileRows:
    return FileRows(*read_workbook(path))


_READERS: dict[str, Callable[[Path], FileRows]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".xlsx": _read_xlsx,
    ".jsonl": _read_json_lines,
}


def read_file(path: Path) -> FileRows:
    """Everything in the file. Raises `SelectionInvalid` where it cannot be read at all.

    What cannot be read of a single row is the `problem` of its record.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise SelectionInvalid(path.name, [f"its name must end in one of {', '.join(_READERS)}"])
    try:
        if not path.is_file():
            raise InvalidRequest(f"there is no file {path}")
        if path.stat().st_size == 0:
            raise InvalidRequest("it is empty (0 bytes)")
        return read(path)
    except InvalidRequest as error:
        raise SelectionInvalid(path.name, [str(error)]) from error
    except OSError as error:
        raise SelectionInvalid(path.name, [f"it cannot be read: {error.strerror}"]) from error
