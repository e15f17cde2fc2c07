"""The rows of a file, checked and kept on disk in parts, so that memory does not grow with them."""

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
    frame_of,
    require_columns,
)

ROWS_AT_ONCE = 2_000
# At most so many problems are described. The others are only counted.
MOST_PROBLEMS = 1_000


class Problems:
    """The first problems of many rows, and the number of all."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[Problem] = []

    def add(self, found: Sequence[Problem], count: int | None = None) -> None:
        """Add problems in the order of their rows; `count` if they are more than these."""
        self.count += len(found) if count is None else count
        self._first = sorted(chain(self._first, found[:MOST_PROBLEMS]))[:MOST_PROBLEMS]

    def messages(self) -> list[str]:
        """One message for each problem, and one for those that are only counted."""
        messages = [message for _, message in self._first]
        more = self.count - len(messages)
        return [*messages, f"... and {more:,} more"] if more else messages

    def copy(self) -> "Problems":
        other = Problems()
        other.add(self._first, self.count)
        return other

    def refuse(self, name: str) -> RowsInvalid:
        """The error that tells them."""
        return RowsInvalid(name, self.messages(), self.count)


class CheckedRows:
    """The rows of a file with real values, and the problems of the others.

    `name` says for people which file it is. The rows lie in a file without a name, which the
    system deletes however the process ends.
    """

    def __init__(
        self, path: Path, options: CopyOptions, mode: Mode, between: Callable[[], None]
    ) -> None:
        """Read and check the file; `between` is called after each part of it.

        Raises `SelectionInvalid` for a file that cannot be read or has no rows, and for unknown or
        missing columns.
        """
        self.name = path.name
        self.problems = Problems()
        self._parts = TemporaryFile()  # noqa: SIM115  (`__exit__` closes it)
        try:
            self._read(path, options, mode, between)
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
        """The rows in parts of at most `ROWS_AT_ONCE`, from the first."""
        self._parts.seek(0)
        while True:
            try:
                part = pickle.load(self._parts)
            except EOFError:
                return
            yield part

    def _read(
        self, path: Path, options: CopyOptions, mode: Mode, between: Callable[[], None]
    ) -> None:
        columns: list[str] = []
        rows = 0
        for found in read_parts(path, COLUMNS, ROWS_AT_ONCE):
            self.name = f"{path.name} {found.read_as}".strip()
            columns = found.columns
            frame = frame_of(found)
            frame = frame.where(frame.notna(), None)
            part = check_selection(Unchecked(self.name, frame, found.unreadable), options, mode)
            self.problems.add(sorted(part.problems))
            rows += len(frame) + len(found.unreadable)
            pickle.dump(part, self._parts, pickle.HIGHEST_PROTOCOL)
            between()
        if not rows:
            raise SelectionInvalid(self.name, ["it names no order"])
        if columns or not self.problems.count:  # without a readable row they are not known
            require_columns(self.name, columns, [])
        self._parts.flush()
