"""The results of the demo, and the suggested next commands."""

import os

from rich.console import RenderableType
from rich.text import Text

from order_factory.cli.database import display_url
from order_factory.cli.demo.orders import PlacedCopies
from order_factory.cli.demo.run import Demo
from order_factory.cli.program import command_line
from order_factory.cli.tables import facts, next_steps
from order_factory.cli.terminal import printable
from order_factory.cli.views.batches import build_errors_table
from order_factory.cli.views.verification import describe_verdict
from order_factory.models.results.copies import BulkResult, OrderFactoryResult
from order_factory.models.values.counts import format_count
from order_factory.models.values.money import format_money
from order_factory.models.values.statuses import FactoryStatus


def describe_demo(demo: Demo) -> list[RenderableType]:
    """The counts, the errors by kind, the report, and three next commands."""
    single, batch = demo.single, demo.batch
    single_copied = single is not None and single.status == FactoryStatus.COMPLETED
    rows = [
        ("orders copied", (batch.completed if batch else 0) + single_copied),
        (
            "orders failed",
            (batch.failed if batch else 0) + (single is not None and not single_copied),
        ),
        ("import", _describe_import(demo)),
        ("one order", _describe_single(single, demo.made)),
        ("the others", _describe_batch(batch)),
    ]
    rows.append(("orders placed", _describe_placed(demo.placed)))
    if batch and batch.copied_in_this_run:
        rows.append(("orders per second", f"{batch.orders_per_second:,.0f}"))
    parts: list[RenderableType] = [facts(rows, title="The demo")]
    if batch and batch.errors:
        parts.append(build_errors_table(batch))
    if demo.elsewhere:
        parts.append(Text(_describe_elsewhere(demo.elsewhere)))
    parts.append(describe_verdict(demo.verification))
    if batch and batch.report_path:
        parts.append(Text(f"Report:   {printable(batch.report_path)}, a row per order"))
    if batch and batch.page_path:
        parts.append(Text(f"Page:     {printable(batch.page_path)}"))
    parts.append(Text(f"Database: {printable(display_url())}"))
    parts.append(next_steps(*suggest_commands(demo)))
    if "PREFECT_API_URL" not in os.environ:
        start = command_line("server", "start", program="prefect")
        parts.append(Text(f"Prefect's UI shows the runs: {start}, then http://127.0.0.1:4200"))
    return parts


def suggest_commands(demo: Demo) -> list[list[str]]:
    """Three commands that show the results of the demo."""
    if demo.failed is not None:
        factory, number = demo.failed
        return [["show", factory], ["copy", number, "--skip-errors"], ["orders", "--limit", "5"]]
    shown = [["show", demo.single.id]] if demo.single else [["batches"]]
    return [*shown, ["orders", "--limit", "5"], ["verify"]]


def _describe_placed(placed: PlacedCopies) -> str:
    authorized = ", ".join(
        format_money(cents, currency) for currency, cents in placed.authorized_cents.items()
    )
    return f"{placed.orders:,}; the gateway 'test', which moves no money, holds {authorized or 'nothing'}"


def _describe_import(demo: Demo) -> str:
    report = demo.imported
    if not report.imported:
        return f"nothing new: {format_count(report.unchanged, 'row')} existed already"
    rate = format_count(round(report.read / report.seconds) if report.seconds else 0, "row")
    summary = f"{format_count(report.imported, 'row')} in {report.seconds:,.1f} s, {rate}/s"
    return f"{summary}; {report.unchanged:,} existed already" if report.unchanged else summary


def _describe_single(single: OrderFactoryResult | None, made: bool) -> str:
    if single is None:
        return "no order is valid, so no single order was copied"
    number = single.source_order.number
    if single.target_order is None:
        return f"{number} could not be copied by the order_factory flow"
    copy = f"{number} to {single.target_order.number or single.target_order.id}"
    if made:
        return f"{copy}, by the order_factory flow"
    return f"{copy} by an earlier run; not copied again"


def _describe_batch(batch: BulkResult | None) -> str:
    if batch is None:
        return "there are none"
    if batch.copied_in_this_run:
        done = f"{batch.copied_in_this_run:,} of {batch.orders_count:,}"
        return f"{done} in {batch.seconds:,.1f} s, by the bulk_order_factory flow"
    return f"an earlier run finished the batch {batch.reference}; nothing was copied again"


def _describe_elsewhere(orders: int) -> str:
    copies = "1 of these orders also has a copy" if orders == 1 else f"{orders:,} also have a copy"
    return f"{copies} from a demo with another number of orders: each batch makes its own copies."
