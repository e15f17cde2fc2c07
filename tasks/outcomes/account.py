"""Report what a run has copied: report file, artifacts, tags, links and Prefect events.

A run collects its results in a `Run`, and `account_for` publishes them after the last commit. The
results come from the database, so they are the same for every runner.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from prefect.runtime import flow_run
from sqlalchemy import Connection

from order_factory.models.errors import describe_os_error
from order_factory.models.results.copies import BulkResult, OrderFactoryResult, summary
from order_factory.models.results.step_times import StepTimes
from order_factory.models.values.counts import format_count
from order_factory.tasks.batches.first_errors import read_first_errors
from order_factory.tasks.batches.first_orders import read_first_orders
from order_factory.tasks.batches.records import read_batch
from order_factory.tasks.factories.ended import count_ended, read_ended
from order_factory.tasks.prefect_ui import artifacts, events, tags_and_links
from order_factory.tasks.prefect_ui.background_calls import BackgroundCalls
from order_factory.tasks.prefect_ui.run_logs import log_line
from order_factory.tasks.reports.formats import ENDINGS
from order_factory.tasks.reports.page import write_page
from order_factory.tasks.reports.paths import page_path, report_path
from order_factory.tasks.reports.writing import write_report

ORDERS_SHOWN = 100


@dataclass(frozen=True)
class BatchAccount:
    """A batch for the report of its run: its result, its first orders and its first errors.

    `is_shown` says that Prefect has them already. Only the summary with the report is missing.
    """

    result: BulkResult
    orders: list[dict[str, str]]
    errors: list[dict[str, str]]
    is_shown: bool = False


@dataclass(frozen=True)
class PartAccount:
    """One part of a batch: its number of orders, and the first of them."""

    reference: str
    count: int
    orders: list[dict[str, str]]


@dataclass(frozen=True)
class Singles:
    """The single copies that a run has finished: their counts, and the first of them."""

    completed: int = 0
    failed: int = 0
    first: list[OrderFactoryResult] = field(default_factory=list)


@dataclass
class Run:
    """What a flow run has copied: single orders, batches, or a part of a batch."""

    singles: Singles = field(default_factory=Singles)
    batches: list[BatchAccount] = field(default_factory=list)
    times: StepTimes = field(default_factory=StepTimes)
    part: PartAccount | None = None

    @property
    def completed(self) -> int:
        return self.singles.completed + sum(batch.result.completed for batch in self.batches)

    @property
    def failed(self) -> int:
        return self.singles.failed + sum(batch.result.failed for batch in self.batches)

    @property
    def outcome(self) -> str:
        """The outcome in one line."""
        orders = self.completed + self.failed
        if not orders:
            return "nothing was copied"
        if orders == 1 and self.singles.first:
            return summary(self.singles.first[0])
        return (
            f"{self.completed:,} of {format_count(orders, 'order')} copied, {self.failed:,} failed"
        )


def make_run_of_single_copy(result: OrderFactoryResult, times: StepTimes) -> Run:
    """Return the `Run` of a single copy."""
    failed = int(result.status == "failed")
    return Run(Singles(1 - failed, failed, [result]), times=times)


def read_singles(db: Connection, after_event: int) -> Singles:
    """Return the single copies that this flow run has ended after the event `after_event`."""
    completed, failed = count_ended(db, after_event, flow_run.id)
    if not completed + failed:
        return Singles()
    first = read_ended(db, after_event, flow_run.id, ORDERS_SHOWN)
    return Singles(completed, failed, first)


def read_batch_account(
    db: Connection,
    batch_id: int,
    *,
    closed: int,
    seconds: float,
    report: Path | None = None,
    dry_run: bool = False,
    meanwhile: Callable[[], None] = lambda: None,
    calls: BackgroundCalls | None = None,
) -> BatchAccount:
    """Write the report and the page of the batch so far. Returns its result and its first rows.

    `report` is the path of the report, or None for the default path. If the report cannot be
    written, the result has no path, and the log gives the reason. `closed` is the number of copies
    that this run has closed, and `seconds` its duration. `meanwhile` is called again and again
    while the report is written. With `calls`, the orders and errors are shown in Prefect meanwhile.
    """
    result = read_batch(db, batch_id)
    values_of_run = {"seconds": seconds, "copied_in_this_run": closed, "dry_run": dry_run}
    result = result.model_copy(update=values_of_run)
    orders = [] if dry_run else read_first_orders(db, batch_id)
    errors = read_first_errors(db, batch_id) if result.errors else []
    account = BatchAccount(result, orders, errors, is_shown=calls is not None)
    if calls is not None:
        calls.make(lambda: _show_batch(account))
    path = report or report_path(None, result.reference)
    try:
        result = _write_report_and_page(db, batch_id, result, path, meanwhile)
    except OSError as error:
        log_line(
            f"The report {path} could not be written ({describe_os_error(error)}). The copies are complete. "
            f"`order-factory batch {result.reference} --report PATH` writes it elsewhere."
        )
    return replace(account, result=result)


def _write_report_and_page(
    db: Connection,
    batch_id: int,
    result: BulkResult,
    path: Path,
    meanwhile: Callable[[], None],
) -> BulkResult:
    page = page_path(path)
    paths = {"report_path": str(path), "page_path": str(page)}
    result = result.model_copy(update=paths)
    write_report(db, batch_id, path, dry_run=result.dry_run, meanwhile=meanwhile)
    write_page(db, batch_id, result, page)
    return result


def account_for(run: Run) -> None:
    """Show in Prefect what the run has copied, and publish it."""
    for batch in run.batches:
        _account_for_batch(batch)
    if run.part:
        artifacts.show_orders(run.part.reference, run.part.count, run.part.orders)
    if run.singles.first:
        _account_for_singles(run.singles)
    tags_and_links.tag_run(_list_tags(run))
    artifacts.show_times(run.times)


def _account_for_batch(batch: BatchAccount) -> None:
    if not batch.is_shown:
        _show_batch(batch)
    artifacts.show_summary(batch.result, [".html", *ENDINGS])
    if not batch.result.dry_run:
        events.publish_batch(batch.result)


def _show_batch(batch: BatchAccount) -> None:
    result = batch.result
    artifacts.show_counts(result)
    artifacts.show_orders(result.reference, result.orders_count, batch.orders)
    artifacts.show_errors(result, batch.errors)
    if not result.dry_run:
        tags_and_links.link_resource("order_factory_batches", result.id)


def _account_for_singles(singles: Singles) -> None:
    artifacts.show_copies(singles.first, singles.completed + singles.failed)
    for result in singles.first:
        events.publish_factory(result)
    events.publish_more(singles.completed + singles.failed - len(singles.first))
    if len(singles.first) == 1:
        tags_and_links.link_resource("order_factories", singles.first[0].id)


def _list_tags(run: Run) -> list[str]:
    tags: list[str] = []
    for result in run.singles.first[: tags_and_links.MOST_ORDERS]:
        tags += tags_and_links.list_order_tags(result)
    tags += [tags_and_links.make_tag("batch", batch.result.reference) for batch in run.batches]
    if run.part:
        tags.append(tags_and_links.make_tag("batch", run.part.reference))
    outcomes = [tags_and_links.name_factory_outcome(result) for result in run.singles.first]
    outcomes += [tags_and_links.name_batch_outcome(batch.result) for batch in run.batches]
    tags += [tags_and_links.make_tag("outcome", outcome) for outcome in outcomes]
    return list(dict.fromkeys(tags))
