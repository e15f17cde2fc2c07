"""The artifacts of a run in the Prefect UI: its progress and its results.

They are created with the open client of the flow run, because a new client takes longer.
"""

import json
import re
from collections.abc import Sequence
from shlex import quote
from typing import Any
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.schemas.actions import ArtifactCreate
from prefect.context import FlowRunContext

from order_factory.models.results.copies import (
    BulkResult,
    OrderFactoryResult,
    name_action,
    name_order,
)
from order_factory.models.results.orders import OrdersResult
from order_factory.models.results.step_times import StepTimes
from order_factory.models.settings import Settings
from order_factory.models.values.counts import format_count
from order_factory.tasks.prefect_ui.prefect_calls import try_call

_KINDS_SHOWN = 25
_ERRORS_SHOWN = 100
_CHARACTERS_SHOWN = 300
# Characters with a meaning in Markdown, in its tables and in automatic links.
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&:#!@$])")


def start_progress(description: str, key: str | None = None) -> UUID | None:
    """Create an artifact with the progress of a run. Returns None if Prefect's server is away."""
    created = try_call(lambda: create_progress_artifact(0.0, key, description))
    assert created is None or isinstance(created, UUID)
    return created


def show_progress(artifact: UUID | None, done: int, total: int) -> None:
    if artifact is not None:
        percent = 100.0 * done / total if total else 100.0
        try_call(lambda: update_progress_artifact(artifact, percent))


def _count_by_status(result: BulkResult) -> list[tuple[str, int]]:
    """Return the counts by status. The last two are left out if they are zero."""
    counts = [
        ("orders", result.orders_count),
        ("copied", result.completed),
        ("copied in part", result.completed_with_errors),
        ("failed", result.failed),
    ]
    rare = [("unfinished", result.pending + result.in_progress), ("aborted", result.aborted)]
    return counts + [count for count in rare if count[1]]


def _shorten(text: str) -> str:
    if len(text) <= _CHARACTERS_SHOWN:
        return text
    return text[: _CHARACTERS_SHOWN - 1] + "…"


def _escape(text: str) -> str:
    """Escape text of a shop or a caller, so that Markdown shows it as it is, in one line."""
    return _MARKDOWN.sub(r"\\\1", " ".join(_shorten(text).split()))


def build_result_table(result: BulkResult) -> list[dict[str, Any]]:
    """Return a row per status, then a row for each of the most frequent kinds of error."""
    rows: list[dict[str, Any]] = [
        {"what": what, "count": count, "orders": count, "example order": "", "message": ""}
        for what, count in _count_by_status(result)
    ]
    rows += [
        {
            "what": f"{error.field}: {error.code}",
            "count": error.count,
            "orders": error.orders,
            "example order": _shorten(error.example_order),
            "message": _shorten(error.example_message),
        }
        for error in result.errors[:_KINDS_SHOWN]
    ]
    return rows


def build_result_markdown(result: BulkResult, formats: Sequence[str] = ()) -> str:
    """Return the result for people: a headline, the counts, the errors, and the report's path.

    `formats` are the endings with which the HTTP API sends the report.
    """
    copied = f"{result.completed:,} of {format_count(result.orders_count, 'order')} copied"
    headline = result.outcome if result.dry_run or result.is_rejected else copied
    lines = [
        f"# Batch {_escape(result.reference)}: {headline}",
        "",
        "| | orders |",
        "| --- | ---: |",
        *(f"| {what} | {count:,} |" for what, count in _count_by_status(result)),
    ]
    if result.copied_in_this_run:
        done = f"{format_count(result.copied_in_this_run, 'order')} in {result.seconds:,.1f} s"
        lines += ["", f"This run: {done}, {result.orders_per_second:,.0f} orders per second."]
    if result.errors:
        lines += [
            "",
            "## What was wrong",
            "",
            "| field | error | errors | orders | example order | example message |",
            "| --- | --- | ---: | ---: | --- | --- |",
            *(
                f"| {_escape(error.field)} | {_escape(error.code)} | {error.count:,} "
                f"| {error.orders:,} | {_escape(error.example_order)} "
                f"| {_escape(error.example_message)} |"
                for error in result.errors[:_KINDS_SHOWN]
            ),
        ]
    if len(result.errors) > _KINDS_SHOWN:
        more = len(result.errors) - _KINDS_SHOWN
        lines += [
            "",
            f"{format_count(more, 'more kind is', 'more kinds are')} on the page and in the report.",
        ]
    paths = {"Report": result.report_path, "Page": result.page_path}
    places = [f"- {name}: {_escape(path)}" for name, path in paths.items() if path]
    if not result.dry_run:
        url = Settings().api_public_url
        if url:
            link = f"{url.rstrip('/')}/api/order_factory_batches/{result.id}/report"
            links = ", ".join(f"[{kind.removeprefix('.')}]({link}{kind})" for kind in formats)
            places.append(
                f"- Download: {links}. The browser asks for a user and a password: type `token` and "
                "an API token."
            )
        # Markdown has no escapes inside code.
        plain = re.fullmatch(r"[\w .:-]+", result.reference)
        name = quote(result.reference) if plain else "REFERENCE"
        command = f"order-factory batch {name} --report night.csv"
        places += [f"- On the command line: `{command}`"]
    return "\n".join([*lines, "", *places]) + "\n"


def show_counts(result: BulkResult) -> None:
    """Create a table artifact of the result, to sort and count with."""
    create(
        "bulk-order-factory-result",
        "table",
        f"Batch {_escape(result.reference)}: counts by status, then errors by kind.",
        build_result_table(result),
    )


def show_summary(result: BulkResult, formats: Sequence[str]) -> None:
    """Create a Markdown artifact of the result, to read, with the path of the report."""
    text = build_result_markdown(result, formats)
    create("bulk-order-factory-summary", "markdown", f"Batch {_escape(result.reference)}", text)


def show_orders(reference: str, count: int, rows: list[dict[str, str]]) -> None:
    """Create a table artifact of source and target orders. `rows` are the first of `count`."""
    if rows:
        more = max(0, count - len(rows))
        create(
            "bulk-order-factory-orders",
            "table",
            f"Batch {_escape(reference)}: which order was copied to which."
            + _describe_shown(len(rows), count, "orders"),
            [*rows, *([{"source order": f"and {more:,} more, see the report"}] if more else [])],
        )


def show_errors(result: BulkResult, rows: list[dict[str, str]]) -> None:
    """Create a table artifact of errors, each with its order, if there are errors."""
    if rows:
        wrong = result.failed + result.completed_with_errors
        shown = len({row["order"] for row in rows})
        table = [row | {"message": _shorten(row["message"])} for row in rows]
        if wrong > shown:
            table.append({"order": f"and {wrong - shown:,} more, see the report"})
        create(
            "bulk-order-factory-errors",
            "table",
            f"Batch {_escape(result.reference)}: what was wrong, order by order."
            + _describe_shown(shown, wrong, "orders with errors"),
            table,
        )


def show_copies(results: list[OrderFactoryResult], count: int) -> None:
    """Create a Markdown artifact of single copies and a table artifact of their errors.

    `results` are the first of `count` copies.
    """
    text = build_copies_markdown(results, count)
    create("order-factory-copy", "markdown", "Which order was copied to which", text)
    errors = [
        {
            "order": result.source_order.number or result.source_order.id,
            "field": field,
            "message": _shorten(message),
        }
        for result in results
        for field, messages in (result.errors_log or {}).items()
        for message in messages
    ]
    if errors:
        table = errors[:_ERRORS_SHOWN]
        if len(errors) > len(table):
            table.append({"order": f"and {format_count(len(errors) - len(table), 'more error')}"})
        create("order-factory-errors", "table", "What was wrong", table)


def build_copies_markdown(results: list[OrderFactoryResult], count: int) -> str:
    """Return a table of source and target orders, by number and id, with their errors."""
    lines = [
        f"# {_escape(_make_headline(results[0]))}"
        if count == 1
        else f"# {format_count(count, 'order')}",
        "",
        "| source order | id | outcome | target order | id | status |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for result in results:
        source, target = result.source_order, result.target_order
        target_columns = [target.number or "", target.id, target.status] if target else ["", "", ""]
        cells = [source.number or "", source.id, result.status, *target_columns]
        lines.append(f"| {' | '.join(_escape(cell) for cell in cells)} |")
    if count > len(results):
        lines += ["", f"{len(results):,} of {count:,} shown, and {count - len(results):,} more."]
    if count == 1 and results[0].errors_log:
        lines += ["", "What was wrong:", ""]
        lines += [
            f"- {_escape(field)}: {_escape(message)}"
            for field, messages in results[0].errors_log.items()
            for message in messages[:_ERRORS_SHOWN]
        ]
    if count == 1:
        lines += ["", f"Order factory {results[0].id}"]
    return "\n".join(lines) + "\n"


def _make_headline(result: OrderFactoryResult) -> str:
    source, target = result.source_order, result.target_order
    if target is None:
        return f"Order {name_order(source)} was not copied"
    return f"Order {name_order(source)} was {name_action(result)} to order {name_order(target)}"


def show_orders_result(result: OrdersResult) -> None:
    """Create a table artifact of the result of a change of orders, and one of its problems."""
    counts = [
        ("orders", result.orders_count),
        ("done", result.done),
        ("refused", result.refused),
        ("waiting for a gateway", result.waiting),
    ]
    rows = [{"what": what, "count": count} for what, count in counts]
    create(f"{result.change}-orders", "table", f"How many orders: {result.change}.", rows)
    if result.problems:
        table = [
            {"order": each.order, "field": each.field, "message": _shorten(each.message)}
            for each in result.problems[:_ERRORS_SHOWN]
        ]
        shown = _describe_shown(len(table), len(result.problems), "problems")
        create(f"{result.change}-orders-errors", "table", "What was wrong." + shown, table)


def show_times(times: StepTimes) -> None:
    """Create a table artifact of each step's time over all parts, if anything was copied."""
    total = times.seconds
    if times:
        create(
            "where-the-time-went",
            "table",
            "Where the time went: every step over all parts.",
            [
                {
                    "step": time.step,
                    "rows": time.rows,
                    "seconds": round(time.seconds, 4),
                    "share": f"{time.seconds / total:.1%}" if total else "",
                }
                for time in times
            ],
        )


def _describe_shown(shown: int, count: int, what: str) -> str:
    if shown >= count:
        return ""
    return f" {shown:,} of {count:,} {what} shown, and {count - shown:,} more."


def create(key: str, kind: str, description: str, data: Any) -> None:
    """Create an artifact of the current flow run through its open client, if there is one."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    artifact = ArtifactCreate(
        key=key,
        type=kind,
        description=description,
        data=json.dumps(data) if kind == "table" else data,
        flow_run_id=context.flow_run.id,
    )
    client = context.client
    try_call(lambda: client.create_artifact(artifact))
