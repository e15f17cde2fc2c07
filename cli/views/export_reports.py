"""The results of an export."""

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import table
from order_factory.cli.terminal import printable
from order_factory.models.results.exports import ExportReport


def describe_export(report: ExportReport) -> list[RenderableType]:
    """A row per file, and where the files are."""
    rows = [(file.file, file.records, file.bytes) for file in report.files]
    if len(rows) > 1:
        rows.append(("all", report.records, sum(file.bytes for file in report.files)))
    again = " An earlier run had begun it." if report.resumed else ""
    done = f"Exported to {printable(report.path)} in {report.seconds:,.1f} s.{again}"
    return [table(("file", "#records", "#bytes"), rows), Text(done)]
