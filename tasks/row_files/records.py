"""The result of a reader: the columns of a file, and its rows one by one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple


class Record(NamedTuple):
    """One row of a file. `line` is counted as a person counts it in that kind of file.

    `values` holds what the row gives; a value that is null or an empty text is left out. Where
    the row could not be read at all, `problem` says why, and `values` is empty.
    """

    line: int
    values: dict[str, Any]
    problem: str | None = None


@dataclass(frozen=True)
class Source:
    """An opened file. `columns` is None where no row tells them.

    `expected_rows` is exact for Parquet and XLSX, and counted in lines for text: a value may span
    several. `records` reads the file once, from its beginning. `counted` is what numbers the rows:
    "line" in text files, "row" elsewhere. `read_as` says how a file was understood where that is
    not obvious: another separator than the comma, another encoding than UTF-8, which sheet.
    """

    columns: tuple[str, ...] | None
    expected_rows: int
    records: Callable[[], Iterator[Record]]
    counted: str = "line"
    read_as: str = ""


def is_blank(value: Any) -> bool:
    """Whether a value is null, empty, or only blanks."""
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def drop_empty_cells(values: dict[str, Any]) -> dict[str, Any]:
    """The values that are not blank."""
    return {name: value for name, value in values.items() if not is_blank(value)}
