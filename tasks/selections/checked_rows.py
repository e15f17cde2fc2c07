"""The checked rows of a file, stored on disk in parts, so that memory stays constant."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from order_factory.models.errors import RowsInvalid, SelectionInvalid
from order_factory.models.requests.copies import CopyOptions
from order_factory.models.values.statuses import Mode
from order_factory.tasks.selections.checking import Selection, check_selection
from order_factory.tasks.selections.files import read_parts
from order_factory.tasks.selections.reading import (
    COLUMNS,
    Problem,
    Unchecked,
    require_columns,
)

ROWS_AT_ONCE = 2_000
# The number of problems with a message. The others are only counted.
MOST_PROBLEMS = 1_000


class Problems:
    """The first problems of many rows, and the number of all problems."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[Problem] = []

    def add(self, part_rows: Sequence[Problem], count: int | None = None) -> None:
        """Add problems in the order of their rows; `count` if they are more than these."""
        self.count += len(part_rows) if count is None else count
        self._first = sorted(chain(self._first, part_rows[:MOST_PROBLEMS]))[:MOST_PROBLEMS]

    def messages(self) -> list[str]:
        """Return a message for each problem, and one for those that are only counted."""
        messages = [message for _, message in self._first]
        more = self.count - len(messages)
        return [*messages, f"... and {more:,} more"] if more else messages

    def copy(self) -> "Problems":
        other = Problems()
        other.add(self._first, self.count)
        return other

    def refuse(self, name: str) -> RowsInvalid:
        """Return the error with these problems."""
        return RowsInvalid(name, self.messages(), self.count)


class CheckedRows:
    """The rows of a file with converted values, and the problems of the others.

    `name` is the name of the file in messages. The rows are stored in an anonymous file, which the
    system deletes when the process ends.
    """

    def __init__(
        self, path: Path, options: CopyOptions, mode: Mode, after_part: Callable[[], None]
    ) -> None:
        """Read and check the file; `after_part` is called after each part of it.

        Raises `SelectionInvalid` for a file that cannot be read or has no rows, and for unknown or
        missing columns.
        """
        self.name = path.name
        self.problems = Problems()
        self._parts = TemporaryFile()  # noqa: SIM115  (`__exit__` closes it)
        try:
            self._read(path, options, mode, after_part)
        except BaseException:
            self._parts.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._parts.close()

    def parts(self) -> Iterator[Selection]:
        """Yield the rows in parts of at most `ROWS_AT_ONCE`, from the start."""
        self._parts.seek(0)
        while True:
            try:
                part = pickle.load(self._parts)
            except EOFError:
                return
            yield part

    def _read(
        self, path: Path, options: CopyOptions, mode: Mode, after_part: Callable[[], None]
    ) -> None:
        columns: list[str] = []
        rows = 0
        for file_part in read_parts(path, COLUMNS, ROWS_AT_ONCE):
            self.name = f"{path.name} {file_part.read_as}".strip()
            columns = file_part.columns
            given = Unchecked(self.name, file_part.rows, file_part.unreadable)
            part = check_selection(given, options, mode)
            self.problems.add(sorted(part.problems))
            rows += len(file_part.rows) + len(file_part.unreadable)
            pickle.dump(part, self._parts, pickle.HIGHEST_PROTOCOL)
            after_part()
        if not rows:
            raise SelectionInvalid(self.name, ["it names no order"])
        if columns or not self.problems.count:  # unknown if no row is readable
            require_columns(self.name, columns, [])
        self._parts.flush()
