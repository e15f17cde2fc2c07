"""The results of an import."""

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import next_steps, table
from order_factory.cli.terminal import printable
from order_factory.models.results.imports import FileReport, ImportReport
from order_factory.models.values.counts import format_count


def _describe_files(report: ImportReport) -> list[str]:
    """How files were read when that is not obvious, and the columns with new values."""
    lines = [f"{file.file} was read {file.read_as}." for file in report.files if file.read_as]
    for file in report.files:
        if file.changes:
            changes = ", ".join(
                f"{column} in {format_count(rows, 'row')}" for column, rows in file.changes.items()
            )
            lines.append(f"{_name_file(report, file)} changed {changes}.")
    return lines


def _describe_unbalanced(report: ImportReport) -> str:
    many = report.unbalanced_orders != 1
    return "\n".join(
        [
            (
                f"{report.unbalanced_orders:,} order{'s have' if many else ' has'} lines that do not "
                "add up to the order's amounts. A copy of such an order fails; import the lines that "
                "are missing, such as shipping, discounts and taxes:"
            ),
            *(f"  {printable(example)}" for example in report.unbalanced_examples),
        ]
    )


def _name_file(report: ImportReport, file: FileReport) -> str:
    """The file's name, with the resource if the file became more than one resource."""
    several = sum(each.file == file.file for each in report.files) > 1
    return f"{file.file}: {file.resource}" if several else file.file


def describe_import(report: ImportReport) -> list[RenderableType]:
    """A row per file, and where the rejected rows are."""
    counts = ["read", "imported", "updated", "unchanged", "different", "rejected"]
    headings = {"read": "#rows", "unchanged": "#unchanged"}
    shown = [
        name for name in counts if name not in ("updated", "different") or getattr(report, name)
    ]
    rows = [
        (_name_file(report, file), *(getattr(file, name) for name in shown))
        for file in report.files
    ]
    rows.append(("all", *(getattr(report, name) for name in shown)))
    columns = ("file", *(headings.get(name, f"#{name}") for name in shown))
    rate = (
        f" ({format_count(round(report.read / report.seconds), 'row')}/s)" if report.seconds else ""
    )
    parts: list[RenderableType] = [
        table(columns, rows),
        Text(f"Done in {report.seconds:,.1f} s{rate}."),
    ]
    parts += [Text(printable(line)) for line in _describe_files(report)]
    if report.different:
        next_step = "Import the same file with --update to change the stored rows."
        parts.append(
            Text(
                f"{format_count(report.different, 'row differs', 'rows differ')} from what is stored. {next_step}",
                style="yellow",
            )
        )
    if report.unbalanced_orders:
        parts.append(Text(_describe_unbalanced(report), style="yellow"))
    if report.rejects_path is not None:
        message = f"The reasons for rejected rows are in {printable(report.rejects_path)}"
        parts.append(Text(message, style="yellow"))
    if report.rejected == report.read:
        return parts  # there is nothing to look at or to copy
    return [*parts, next_steps(["orders"], ["bulk", "--all-orders"])]
