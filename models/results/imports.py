"""What an import did."""

from typing import Self

from pydantic import BaseModel, Field


class FileReport(BaseModel, frozen=True):
    """What became of one file's rows: `read` is the sum of the three other counts."""

    file: str = Field(description="The file's name.")
    resource: str = Field(description="What the file holds.")
    read: int = Field(description="The rows of the file; blank lines are none.")
    imported: int = Field(description="The rows that were written.")
    unchanged: int = Field(description="The rows that were there already.")
    rejected: int = Field(description="The rows that were not imported; see the rejects file.")
    seconds: float = Field(description="How long it took.")


class ImportReport(BaseModel, frozen=True):
    """What became of all the files."""

    files: list[FileReport] = Field(description="One report per file, in the order of the import.")
    read: int = Field(description="The rows of all the files.")
    imported: int = Field(description="The rows that were written.")
    unchanged: int = Field(description="The rows that were there already.")
    rejected: int = Field(description="The rows that were not imported.")
    seconds: float = Field(description="How long it took.")
    rejects_path: str | None = Field(
        description="The CSV file that says why rows were rejected; none if all were valid."
    )

    @classmethod
    def of(cls, files: list[FileReport], seconds: float, rejects_path: str | None) -> Self:
        """The report with the sums over the files."""
        return cls(
            files=files,
            read=sum(file.read for file in files),
            imported=sum(file.imported for file in files),
            unchanged=sum(file.unchanged for file in files),
            rejected=sum(file.rejected for file in files),
            seconds=round(seconds, 3),
            rejects_path=rejects_path,
        )
