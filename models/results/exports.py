"""The results of an export."""

from pydantic import BaseModel, Field

from order_factory.models.errors import OrderFactoryError


class ExportedFile(BaseModel, frozen=True):
    """The result of one file."""

    file: str = Field(description="The path of the file.")
    resource: str = Field(description="What the file holds.")
    records: int = Field(description="The rows of the file.")
    bytes: int = Field(description="The size of the file.")


class ExportReport(BaseModel, frozen=True):
    """The results of all files."""

    path: str = Field(description="The file, or the folder with a file for each resource.")
    files: list[ExportedFile] = Field(description="One report per file.")
    records: int = Field(description="The rows of all the files.")
    resumed: bool = Field(description="Whether an earlier run had begun it.")
    seconds: float = Field(description="How long this run took.")


class ExportStopped(OrderFactoryError):
    """The export was stopped. The arguments are its path, its number of records, and the reason."""

    status, code = 409, "export_stopped"
    detail = (
        "The export to {!r} was stopped after {:,} records ({}). "
        "Run the same again to export the rest."
    )


class ExportInterrupted(ExportStopped):
    """The export was stopped with Ctrl-C."""
