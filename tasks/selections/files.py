"""Read files with orders, row by row."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from order_factory.models.errors import InvalidRequest, SelectionInvalid
from order_factory.models.values.frames import is_missing
from order_factory.tasks.row_files.opening import open_rows
from order_factory.tasks.row_files.records import Record, Source, take_part
from order_factory.tasks.selections.numbered_rows import NumberedRows

# Reading a larger file twice takes longer than an early check saves.
_LARGE = 2_000_000


@dataclass(frozen=True)
class FileRows:
    """The contents of a file: the names of its columns, and the rows with the required ones.

    A cell that gives nothing is None. `source_order` is always there. `unreadable` has the problems
    of rows that are left out, by their numbers.
    """

    columns: list[str]
    rows: NumberedRows
    unreadable: list[tuple[int, str]]
    read_as: str


def _collect(
    source: Source,
    required: Sequence[str],
    records: Iterable[Record],
    columns: list[str],
) -> FileRows:
    """Collect the values by column, because an object per row needs several times the memory.

    New column names are added to `columns`.
    """
    numbers: list[int] = []
    unreadable: list[tuple[int, str]] = []
    known = set(columns)
    values: dict[str, list[Any]] = {
        name: [] for name in required if name in known or name == "source_order"
    }
    for record in records:
        if record.problem is not None:
            unreadable.append((record.line, f"{source.counted} {record.line} {record.problem}"))
            continue
        if not known.issuperset(record.values):  # of JSON Lines they grow with the records
            for name in record.values:
                if name not in known:
                    columns.append(name)
                    known.add(name)
                    if name in required:
                        values.setdefault(name, [None] * len(numbers))
        numbers.append(record.line)
        for name, column in values.items():
            value = record.values.get(name)
            column.append(None if is_missing(value) else value)
    rows = NumberedRows(source.counted, numbers, values)
    return FileRows(columns, rows, unreadable, source.read_as)


def read_file(path: Path, required: Sequence[str]) -> FileRows:
    """Return the rows with the required columns that the file has.

    Raises `SelectionInvalid` if the file cannot be read.
    """
    with _convert_errors(path):
        source = open_rows(path, required)
        columns = list(source.columns or ())
        if at_once := source.read_at_once():
            numbers, values = at_once
            kept = {name: values[name] for name in required if name in values}
            kept.setdefault("source_order", [None] * len(numbers))
            rows = NumberedRows(source.counted, numbers, kept)
            return FileRows(columns, rows, [], source.read_as)
        return _collect(source, required, source.records(), columns)


def read_parts(path: Path, required: Sequence[str], size: int) -> Iterator[FileRows]:
    """Yield the same in parts of at most `size` rows. Each part has all columns found so far."""
    with _convert_errors(path):
        source = open_rows(path, required)
        records, columns = source.records(), list(source.columns or ())
        while part := take_part(records, size):
            yield _collect(source, required, part, columns)


@contextmanager
def _convert_errors(path: Path) -> Iterator[None]:
    """Convert errors of the file to `SelectionInvalid`."""
    try:
        if not path.is_file():
            raise InvalidRequest(f"There is no file {path}.")
        yield
    except InvalidRequest as error:
        raise SelectionInvalid(path.name, [_without_name(str(error), path.name)]) from error
    except OSError as error:
        raise SelectionInvalid(path.name, [f"it cannot be read: {error.strerror}"]) from error


def _without_name(message: str, name: str) -> str:
    """Remove the file's name from the message, since the caller adds it."""
    text = message.removesuffix(".")
    for start in (f"The file {name} ", f"The first line of {name} "):
        if text.startswith(start):
            return ("it " if "file" in start else "its first line ") + text.removeprefix(start)
    return text[0].lower() + text[1:]


def is_large_file(orders: Any) -> bool:
    """Return whether the orders are in a file that only the run should read."""
    is_file = isinstance(orders, str | Path) and Path(orders).is_file()
    return is_file and Path(orders).stat().st_size > _LARGE
