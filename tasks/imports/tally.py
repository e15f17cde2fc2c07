"""The progress of the import of one file."""

from collections import Counter
from typing import Self

from order_factory.models.results.imports import FileReport


class Tally:
    """The counts of a file's finished rows; a second attempt continues after them.

    This is no dataclass, because Prefect copies dataclasses and models in a task's parameters, and
    each attempt would start with a new tally.
    """

    def __init__(self) -> None:
        self.read = 0
        self.imported = 0
        self.updated = 0
        self.different = 0
        self.rejected = 0
        self.changes: Counter[str] = Counter()

    def add(self, other: Self) -> None:
        """Add the counts of the other tally."""
        self.read += other.read
        self.imported += other.imported
        self.updated += other.updated
        self.different += other.different
        self.rejected += other.rejected
        self.changes += other.changes

    @property
    def unchanged(self) -> int:
        """Return the number of existing rows that are equal to the file's rows."""
        return self.read - self.imported - self.updated - self.different - self.rejected

    def report(self, file: str, resource: str, *, read_as: str, seconds: float) -> FileReport:
        """Return the report of this resource's rows in the file."""
        return FileReport(
            file=file,
            resource=resource,
            read=self.read,
            imported=self.imported,
            updated=self.updated,
            unchanged=self.unchanged,
            different=self.different,
            rejected=self.rejected,
            changes=dict(self.changes.most_common()),
            read_as=read_as,
            seconds=round(seconds, 3),
        )
