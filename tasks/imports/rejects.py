"""Write the rejected rows and the reasons into a CSV file."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from order_factory.models.errors import InvalidRequest

HEADER = ("file", "line", "column", "reason")


class Reject(NamedTuple):
    """One error of one row; `column` is empty when the error concerns the whole row.

    The reason quotes no values of the row, which may be emails or payment tokens.
    """

    line: int
    column: str
    reason: str


@dataclass(frozen=True)
class RejectsFile:
    """A CSV file with the columns file, line, column, reason; created with its first reject."""

    path: Path

    def write(self, file_name: str, rejects: Iterable[Reject]) -> None:
        """Add rejects, in the order of their lines. Raises `InvalidRequest` if that fails."""
        rows = [(file_name, *reject) for reject in sorted(rejects)]
        if not rows:
            return
        try:
            new = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._open() as file:
                csv.writer(file).writerows([HEADER, *rows] if new else rows)
        except OSError as error:
            raise _unusable(self.path, error) from error

    def _open(self) -> TextIO:
        # A column's name can be any text.
        return self.path.open("a", encoding="utf-8", errors="backslashreplace", newline="")


def new_rejects_file(path: Path, inputs: Iterable[Path]) -> RejectsFile:
    """Return an empty rejects file. The file of an earlier import is deleted.

    Raises `InvalidRequest` if the path is an input or another existing file.
    """
    if path.resolve() in {each.resolve() for each in inputs}:
        raise InvalidRequest(f"The rejects cannot go to {str(path)!r}, which is to be imported.")
    try:
        if path.exists():
            if not _holds_rejects(path):
                raise InvalidRequest(
                    f"The rejects cannot go to {str(path)!r}: it exists and is no rejects file."
                )
            path.unlink()
    except OSError as error:
        raise _unusable(path, error) from error
    return RejectsFile(path)


def _unusable(path: Path, error: OSError) -> InvalidRequest:
    return InvalidRequest(
        f"The rejects cannot be written to {str(path)!r}: {error.strerror}. Rows that were "
        "imported before stay; give another path and import again."
    )


def _holds_rejects(path: Path) -> bool:
    if not path.is_file():
        return False
    header = ",".join(HEADER).encode()
    with path.open("rb") as file:
        return file.read(len(header)) == header
