"""The result of a reader: the columns of a file, and its rows one by one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

# Rows with this much text are a part, however few they are: a small file may have very long texts.
_MOST_CHARACTERS = 32 << 20


class Record(NamedTuple):
    """One row of a file. `line` is its number, as people count lines or rows in this kind of file.

    `values` has the values of the row without null and empty texts. If the row cannot be read,
    `problem` has the reason, and `values` is empty.
    """

    line: int
    values: dict[str, Any]
    problem: str | None = None


# The numbers of all rows, and their values by column: None where a row has no value.
Columns = tuple[list[int], dict[str, list[Any]]]


def _read_nothing() -> None:
    """Read no columns: the format has only records."""


@dataclass(frozen=True)
class Source:
    """An open file. `columns` is None if no row has column names.

    `expected_rows` is exact for Parquet and XLSX. For text it is the number of lines, and a value
    may have several lines. `records` reads the file once, from its beginning. `counted` is "line"
    for text files, and "row" for others. `read_as` describes how the file was read, if that is not
    obvious: a separator other than the comma, an encoding other than UTF-8, the sheet.

    `read_at_once` returns all rows by column, in a fifth of the time. It returns None if a row needs
    more care, or if the format cannot be read like this; then `records` has the rows.
    """

    columns: tuple[str, ...] | None
    expected_rows: int
    records: Callable[[], Iterator[Record]]
    counted: str = "line"
    read_as: str = ""
    read_at_once: Callable[[], Columns | None] = _read_nothing


def take_part(records: Iterator[Record], size: int) -> list[Record]:
    """Return the next records: `size` of them, or fewer if their texts are long."""
    part: list[Record] = []
    characters = 0
    for record in islice(records, size):
        part.append(record)
        characters += sum(len(each) for each in record.values.values() if isinstance(each, str))
        if characters > _MOST_CHARACTERS:
            break
    return part


def is_blank(value: Any) -> bool:
    """Whether a value is null, empty, or only spaces."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def drop_empty_cells(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values that are not blank."""
    return {name: value for name, value in values.items() if not is_blank(value)}
