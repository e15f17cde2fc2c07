"""The state of a batch, and the list of batches."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.tables import facts, next_steps, table
from order_factory.cli.terminal import printable
from order_factory.models.results.copies import BulkResult
from order_factory.models.values.counts import format_count


def describe_batch(result: BulkResult) -> list[RenderableType]:
    """The counts, the errors by kind, and the paths of the report and the page."""
    kind = "Dry run of batch" if result.dry_run else "Batch"
    counts = _list_dry_run_counts(result) if result.dry_run else _list_counts(result)
    parts: list[RenderableType] = [facts(counts, title=f"{kind} {result.reference}")]
    for message in [each for messages in (result.errors_log or {}).values() for each in messages]:
        parts.append(Text(printable(message)))
    if result.errors:
        parts.append(build_errors_table(result))
    if result.report_path is not None:
        parts.append(Text(f"Report: {printable(result.report_path)}"))
    if result.page_path is not None:
        parts.append(Text(f"Page:   {printable(result.page_path)}"))
    return parts


def suggest_after_batch(result: BulkResult) -> RenderableType:
    """The suggested next commands."""
    if result.dry_run:
        return Text("Run the same command without --dry-run to make the copies.")
    commands = [["verify"]]
    if result.failed:
        commands.insert(0, ["bulk", "--failed-of", result.reference])
        commands.insert(1, ["factories", "--batch", result.reference, "--status", "failed"])
    if result.pending or result.in_progress:
        commands.insert(0, ["bulk", "--resume", result.reference])
    return next_steps(*commands)


def build_errors_table(result: BulkResult) -> RenderableType:
    """A row per kind of error, with an example order and its message."""
    rows = [
        (
            error.field,
            error.code,
            error.count,
            error.orders,
            error.example_order,
            error.example_message,
        )
        for error in result.errors
    ]
    columns = ("field", "error", "#errors", "#orders", "for example order", "which says")
    return table(columns, rows, title="What was wrong")


def describe_batches(batches: Sequence[Mapping[str, Any]]) -> list[RenderableType]:
    """A row per batch."""
    if not batches:
        return [
            Text("There are no batches yet."),
            next_steps(["bulk", "--all-orders"]),
        ]
    columns = ("reference", "status", "#orders", "#copied", "#failed", "#unfinished", "recorded")
    rows = [
        (
            batch["reference"],
            batch["status"],
            batch["orders_count"],
            batch["completed"],
            batch["failed"],
            batch["pending"] + batch["in_progress"],
            batch["created_at"],
        )
        for batch in batches
    ]
    return [table(columns, rows)]


def _list_dry_run_counts(result: BulkResult) -> list[tuple[str, Any]]:
    counts: list[tuple[str, Any]] = [
        ("orders", result.orders_count),
        ("would be copied", result.completed),
        ("would fail", result.failed),
    ]
    if result.completed_with_errors:
        counts.insert(2, ("of these partly", result.completed_with_errors))
    if result.aborted:
        counts.append(("would be aborted", result.aborted))
    return [*counts, ("", "Nothing was changed.")]


def _list_counts(result: BulkResult) -> list[tuple[str, Any]]:
    counts: list[tuple[str, Any]] = [
        ("status", result.status),
        ("orders", result.orders_count),
        ("copied", result.completed),
        ("failed", result.failed),
    ]
    if result.completed_with_errors:
        counts.insert(3, ("of these partly", result.completed_with_errors))
    if result.pending or result.in_progress:
        counts.append(("unfinished", result.pending + result.in_progress))
    if result.aborted:
        counts.append(("aborted", result.aborted))
    if result.seconds:
        done, speed = (
            result.copied_in_this_run,
            format_count(round(result.orders_per_second), "order"),
        )
        summary = f"{format_count(done, 'order')} in {result.seconds:,.1f} s, {speed}/s"
        counts.append(("this run", summary if done else "no copies were left to make"))
    return counts
