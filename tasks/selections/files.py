"""Read files that name orders, row by row."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from order_factory.models.errors import InvalidRequest, SelectionInvalid
from order_factory.tasks.row_files.opening import open_rows
from order_factory.tasks.row_files.records import Record, Source


@dataclass(frozen=True)
class FileRows:
    """The contents of a file: its columns, and the values of the wanted ones, row by row.

    `numbers` are the numbers of the rows as a person counts them, `counted` says what is counted.
    `unreadable` has the problems of rows that are left out, by their numbers.
    """

    columns: list[str]
    numbers: list[int]
    values: dict[str, list[Any]]
    unreadable: list[tuple[int, str]]
    counted: str
    read_as: str


def _collected(
    source: Source,
    wanted: Sequence[str],
    records: Iterable[Record],
    columns: list[str],
) -> FileRows:
    """Collect the values by column, since an object per row takes several times the memory.

    `columns` are the names so far; new ones are added to them.
    """
    numbers: list[int] = []
    unreadable: list[tuple[int, str]] = []
    known = set(columns)
    values: dict[str, list[Any]] = {name: [] for name in wanted}
    for record in records:
        if record.problem is not None:
            unreadable.append((record.line, f"{source.counted} {record.line} {record.problem}"))
            continue
        if not known.issuperset(record.values):  # of JSON Lines they grow with the records
            columns.extend(name for name in record.values if name not in known)
            known.update(record.values)
        numbers.append(record.line)
        for name, column in values.items():
            column.append(record.values.get(name))
    held = {name: column for name, column in values.items() if name in known}
    return FileRows(columns, numbers, held, unreadable, source.counted, source.read_as)


def read_file(path: Path, wanted: Sequence[str]) -> FileRows:
    """Return the values of the wanted columns that the file has; None for an empty cell.

    Raises `SelectionInvalid` if the file cannot be read.
    """
    with _as_selection(path):
        source = open_rows(path, wanted)
        return _collected(source, wanted, source.records(), list(source.columns or ()))


def read_parts(path: Path, wanted: Sequence[str], size: int) -> Iterator[FileRows]:
    """The same in parts of at most `size` rows. Each has all columns that were found so far."""
    with _as_selection(path):
        source = open_rows(path, wanted)
        records, columns = source.records(), list(source.columns or ())
        while part := list(islice(records, size)):
            yield _collected(source, wanted, part, columns)


@contextmanager
def _as_selection(path: Path) -> Iterator[None]:
    """Report as `SelectionInvalid` what is wrong with the file."""
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
