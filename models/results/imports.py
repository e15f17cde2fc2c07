"""The results of an import."""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, Field

from order_factory.models.values.counts import format_count


class FileReport(BaseModel, frozen=True):
    """The result of one file's rows: `read` is the sum of the five other counts."""

    file: str = Field(description="The file's name.")
    resource: str = Field(description="The resource in the file.")
    read: int = Field(description="Rows of the file, without blank lines.")
    imported: int = Field(description="Rows that were written.")
    updated: int = Field(default=0, description="Existing rows that were updated.")
    unchanged: int = Field(description="Existing rows with the same values.")
    different: int = Field(
        default=0, description="Existing rows with other values, which were not changed."
    )
    rejected: int = Field(description="Rows that were not imported; see the rejects file.")
    changes: dict[str, int] = Field(
        default_factory=dict, description="Number of updated rows, by column."
    )
    read_as: str = Field(
        default="", description="Notes on how the file was read, such as its separator."
    )
    seconds: float = Field(description="Duration.")


class ImportReport(BaseModel, frozen=True):
    """The results of all files."""

    files: list[FileReport] = Field(description="One report per file, in the order of the import.")
    read: int = Field(description="Rows of all files.")
    imported: int = Field(description="Rows that were written.")
    updated: int = Field(default=0, description="Existing rows that were updated.")
    unchanged: int = Field(description="Existing rows with the same values.")
    different: int = Field(
        default=0, description="Existing rows with other values, which were not changed."
    )
    rejected: int = Field(description="Rows that were not imported.")
    seconds: float = Field(description="Duration.")
    rejects_path: str | None = Field(
        description="The CSV file with the reasons for rejected rows; none if all were valid."
    )
    unbalanced_orders: int = Field(
        default=0,
        description="Imported orders whose amounts are not the sums of their lines.",
    )
    unbalanced_examples: list[str] = Field(
        default_factory=list, description="What is wrong with the first of these orders."
    )

    @property
    def outcome(self) -> str:
        """Return the result in a sentence: what happened to the rows, and where the reasons are."""
        others = [
            f"{count:,} {name}"
            for name in ("updated", "unchanged", "different", "rejected")
            if (count := getattr(self, name))
        ]
        if self.unbalanced_orders:
            unequal = format_count(self.unbalanced_orders, "order differs", "orders differ")
            others.append(f"{unequal} from the sums of the lines")
        reasons = "" if self.rejects_path is None else f"; the reasons are in {self.rejects_path}"
        return ", ".join([f"{format_count(self.imported, 'row')} imported", *others]) + reasons

    @classmethod
    def of(
        cls,
        files: list[FileReport],
        seconds: float,
        rejects_path: str | None,
        unbalanced_orders: int = 0,
        unbalanced_examples: Sequence[str] = (),
    ) -> Self:
        """Return the report with the sums over the files."""
        return cls(
            files=files,
            read=sum(file.read for file in files),
            imported=sum(file.imported for file in files),
            updated=sum(file.updated for file in files),
            unchanged=sum(file.unchanged for file in files),
            different=sum(file.different for file in files),
            rejected=sum(file.rejected for file in files),
            seconds=round(seconds, 3),
            rejects_path=rejects_path,
            unbalanced_orders=unbalanced_orders,
            unbalanced_examples=list(unbalanced_examples),
        )
