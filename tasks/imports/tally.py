"""The progress of the import of one file."""

from collections import Counter
from typing import Self


class Tally:
    """The counts of a file's finished rows; a second attempt continues after them.

    A plain class on purpose: Prefect rebuilds dataclasses and models among a task's parameters,
    and each attempt would begin with a tally of its own.
    """

    def __init__(self) -> None:
        self.read = 0
        self.imported = 0
        self.updated = 0
        self.different = 0
        self.rejected = 0
        self.changes: Counter[str] = Counter()

    def add(self, other: Self) -> None:
        """Count the rows of the other tally, too."""
        self.read += other.read
        self.imported += other.imported
        self.updated += other.updated
        self.different += other.different
        self.rejected += other.rejected
        self.changes += other.changes

    @property
    def unchanged(self) -> int:
        """The rows that were there already as they are in the file."""
        return self.read - self.imported - self.updated - self.different - self.rejected
