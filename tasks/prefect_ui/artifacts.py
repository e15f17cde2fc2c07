"""What a person sees of a batch in the Prefect UI: its progress, and how it ended."""

import re
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from order_factory.models.results.copies import BulkResult

_KINDS_SHOWN = 25
_CHARACTERS_SHOWN = 300
# What Markdown may take for more than itself, inside a table too; links of its own making as well.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&:#!@$])")


def start_progress(reference: str) -> UUID:
    """An artifact that shows how far the batch is."""
    created = create_progress_artifact(0.0, description=f"Batch {reference}")
    assert isinstance(created, UUID)
    return created


def show_progress(artifact: UUID, done: int, total: int) -> None:
    update_progress_artifact(artifact, progress=100.0 * done / total if total else 100.0)


def _counts(result: BulkResult) -> list[tuple[str, int]]:
    """The counts by status, the last two where there are any."""
    counts = [
        ("orders", result.orders_count),
        ("copied", result.completed),
        ("copied in part", result.completed_with_errors),
        ("failed", result.failed),
    ]
    rare = [("unfinished", result.pending + result.in_progress), ("aborted", result.aborted)]
    return counts + [count for count in rare if count[1]]


def _shortened(text: str) -> str:
    if len(text) <= _CHARACTERS_SHOWN:
        return text
    return text[: _CHARACTERS_SHOWN - 1] + "…"


def _escaped(text: str) -> str:
    """Text of a shop or a caller as Markdown that shows just that text, in one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(_shortened(text).split()))


def table_of_result(result: BulkResult) -> list[dict[str, Any]]:
    """A row per status, then one for each of the most frequent kinds of error."""
    rows: list[dict[str, Any]] = [
        {"what": what, "count": count, "orders": count, "example order": "", "message": ""}
        for what, count in _counts(result)
    ]
    rows += [
        {
            "what": f"{error.field}: {error.code}",
            "count": error.count,
            "orders": error.orders,
            "example order": _shortened(error.example_order),
            "message": _shortened(error.example_message),
        }
        for error in result.errors[:_KINDS_SHOWN]
    ]
    return rows


def markdown_of_result(result: BulkResult) -> str:
    """The same for people: a headline, the counts, the errors, and where the report is."""
    copied = f"{result.completed:,} of {result.orders_count:,} orders copied"
    headline = result.outcome if result.dry_run or result.is_rejected else copied
    lines = [
        f"# Batch {_escaped(result.reference)}: {headline}",
        "",
        "| | orders |",
        "| --- | ---: |",
        *(f"| {what} | {count:,} |" for what, count in _counts(result)),
    ]
    if result.copied_in_this_run:
        done = f"{result.copied_in_this_run:,} orders in {result.seconds:,.1f} s"
        lines += ["", f"This run: {done}, {result.orders_per_second:,.0f} orders per second."]
    if result.errors:
        lines += [
            "",
            "## What was wrong",
            "",
            "| field | error | errors | orders | for example order | which says |",
            "| --- | --- | ---: | ---: | --- | --- |",
            *(
                f"| {_escaped(error.field)} | {_escaped(error.code)} | {error.count:,} "
                f"| {error.orders:,} | {_escaped(error.example_order)} "
                f"| {_escaped(error.example_message)} |"
                for error in result.errors[:_KINDS_SHOWN]
            ),
        ]
    if len(result.errors) > _KINDS_SHOWN:
        more = len(result.errors) - _KINDS_SHOWN
        lines += ["", f"{more} more kinds are on the page and in the report."]
    paths = {"Report": result.report_path, "Page": result.page_path}
    message = [f"- {name}: {_escaped(path)}" for name, path in paths.items() if path]
    return "\n".join([*lines, "", *message]) + "\n"


def show_errors(reference: str, rows: list[dict[str, str]]) -> None:
    """A table artifact of single errors, each with its order; none where there is no error."""
    if rows:
        create_table_artifact(
            table=[row | {"message": _shortened(row["message"])} for row in rows],
            key="bulk-order-factory-errors",
            description=f"Batch {_escaped(reference)}: what was wrong, order by order.",
        )


def show_result(result: BulkResult) -> None:
    """A table artifact for whoever sorts and counts, and a Markdown one for whoever reads."""
    create_table_artifact(
        table=table_of_result(result),
        key="bulk-order-factory-result",
        description=f"Batch {_escaped(result.reference)}: counts by status, then errors by kind.",
    )
    create_markdown_artifact(
        markdown=markdown_of_result(result),
        key="bulk-order-factory-summary",
        description=f"Batch {_escaped(result.reference)}",
    )
