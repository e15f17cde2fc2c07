"""What an import did."""

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import next_steps, table
from order_factory.cli.terminal import printable
from order_factory.models.results.imports import ImportReport


def describe_import(report: ImportReport) -> list[RenderableType]:
    """A row per file, and where the rejected rows are."""
    rows = [
        (file.file, file.read, file.imported, file.unchanged, file.rejected)
        for file in report.files
    ]
    rows.append(("all", report.read, report.imported, report.unchanged, report.rejected))
    columns = ("file", "#rows", "#imported", "#there already", "#rejected")
    rate = f" ({report.read / report.seconds:,.0f} rows/s)" if report.seconds else ""
    parts: list[RenderableType] = [
        table(columns, rows),
        Text(f"Done in {report.seconds:,.1f} s{rate}."),
    ]
    if report.rejects_path is not None:
        message = f"Why rows were rejected stands in {printable(report.rejects_path)}"
        parts.append(Text(message, style="yellow"))
    return [*parts, next_steps(["orders"], ["bulk", "--all-orders"])]
