"""What a reader hands on: the columns of a file, and its rows one by one."""

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

    `expected_rows` is exact for Parquet, and counted in lines for text: a value may span several.
    `records` reads the file once, from its beginning.
    """

    columns: tuple[str, ...] | None
    expected_rows: int
    records: Callable[[], Iterator[Record]]


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The values without those that say nothing: null and the empty text."""
    return {name: value for name, value in values.items() if value is not None and value != ""}
